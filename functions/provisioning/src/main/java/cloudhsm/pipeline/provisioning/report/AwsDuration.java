package cloudhsm.pipeline.provisioning.report;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * How long AWS itself takes for what a stage waits for, as far as AWS or people who measured it say so. A stage that takes
 * longer than that is worth a look; one that takes less is not.
 *
 * @param from the shortest that was reported
 * @param to the longest that is usual
 * @param words the same for the reader
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/connect-keystore.html">Connect a key store: up to
 *     20 minutes</a>
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/getting-started.html">Getting started with AWS
 *     CloudHSM</a>
 */
record AwsDuration(Duration from, Duration to, String words) {
    private static final AwsDuration HSM = minutes(5, 20, "5 to 20 min");
    private static final AwsDuration CONNECTION = minutes(5, 20, "up to 20 min");

    private static final Map<String, AwsDuration> OF_STAGE = Map.of(
            "CreateCluster",
            minutes(1, 5, "a few minutes"),
            "CreateFirstHsm",
            HSM,
            "InitializeCluster",
            minutes(2, 15, "up to 15 min"),
            "ActivateCluster",
            minutes(1, 4, "1 to 4 min"),
            "CreateHsms",
            HSM,
            "ConnectKeyStore",
            CONNECTION);

    /** Nothing for a stage that does not wait for AWS, or where nobody has said how long AWS takes. */
    static Optional<AwsDuration> of(String stage) {
        return Optional.ofNullable(OF_STAGE.get(stage));
    }

    private static AwsDuration minutes(long from, long to, String words) {
        return new AwsDuration(Duration.ofMinutes(from), Duration.ofMinutes(to), words);
    }
}
