package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The input of the JSON protocols: the body. */
final class JsonInput {
    private JsonInput() {}

    /** @throws AwsException SerializationException if the body is no JSON object */
    static ObjectNode read(byte[] body) {
        if (Json.parse(body) instanceof ObjectNode object) return object;
        throw AwsException.badRequest("SerializationException", "The request body is not a JSON object");
    }
}
