package cloudhsm.pipeline.runlocal.doctor;

import java.util.Set;

/** AWS has refused a call, or could not be asked. The message is a sentence. */
public final class AwsFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final Set<String> DENIED = Set.of(
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
            "UnauthorizedOperation",
            "403");

    private static final Set<String> UNKNOWN_CALLER = Set.of(
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException");

    private final String code;
    private final String next;

    private AwsFailure(String code, String message, String next, Throwable cause) {
        super(message, cause, false, false);
        this.code = code;
        this.next = next;
    }

    /** AWS answered with an error. */
    static AwsFailure refused(Api api, String operation, String code, String message) {
        var action = api.action(operation);
        var next = DENIED.contains(code)
                ? "allow " + action + " to the caller, or have somebody look who may"
                : UNKNOWN_CALLER.contains(code)
                        ? "sign in again, and check the credentials, this machine's clock, and that the Region is"
                                + " enabled for the account: aws account list-regions"
                        : "run it again; if AWS repeats itself, its message says what it misses";
        return new AwsFailure(code, action + " was refused: " + code + ": " + message.strip(), next, null);
    }

    /** Nobody answered. */
    static AwsFailure unreachable(String host, Exception cause) {
        return new AwsFailure(
                "",
                host + " did not answer (" + cause.getClass().getSimpleName() + ": " + cause.getMessage() + ").",
                "check the network, the proxy, the Region's name and AWS_ENDPOINT_URL",
                cause);
    }

    /** There is nobody to sign as. */
    static AwsFailure noCredentials(Exception cause) {
        // Behind these words the SDK shows its own objects.
        var first = String.valueOf(cause.getMessage())
                .lines()
                .findFirst()
                .orElse("")
                .replaceFirst(": ProfileFile\\(.*", "")
                .replaceFirst(" in the chain AwsCredentialsProviderChain\\(.*", " that the AWS SDK asks");
        return new AwsFailure(
                "",
                "no credentials were found: " + (first.length() > 300 ? first.substring(0, 300) + " …" : first),
                "sign in (aws sso login, aws configure) and name the profile with --profile",
                cause);
    }

    /** AWS's name of the error; "" where AWS was not reached. */
    public String code() {
        return code;
    }

    /** What to do about it. */
    public String next() {
        return next;
    }

    /** Whether any other call of the Region would end so, too. */
    public boolean isOfEveryCall() {
        return code.isEmpty() || UNKNOWN_CALLER.contains(code);
    }
}
