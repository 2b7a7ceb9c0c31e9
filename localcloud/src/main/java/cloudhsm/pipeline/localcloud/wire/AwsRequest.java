package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A request whose signature has been checked.
 *
 * @param service the signing name: {@code cloudhsm}, {@code kms}, {@code s3}, {@code ec2}, {@code states}, …
 * @param rawPath the path as sent, percent-encoded, without the query
 * @param query decoded query parameters in the order sent; a parameter without "=" has the value ""
 * @param headers by lower-case name
 * @param body decoded from aws-chunked where it was sent so
 * @param caller who signed
 * @param requestId goes into the answer and into errors
 */
public record AwsRequest(
        String service,
        String method,
        String rawPath,
        Map<String, List<String>> query,
        Map<String, List<String>> headers,
        byte[] body,
        Identity caller,
        String requestId) {

    /** The same request with another signer and other query parameters. */
    public AwsRequest with(Identity signer, Map<String, List<String>> arguments) {
        return new AwsRequest(service, method, rawPath, arguments, headers, body, signer, requestId);
    }

    /** The same request with other headers and another body. */
    public AwsRequest with(Map<String, List<String>> otherHeaders, byte[] otherBody) {
        return new AwsRequest(service, method, rawPath, query, otherHeaders, otherBody, caller, requestId);
    }

    public Optional<String> header(String name) {
        var values = headers.get(name.toLowerCase(Locale.ROOT));
        return values == null || values.isEmpty() ? Optional.empty() : Optional.of(values.getFirst());
    }

    public Optional<String> queryParameter(String name) {
        var values = query.get(name);
        return values == null || values.isEmpty() ? Optional.empty() : Optional.of(values.getFirst());
    }

    public String bodyText() {
        return new String(body, StandardCharsets.UTF_8);
    }
}
