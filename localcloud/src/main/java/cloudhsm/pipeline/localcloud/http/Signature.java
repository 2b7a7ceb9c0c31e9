package cloudhsm.pipeline.localcloud.http;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * AWS Signature Version 4: in the Authorization header, in a {@link PresignedUrl} or over the policy of a {@link
 * PostForm}.
 *
 * @param signedHeaders lower-case names; none of a form
 * @see <a href="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html">Create a
 *     signed AWS API request</a>
 */
record Signature(
        String accessKeyId, String date, String region, String service, List<String> signedHeaders, String signature) {
    static final String ALGORITHM = "AWS4-HMAC-SHA256";
    private static final DateTimeFormatter DATED = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'", Locale.ROOT);

    /** By how much a client's clock may be wrong. */
    private static final Duration SKEW = Duration.ofMinutes(15);

    private static final Map<List<String>, byte[]> SIGNING_KEYS = new ConcurrentHashMap<>();
    private static final int MOST_SIGNING_KEYS = 1_000;

    /** @throws AwsException where there is no such header or it is not of SigV4's form */
    static Signature parse(String authorization) {
        if (authorization == null || !authorization.startsWith(ALGORITHM + " ")) {
            throw new AwsException(
                    "MissingAuthenticationToken", 403, "The request needs a Signature Version 4 Authorization header");
        }
        var parts = new TreeMap<String, String>();
        for (var part : authorization.substring(ALGORITHM.length()).split(",")) {
            var equals = part.indexOf('=');
            if (equals > 0)
                parts.put(
                        part.substring(0, equals).strip(),
                        part.substring(equals + 1).strip());
        }
        var scope = parts.getOrDefault("Credential", "").split("/");
        if (scope.length != 5 || !parts.containsKey("SignedHeaders") || !parts.containsKey("Signature")) {
            throw new AwsException("IncompleteSignature", 400, "The Authorization header is not complete");
        }
        return new Signature(
                scope[0],
                scope[1],
                scope[2],
                scope[3],
                List.of(parts.get("SignedHeaders").split(";")),
                parts.get("Signature"));
    }

    boolean isForS3() {
        return service.equals("s3");
    }

    /** Whether the body comes in chunks; see {@link AwsChunkedBody}. */
    boolean isChunked(Map<String, List<String>> headers) {
        return payload(headers).startsWith("STREAMING-");
    }

    private static String payload(Map<String, List<String>> headers) {
        return headers.getOrDefault("x-amz-content-sha256", List.of("")).getFirst();
    }

    /**
     * Whether the body is the one that was signed. S3 reads its hash from a header, which may also say that the body is
     * not signed, or in chunks; every other service takes the hash of what arrives.
     */
    boolean covers(Map<String, List<String>> headers, byte[] body) {
        return !isForS3()
                || isChunked(headers)
                || payload(headers).equals("UNSIGNED-PAYLOAD")
                || payload(headers).equals(sha256(body));
    }

    /** Whether the request is dated within a quarter of an hour of now, and its scope with the same day. */
    boolean isDatedNear(Instant now, Map<String, List<String>> headers) {
        var dated = headers.getOrDefault("x-amz-date", List.of("")).getFirst();
        try {
            var at = LocalDateTime.parse(dated, DATED).toInstant(ZoneOffset.UTC);
            return dated.startsWith(date + "T")
                    && Duration.between(at, now).abs().compareTo(SKEW) <= 0;
        } catch (DateTimeParseException undated) {
            return false;
        }
    }

    boolean verifies(
            String secret,
            String method,
            String rawPath,
            String rawQuery,
            Map<String, List<String>> headers,
            byte[] body) {
        var payload = isForS3() ? payload(headers) : sha256(body);
        var time = headers.getOrDefault("x-amz-date", List.of("")).getFirst();
        return verifies(secret, method, rawPath, rawQuery, headers, payload, time);
    }

    /**
     * @param payload hash of the body, or the word that stands for none
     * @param time as it was signed, in ISO 8601's basic form
     */
    boolean verifies(
            String secret,
            String method,
            String rawPath,
            String rawQuery,
            Map<String, List<String>> headers,
            String payload,
            String time) {
        var canonicalHeaders = new StringBuilder();
        for (var name : signedHeaders) {
            var values = headers.getOrDefault(name, List.of());
            canonicalHeaders
                    .append(name)
                    .append(':')
                    .append(String.join(
                            ",", values.stream().map(Signature::trimmed).toList()))
                    .append('\n');
        }
        var canonicalRequest = String.join(
                "\n",
                method,
                isForS3() ? rawPath : encodedPath(rawPath),
                canonicalQuery(rawQuery),
                canonicalHeaders.toString(),
                String.join(";", signedHeaders),
                payload);
        var scope = String.join("/", date, region, service, "aws4_request");
        var toSign =
                String.join("\n", ALGORITHM, time, scope, sha256(canonicalRequest.getBytes(StandardCharsets.UTF_8)));
        return signs(secret, toSign);
    }

    /** Whether this is the signature of the text itself, as of a form's policy. */
    boolean signs(String secret, String text) {
        return MessageDigest.isEqual(
                HexFormat.of().formatHex(hmac(signingKey(secret), text)).getBytes(StandardCharsets.US_ASCII),
                signature.getBytes(StandardCharsets.US_ASCII));
    }

    /** The same for all requests of one caller to one service in one day. */
    private byte[] signingKey(String secret) {
        if (SIGNING_KEYS.size() > MOST_SIGNING_KEYS) SIGNING_KEYS.clear();
        return SIGNING_KEYS.computeIfAbsent(
                List.of(secret, date, region, service),
                any -> hmac(
                        hmac(hmac(hmac(("AWS4" + secret).getBytes(StandardCharsets.UTF_8), date), region), service),
                        "aws4_request"));
    }

    private static String trimmed(String value) {
        var stripped = value.strip();
        return stripped.contains("  ") ? stripped.replaceAll(" +", " ") : stripped;
    }

    private static String canonicalQuery(String rawQuery) {
        if (rawQuery == null || rawQuery.isEmpty()) return "";
        var pairs = new ArrayList<String>();
        for (var pair : rawQuery.split("&")) {
            var equals = pair.indexOf('=');
            var name = equals < 0 ? pair : pair.substring(0, equals);
            if (name.equals(PresignedUrl.SIGNATURE)) continue;
            var value = equals < 0 ? "" : pair.substring(equals + 1);
            pairs.add(encoded(URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8)) + "="
                    + encoded(URLDecoder.decode(value.replace("+", "%2B"), StandardCharsets.UTF_8)));
        }
        pairs.sort(null);
        return String.join("&", pairs);
    }

    /** Every service but S3 signs the path encoded a second time. */
    private static String encodedPath(String rawPath) {
        var segments = new ArrayList<String>();
        for (var segment : rawPath.split("/", -1)) segments.add(encoded(segment));
        return String.join("/", segments);
    }

    private static String encoded(String text) {
        var encoded = new StringBuilder();
        for (var b : text.getBytes(StandardCharsets.UTF_8)) {
            var c = (char) (b & 0xff);
            if (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || "-_.~".indexOf(c) >= 0) {
                encoded.append(c);
            } else {
                encoded.append('%').append(String.format(Locale.ROOT, "%02X", (int) c));
            }
        }
        return encoded.toString();
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
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
}
