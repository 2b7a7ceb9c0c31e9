package cloudhsm.pipeline.runlocal.rehearse;

import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** What S3's client throws, in AWS's own words. */
final class Refusals {
    private Refusals() {}

    /** AWS's code of the error; the HTTP status where there is none, as in answers to HEAD; "" where S3 was not reached. */
    static String code(SdkException failure) {
        if (!(failure instanceof S3Exception refused)) return "";
        var details = refused.awsErrorDetails();
        return details == null
                        || details.errorCode() == null
                        || details.errorCode().isEmpty()
                ? "HTTP " + refused.statusCode()
                : details.errorCode();
    }

    /** A sentence. */
    static String sentence(SdkException failure) {
        if (!(failure instanceof S3Exception refused)) return "S3 was not reached: " + failure.getMessage();
        var details = refused.awsErrorDetails();
        var message = details == null || details.errorMessage() == null ? "no text" : details.errorMessage();
        return "S3 refused: " + code(refused) + ": " + message;
    }

    /** What to do about it. */
    static String next(SdkException failure) {
        var code = code(failure);
        if (code.isEmpty()) return "check the network, the proxy, the credentials and AWS_ENDPOINT_URL";
        return code.equals("AccessDenied") || code.equals("HTTP 403")
                ? "rehearse as somebody with the rights that docs/first-run.md lists"
                : "run it again; if S3 repeats itself, its message says what it misses";
    }
}
