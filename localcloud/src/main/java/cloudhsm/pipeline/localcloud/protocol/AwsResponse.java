package cloudhsm.pipeline.localcloud.protocol;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What goes back over the wire. A HEAD answer keeps its {@code Content-Length} header and sends no body. */
public record AwsResponse(int status, Map<String, String> headers, byte[] body) {
    public AwsResponse {
        headers = Map.copyOf(headers);
    }

    public static AwsResponse empty(int status) {
        return new AwsResponse(status, Map.of(), new byte[0]);
    }

    public static AwsResponse text(int status, String contentType, String body) {
        return new AwsResponse(status, Map.of("Content-Type", contentType), body.getBytes(StandardCharsets.UTF_8));
    }
}
