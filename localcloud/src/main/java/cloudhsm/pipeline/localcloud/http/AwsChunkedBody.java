package cloudhsm.pipeline.localcloud.http;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The {@code aws-chunked} content encoding, which SDKs use for uploads: chunks with a signature each, and trailing
 * checksum headers. The chunks' own signatures are not checked; the request's is.
 *
 * @param body what was uploaded
 * @param trailers checksums, by lower-case name as headers are
 */
record AwsChunkedBody(byte[] body, Map<String, List<String>> trailers) {

    /** @throws AwsException IncompleteBody where the chunks do not add up */
    static AwsChunkedBody decode(byte[] encoded) {
        var decoded = new ByteArrayOutputStream(encoded.length);
        int position = 0;
        while (true) {
            int lineEnd = indexOfLineEnd(encoded, position);
            var header = new String(encoded, position, lineEnd - position, StandardCharsets.US_ASCII);
            int semicolon = header.indexOf(';');
            int size = Integer.parseInt(semicolon < 0 ? header : header.substring(0, semicolon), 16);
            position = lineEnd + 2;
            if (size == 0) return new AwsChunkedBody(decoded.toByteArray(), trailers(encoded, position));
            if (position + size > encoded.length) throw incomplete();
            decoded.write(encoded, position, size);
            position += size + 2;
        }
    }

    /** The request with this body, and with the trailers among its headers. */
    AwsRequest of(AwsRequest head) {
        var headers = new HashMap<>(head.headers());
        headers.putAll(trailers);
        return head.with(headers, body);
    }

    private static Map<String, List<String>> trailers(byte[] encoded, int position) {
        var trailers = new HashMap<String, List<String>>();
        var text = new String(encoded, position, encoded.length - position, StandardCharsets.US_ASCII);
        for (var line : text.split("\r\n")) {
            int colon = line.indexOf(':');
            if (colon < 1) continue;
            var name = line.substring(0, colon).strip().toLowerCase(Locale.ROOT);
            if (name.startsWith("x-amz-checksum-"))
                trailers.put(name, List.of(line.substring(colon + 1).strip()));
        }
        return trailers;
    }

    private static int indexOfLineEnd(byte[] bytes, int from) {
        for (int i = from; i + 1 < bytes.length; i++) {
            if (bytes[i] == '\r' && bytes[i + 1] == '\n') return i;
        }
        throw incomplete();
    }

    private static AwsException incomplete() {
        return AwsException.badRequest("IncompleteBody", "The aws-chunked body ends too early");
    }
}
