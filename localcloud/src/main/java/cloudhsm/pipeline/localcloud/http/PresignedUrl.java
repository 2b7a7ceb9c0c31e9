package cloudhsm.pipeline.localcloud.http;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The signature of a presigned URL, in its query.
 *
 * @param expires how long after {@code signedAt} the URL may be used
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html">Authenticating requests:
 *     using query parameters</a>
 */
record PresignedUrl(Signature signature, Instant signedAt, Duration expires) {
    static final String SIGNATURE = "X-Amz-Signature";

    private static final String ALGORITHM = "X-Amz-Algorithm";
    private static final String CREDENTIAL = "X-Amz-Credential";
    private static final String DATE = "X-Amz-Date";
    private static final String EXPIRES = "X-Amz-Expires";
    private static final String SIGNED_HEADERS = "X-Amz-SignedHeaders";
    private static final Set<String> REQUIRED = Set.of(ALGORITHM, CREDENTIAL, DATE, EXPIRES, SIGNED_HEADERS, SIGNATURE);
    private static final Set<String> OPTIONAL = Set.of("X-Amz-Security-Token", "X-Amz-Content-Sha256");
    private static final DateTimeFormatter ISO_BASIC =
            DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmssX").withZone(ZoneOffset.UTC);

    /** Seven days, in seconds. */
    private static final long LONGEST = 604_800;

    /** How far clocks may be apart. */
    private static final Duration SKEW = Duration.ofMinutes(15);

    static boolean isOne(Map<String, List<String>> query) {
        return query.containsKey(ALGORITHM) || query.containsKey(SIGNATURE);
    }

    /** @throws AwsException AuthorizationQueryParametersError where a parameter is missing or not of SigV4's form */
    static PresignedUrl parse(Map<String, List<String>> query) {
        if (!query.keySet().containsAll(REQUIRED)) {
            throw refused("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential,"
                    + " X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
        }
        if (!value(query, ALGORITHM).equals(Signature.ALGORITHM)) {
            throw refused("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"");
        }
        var scope = value(query, CREDENTIAL).split("/");
        if (scope.length != 5 || !scope[4].equals("aws4_request")) {
            throw refused("Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting"
                    + " \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
        }
        if (!scope[3].equals("s3")) {
            throw refused("Error parsing the X-Amz-Credential parameter; incorrect service \"" + scope[3]
                    + "\". This endpoint belongs to \"s3\".");
        }
        var date = value(query, DATE);
        var signedAt = signedAt(date);
        if (!date.startsWith(scope[1])) {
            throw refused("Invalid credential date \"" + scope[1] + "\". This date is not the same as X-Amz-Date: \""
                    + date.substring(0, 8) + "\".");
        }
        var signedHeaders = List.of(value(query, SIGNED_HEADERS).split(";"));
        return new PresignedUrl(
                new Signature(scope[0], scope[1], scope[2], scope[3], signedHeaders, value(query, SIGNATURE)),
                signedAt,
                expires(value(query, EXPIRES)));
    }

    private static Instant signedAt(String date) {
        try {
            return ISO_BASIC.parse(date, Instant::from);
        } catch (DateTimeException malformed) {
            throw refused("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
        }
    }

    private static Duration expires(String seconds) {
        if (!seconds.matches("-?\\d{1,18}")) throw refused("X-Amz-Expires should be a number");
        var expires = Long.parseLong(seconds);
        if (expires < 0) throw refused("X-Amz-Expires must be non-negative");
        if (expires > LONGEST) {
            throw refused(
                    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be"
                            + " less than 604800 seconds");
        }
        return Duration.ofSeconds(expires);
    }

    private static String value(Map<String, List<String>> query, String name) {
        return query.get(name).getFirst();
    }

    private static AwsException refused(String message) {
        return AwsException.badRequest("AuthorizationQueryParametersError", message);
    }

    /**
     * The query without its signature, as the operation sees it.
     *
     * @throws AwsException NotImplemented for a header that was moved into the query
     */
    static Map<String, List<String>> argumentsOf(Map<String, List<String>> query) {
        var arguments = new LinkedHashMap<>(query);
        arguments.keySet().removeAll(REQUIRED);
        arguments.keySet().removeAll(OPTIONAL);
        for (var name : arguments.keySet()) {
            if (!name.regionMatches(true, 0, "x-amz-", 0, 6)) continue;
            throw new AwsException(
                    "NotImplemented", 501, "The embedded AWS takes no header as a query parameter: " + name);
        }
        return arguments;
    }

    /** What was hashed for the signature: nothing, unless the client says so. */
    static String payload(Map<String, List<String>> query, Map<String, List<String>> headers) {
        var header = headers.get("x-amz-content-sha256");
        if (header != null) return header.getFirst();
        return query.getOrDefault("X-Amz-Content-Sha256", List.of("UNSIGNED-PAYLOAD"))
                .getFirst();
    }

    /**
     * @param now on the signer's clock
     * @throws AwsException AccessDenied where the URL has expired or is of the future
     */
    void requireValidAt(Instant now) {
        if (signedAt.minus(SKEW).isAfter(now)) {
            throw new AwsException(
                    "AccessDenied",
                    403,
                    "Request is not valid yet",
                    Map.of("Expires", signedAt.plus(expires), "ServerTime", now));
        }
        if (now.isBefore(signedAt.plus(expires))) return;
        throw new AwsException(
                "AccessDenied",
                403,
                "Request has expired",
                Map.of("X-Amz-Expires", expires.toSeconds(), "Expires", signedAt.plus(expires), "ServerTime", now));
    }

    /** @throws AwsException AccessDenied where a header that S3 acts on was added to the URL's request */
    void requireSigned(Map<String, List<String>> headers) {
        var unsigned = headers.keySet().stream()
                .filter(name -> name.equals("host") || name.startsWith("x-amz-"))
                .filter(name -> !signature.signedHeaders().contains(name))
                .sorted()
                .toList();
        if (unsigned.isEmpty()) return;
        throw new AwsException(
                "AccessDenied",
                403,
                "There were headers present in the request which were not signed",
                Map.of("HeadersNotSigned", String.join(", ", unsigned)));
    }
}
