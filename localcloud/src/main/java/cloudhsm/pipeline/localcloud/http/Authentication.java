package cloudhsm.pipeline.localcloud.http;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/** Finds out who signed a request, and reads no more of its body than that and the service allow. */
final class Authentication {
    /** In bytes. No service but S3 takes a larger request; most take much less. */
    private static final int LARGEST_REQUEST = 16 << 20;

    /** In bytes, of one request to S3. S3 itself takes 5 GiB at a time, which this machine's memory does not. */
    private static final int LARGEST_OBJECT = 256 << 20;

    /** Where the Price List API has endpoints [BIL:price-changes]; what it prices has nothing to do with it. */
    private static final Set<String> PRICING = Set.of("us-east-1", "eu-central-1", "ap-south-1");

    private final Account account;
    private final AwsRequest head;
    private final String rawQuery;
    private final InputStream content;

    /** Where the signature is. */
    enum Way {
        HEADER,
        /** S3 only. */
        URL,
        /** S3 only: the policy in a browser's form is signed. */
        FORM;

        static Way of(String method, Map<String, List<String>> query, Map<String, List<String>> headers) {
            if (PresignedUrl.isOne(query)) return URL;
            var type = headers.getOrDefault("content-type", List.of("")).getFirst();
            return PostForm.isOne(method, type) && !headers.containsKey("authorization") ? FORM : HEADER;
        }
    }

    /**
     * @param head the request without caller and body
     * @param content the body, not read yet
     */
    Authentication(Account account, AwsRequest head, String rawQuery, InputStream content) {
        this.account = account;
        this.head = head;
        this.rawQuery = rawQuery;
        this.content = content;
    }

    /** @throws AwsException as the service refuses what is not signed rightly */
    AwsRequest byHeader(Signature signature) throws IOException {
        // IAM and STS have endpoints for all Regions, whose signatures name us-east-1; prices are asked in few Regions.
        if (signature.service().equals("pricing")) requireRegion(signature, PRICING);
        else if (!Set.of("iam", "sts").contains(signature.service())) requireRegion(signature, here());
        var signer = requireSigner(signature);
        var body = body(signature.isForS3() ? LARGEST_OBJECT : LARGEST_REQUEST);
        var now = signer.clock().instant();
        if (!signature.isDatedNear(now, head.headers())) {
            throw new AwsException(
                    signature.isForS3() ? "RequestTimeTooSkewed" : "InvalidSignatureException",
                    403,
                    signature.isForS3()
                            ? "The difference between the request time and the current time is too large."
                            : "Signature expired: the request is not dated within 15 minutes of " + now + ".");
        }
        requireSignature(
                signature,
                signer,
                secret -> signature.verifies(secret, head.method(), head.rawPath(), rawQuery, head.headers(), body));
        if (!signature.covers(head.headers(), body)) {
            throw AwsException.badRequest(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.");
        }
        var request = head.with(signer, head.query());
        // The trailing headers of a chunked body count like headers; the signature covers only those sent first.
        return signature.isChunked(head.headers())
                ? AwsChunkedBody.decode(body).of(request)
                : request.with(head.headers(), body);
    }

    /** @throws AwsException in S3's words */
    AwsRequest byUrl() throws IOException {
        var header = head.header("authorization");
        if (header.isPresent()
                || PostForm.isOne(head.method(), head.header("content-type").orElse(""))) {
            throw new AwsException(
                    "InvalidArgument",
                    400,
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string"
                            + " parameter or the Authorization header should be specified",
                    Map.of("ArgumentName", "Authorization", "ArgumentValue", header.orElse("")));
        }
        var presigned = PresignedUrl.parse(head.query());
        var signature = presigned.signature();
        if (!signature.region().equals(account.region())) {
            throw new AwsException(
                    "AuthorizationQueryParametersError",
                    400,
                    "Error parsing the X-Amz-Credential parameter; the region '" + signature.region()
                            + "' is wrong; expecting '" + account.region() + "'",
                    Map.of("Region", account.region()));
        }
        var signer = requireSigner(signature);
        presigned.requireValidAt(signer.clock().instant());
        requireSignature(
                signature,
                signer,
                secret -> signature.verifies(
                        secret,
                        head.method(),
                        head.rawPath(),
                        rawQuery,
                        head.headers(),
                        PresignedUrl.payload(head.query(), head.headers()),
                        head.queryParameter("X-Amz-Date").orElseThrow()));
        presigned.requireSigned(head.headers());
        return head.with(signer, PresignedUrl.argumentsOf(head.query())).with(head.headers(), body(LARGEST_OBJECT));
    }

    /** @throws AwsException in S3's words */
    AwsRequest byForm() throws IOException {
        // Who posts a form is known only once it is read, so it may be no larger than any request.
        var body = body(LARGEST_REQUEST);
        var form = PostForm.parse(head.header("content-type").orElse(""), body);
        var signature = form.signature();
        requireRegion(signature, here());
        var signer = requireSigner(signature);
        requireSignature(
                signature,
                signer,
                secret -> signature.signs(secret, form.field("policy").orElseThrow()));
        return head.with(signer, head.query()).with(head.headers(), body);
    }

    private byte[] body(int most) throws IOException {
        var body = content.readNBytes(most + 1);
        if (body.length <= most) return body;
        var s3 = head.service().equals("s3");
        throw new AwsException(
                s3 ? "EntityTooLarge" : "RequestEntityTooLargeException",
                s3 ? 400 : 413,
                "The embedded AWS takes at most " + most + " bytes in one request.");
    }

    private Identity requireSigner(Signature signature) {
        var signer = account.iam().byAccessKeyId(signature.accessKeyId());
        if (signer != null) return signer;
        throw new AwsException(
                "UnrecognizedClientException", 403, "The security token included in the request is invalid.");
    }

    private Set<String> here() {
        return Set.of(account.region());
    }

    private static void requireRegion(Signature signature, Set<String> valid) {
        if (valid.contains(signature.region())) return;
        throw new AwsException(
                signature.isForS3() ? "AuthorizationHeaderMalformed" : "SignatureDoesNotMatch",
                signature.isForS3() ? 400 : 403,
                "Credential should be scoped to a valid region: the request names " + signature.region()
                        + "; the embedded AWS is " + String.join(" or ", new TreeSet<>(valid)) + ".");
    }

    private static void requireSignature(Signature signature, Identity signer, Predicate<String> verifies) {
        if (verifies.test(signer.secretAccessKey())) return;
        throw new AwsException(
                signature.isForS3() ? "SignatureDoesNotMatch" : "InvalidSignatureException",
                403,
                "The request signature we calculated does not match the signature you provided.");
    }
}
