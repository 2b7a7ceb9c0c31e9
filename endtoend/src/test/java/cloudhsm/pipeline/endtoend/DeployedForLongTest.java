package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A stack that was deployed weeks ago, and an account that is not empty any more. */
class DeployedForLongTest {
    private final Pipeline pipeline =
            Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(12 hours)", "ClusterQuota", "1"));

    @AfterEach
    void close() {
        pipeline.close();
    }

    /** Lambda deletes the snapshot of a version that nobody invokes for 14 days. */
    @Test
    void afterThreeIdleWeeksTheProofIsAsFastAsOnAnyOtherDay() {
        pipeline.cloud().advance(Duration.ofDays(21));
        var execution = pipeline.provision("first", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        var secured = pipeline.ends(execution.executionArn(), "SecureBucket").getFirst();
        var proven = pipeline.ends(execution.executionArn(), "ProveEncryption").getFirst();
        var took = Duration.between(secured, proven);
        assertTrue(took.compareTo(Duration.ofMinutes(2)) < 0, () -> "the probe was under the key after " + took);
    }

    @Test
    void theQuotaOfTheParameterIsWhatPreflightCounts() {
        pipeline.cloudHsm()
                .createCluster(create -> create.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(pipeline.ec2()
                                .describeSubnets()
                                .subnets()
                                .getFirst()
                                .subnetId()));
        var refused = pipeline.provision("first", "{}");
        assertEquals("INVALID_INPUT", refused.error());
        assertTrue(
                refused.cause()
                        .contains("the quota is 1; delete one, or have Service Quotas raise it and deploy with"
                                + " the parameter ClusterQuota"),
                refused.cause());
    }
}
