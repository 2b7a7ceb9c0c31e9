package cloudhsm.pipeline.provisioning.stage;

import java.time.Instant;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/**
 * What an execution has met that answers a {@link Question}.
 *
 * @param question its name
 * @param answer what AWS did, in its own words where it has some
 * @param at when it was met first
 */
public record Settled(String question, String answer, Instant at) {
    /** AWS's error code and words, where the answer has them. */
    public static String refused(AwsServiceException refusal) {
        var details = refusal.awsErrorDetails();
        return "refused with "
                + (details == null
                        ? "HTTP " + refusal.statusCode()
                        : details.errorCode() + ": " + details.errorMessage());
    }
}
