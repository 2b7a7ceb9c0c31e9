package cloudhsm.pipeline.localcloud.wire;

import java.util.Set;

/**
 * The errors that operations answer beside those of their models.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html">Common errors</a>
 */
final class CommonErrors {
    /** Of every service of the JSON protocols. */
    private static final Set<String> JSON = Set.of(
            "AccessDeniedException",
            "InternalFailure",
            "InvalidSignatureException",
            "SerializationException",
            "ServiceUnavailable",
            "SignatureDoesNotMatch",
            "ThrottlingException",
            "UnknownOperationException",
            "UnrecognizedClientException",
            "ValidationException");

    /** Of Amazon SQS, which has those of the query protocol in the JSON protocol too. */
    private static final Set<String> SQS = Set.of("AccessDenied", "InvalidParameterValue", "MissingParameter");

    /** Of every service of the query protocol. */
    private static final Set<String> QUERY = Set.of(
            "AccessDenied",
            "InternalFailure",
            "InvalidAction",
            "InvalidClientTokenId",
            "MissingParameter",
            "ServiceUnavailable",
            "SignatureDoesNotMatch",
            "Throttling",
            "ValidationError");

    private CommonErrors() {}

    /** EC2 and S3 list their errors in their documentation, not in their models. */
    static boolean mayAnswer(String signingName, String protocol, String code) {
        return switch (protocol) {
            case "json", "rest-json" -> JSON.contains(code) || signingName.equals("sqs") && SQS.contains(code);
            case "query" -> QUERY.contains(code);
            default -> true;
        };
    }
}
