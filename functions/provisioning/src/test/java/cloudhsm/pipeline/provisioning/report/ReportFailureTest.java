package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Settled;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ReportFailureTest {
    private static final HsmPrice PRICE = HsmPrice.of("us-east-1", "", Optional::empty);
    private static final ReportFailure.Input INPUT = new ReportFailure.Input(
            "arn:execution", "arn:machine", new ReportFailure.Failure("HSM_DEGRADED", "why"), TestAccount.DEPLOYMENT);

    @Test
    void everyHsmThatIsLeftIsNamedWithItsPrice() {
        try (var aws = new TestAccount()) {
            var deployments = aws.deployments();
            deployments.made(
                    TestAccount.DEPLOYMENT,
                    Made.CLUSTER,
                    aws.initializedCluster().id());
            aws.initializedCluster();
            var topic = aws.cloud.sns().createTopic("failures", Map.of());

            var settled = new Settled(
                    "create-hsm-while-another-is-created",
                    "accepted",
                    aws.cloud.time().now());
            aws.runtime.questions().add(INPUT.execution(), List.of(settled));

            var output = new ReportFailure(
                            aws.cloudHsm,
                            deployments,
                            new Notifications(aws.sns, topic),
                            PRICE,
                            aws.runtime.questions())
                    .handle(INPUT);

            assertEquals(1, output.leftBilling().size(), "the other cluster has nothing but the deployment's tag");
            assertTrue(output.leftBilling().getFirst().endsWith("1.60 USD an hour"), output.toString());
            var message = aws.cloud.sns().published().getFirst().message();
            assertTrue(
                    message.contains(output.leftBilling().getFirst() + "\n" + PRICE.basis()),
                    "who is told of the failure must see what it costs, and in which Region");
            assertEquals(List.of(settled), output.observations(), "a failed run has settled questions, too");
            assertTrue(message.contains("- create-hsm-while-another-is-created: accepted\n"), message);
        }
    }

    @Test
    void failureToLookIsNotTakenForNothingLeft() {
        try (var aws = new TestAccount()) {
            var deployments = aws.deployments();
            aws.cloud.faults().add("cloudhsm", "DescribeClusters", 1, Faults.Kind.THROTTLED);

            var output = new ReportFailure(
                            aws.cloudHsm, deployments, new Notifications(aws.sns, ""), PRICE, aws.runtime.questions())
                    .handle(INPUT);
            assertTrue(output.leftBilling().getFirst().startsWith("Unknown"), output.toString());
        }
    }
}
