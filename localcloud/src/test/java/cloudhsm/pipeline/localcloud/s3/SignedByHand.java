package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Presigned URLs and browsers' forms at any date, which SDKs make at the machine's only, and what is sent with them. */
final class SignedByHand {
    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final LocalCloud cloud;
    private final Identity signer;
    private final Instant at;

    SignedByHand(LocalCloud cloud, Identity signer, Instant at) {
        this.cloud = cloud;
        this.signer = signer;
        this.at = at;
    }

    private String date() {
        return DATE.format(at);
    }

    private String credential() {
        return signer.accessKeyId() + "/" + date().substring(0, 8) + "/eu-central-1/s3/aws4_request";
    }

    /**
     * @param expires the parameter's text, which may be wrong
     * @param headers that are signed beside Host; lower-case names
     */
    URI url(String method, String path, String expires, Map<String, String> headers) {
        var signed = new TreeMap<>(headers);
        signed.put("host", cloud.uri().getAuthority());
        var names = String.join(";", signed.keySet());
        var query = new TreeMap<>(Map.of(
                "X-Amz-Algorithm",
                "AWS4-HMAC-SHA256",
                "X-Amz-Credential",
                credential(),
                "X-Amz-Date",
                date(),
                "X-Amz-Expires",
                expires,
                "X-Amz-SignedHeaders",
                names));
        var canonicalQuery = query.entrySet().stream()
                .map(each -> each.getKey() + "=" + URLEncoder.encode(each.getValue(), StandardCharsets.UTF_8))
                .collect(Collectors.joining("&"));
        var canonicalHeaders = signed.entrySet().stream()
                .map(each -> each.getKey() + ":" + each.getValue() + "\n")
                .collect(Collectors.joining());
        var request = String.join("\n", method, path, canonicalQuery, canonicalHeaders, names, "UNSIGNED-PAYLOAD");
        var scope = credential().substring(signer.accessKeyId().length() + 1);
        var signature = sign(String.join("\n", "AWS4-HMAC-SHA256", date(), scope, sha256(request)));
        return URI.create(cloud.uri() + path + "?" + canonicalQuery + "&X-Amz-Signature=" + signature);
    }

    /** The fields of a form under this policy, in the order in which browsers send them. */
    Map<String, String> form(String key, String policy) {
        var base64 = Base64.getEncoder().encodeToString(policy.getBytes(StandardCharsets.UTF_8));
        var fields = new LinkedHashMap<String, String>();
        fields.put("key", key);
        fields.put("x-amz-algorithm", "AWS4-HMAC-SHA256");
        fields.put("x-amz-credential", credential());
        fields.put("x-amz-date", date());
        fields.put("Policy", base64);
        fields.put("X-Amz-Signature", sign(base64));
        return fields;
    }

    private String sign(String text) {
        var key = hmac(("AWS4" + signer.secretAccessKey()).getBytes(StandardCharsets.UTF_8), date().substring(0, 8));
        for (var part : new String[] {"eu-central-1", "s3", "aws4_request"}) key = hmac(key, part);
        return HexFormat.of().formatHex(hmac(key, text));
    }

    private static byte[] hmac(byte[] key, String text) {
        try {
            var mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static HttpResponse<String> send(String method, URI url, String body, Map<String, String> headers) {
        var request = HttpRequest.newBuilder(url)
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        headers.forEach(request::header);
        return send(request.build());
    }

    /** Sends a form as a browser does: every field a part, the file last. */
    static HttpResponse<String> post(URI url, Map<String, String> fields, String fileName, String file) {
        var body = new ByteArrayOutputStream();
        fields.forEach((name, value) -> part(body, "name=\"" + name + "\"", value));
        part(body, "name=\"file\"; filename=\"" + fileName + "\"\r\nContent-Type: text/plain", file);
        body.writeBytes("--boundary--\r\n".getBytes(StandardCharsets.UTF_8));
        return send(HttpRequest.newBuilder(url)
                .header("Content-Type", "multipart/form-data; boundary=boundary")
                .POST(BodyPublishers.ofByteArray(body.toByteArray()))
                .build());
    }

    private static void part(ByteArrayOutputStream body, String disposition, String content) {
        var text = "--boundary\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
        body.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    private static HttpResponse<String> send(HttpRequest request) {
        try {
            return HTTP.send(request, BodyHandlers.ofString());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }
}
