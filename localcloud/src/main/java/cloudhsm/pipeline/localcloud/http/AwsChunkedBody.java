package cloudhsm.pipeline.localcloud.http;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The {@code aws-chunked} content encoding, which SDKs use for uploads: chunks with a signature each, and trailing
 * checksum headers. The chunks' own signatures are not checked; the request's is.
 */
final class AwsChunkedBody {
    private AwsChunkedBody() {}

    /** @throws AwsException IncompleteBody where the chunks do not add up */
    static byte[] decode(byte[] encoded) {
        var decoded = new ByteArrayOutputStream(encoded.length);
        int position = 0;
        while (true) {
            int lineEnd = indexOfLineEnd(encoded, position);
            var header = new String(encoded, position, lineEnd - position, StandardCharsets.US_ASCII);
            int semicolon = header.indexOf(';');
            int size = Integer.parseInt(semicolon < 0 ? header : header.substring(0, semicolon), 16);
            if (size == 0) return decoded.toByteArray();
            position = lineEnd + 2;
            if (position + size > encoded.length) throw incomplete();
            decoded.write(encoded, position, size);
            position += size + 2;
        }
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
