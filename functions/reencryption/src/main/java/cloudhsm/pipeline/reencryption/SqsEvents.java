package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;

/**
 * The event that Lambda makes of a queue's messages, and the answer to it, as JSON. Read and written here instead of by
 * Lambda's runtime, whose serialization of the event types loads a thousand classes: half of the function's start.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html">Using Lambda with Amazon SQS</a>
 */
final class SqsEvents {
    private static final JsonNodeParser PARSER = JsonNodeParser.create();

    private SqsEvents() {}

    /** What the function needs of each message: id, receipt handle, body and system attributes. */
    static SQSEvent read(InputStream json) {
        var messages = new ArrayList<SQSMessage>();
        for (var node : PARSER.parse(json).field("Records").orElseThrow().asArray()) messages.add(message(node));
        var event = new SQSEvent();
        event.setRecords(messages);
        return event;
    }

    private static SQSMessage message(JsonNode node) {
        var message = new SQSMessage();
        message.setMessageId(text(node, "messageId"));
        message.setReceiptHandle(text(node, "receiptHandle"));
        message.setBody(text(node, "body"));
        message.setAttributes(attributes(node));
        return message;
    }

    private static Map<String, String> attributes(JsonNode message) {
        var attributes = new HashMap<String, String>();
        var node = message.field("attributes").orElse(null);
        if (node != null) node.asObject().forEach((name, value) -> attributes.put(name, value.asString()));
        return attributes;
    }

    private static String text(JsonNode message, String field) {
        return message.field(field).orElseThrow().asString();
    }

    /** The answer with ReportBatchItemFailures; any other spelling would send the whole batch back. */
    static void write(SQSBatchResponse answer, OutputStream json) throws IOException {
        var writer = JsonWriter.create().writeStartObject();
        writer.writeFieldName("batchItemFailures").writeStartArray();
        for (var failure : answer.getBatchItemFailures()) {
            writer.writeStartObject().writeFieldName("itemIdentifier").writeValue(failure.getItemIdentifier());
            writer.writeEndObject();
        }
        json.write(writer.writeEndArray().writeEndObject().getBytes());
    }
}
