package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.ssm.model.CommandInvocationStatus;

/** Clients that somebody ends while they start or work, in each state machine that launches one. */
class LostClientTest {
    private static final String DEPLOYMENT = "{\"deployment\": \"default\"}";

    private final Pipeline pipeline = Pipeline.deploy();

    private Optional<String> starting() {
        return pipeline
                .ec2()
                .describeInstances(request -> request.filters(
                        filter("tag:cloudhsm-pipeline:role", "client"), filter("instance-state-name", "pending")))
                .reservations()
                .stream()
                .map(reservation -> reservation.instances().getFirst().instanceId())
                .findFirst();
    }

    private static Filter filter(String name, String value) {
        return Filter.builder().name(name).values(value).build();
    }

    /** Lets time pass until a client starts that is not this one. */
    private String untilOneStarts(String butNot) {
        pipeline.runUntil(() -> starting().filter(id -> !id.equals(butNot)).isPresent());
        return starting().orElseThrow();
    }

    private void terminate(String client) {
        pipeline.ec2().terminateInstances(request -> request.instanceIds(client));
    }

    /** A client that ends before it is online is missed by the first stage that needs it. */
    private void assertAnotherIsLaunchedOnceItIsNeeded(String execution) {
        var client = untilOneStarts("");
        terminate(client);
        pipeline.runUntilEntered(execution, "AwaitClient");
        assertAnotherIsLaunchedWithinATick(client);
    }

    private void assertAnotherIsLaunchedWithinATickAfter(String client) {
        terminate(client);
        assertAnotherIsLaunchedWithinATick(client);
    }

    private void assertAnotherIsLaunchedWithinATick(String client) {
        var since = pipeline.cloud().time().now();
        untilOneStarts(client);
        var took = Duration.between(since, pipeline.cloud().time().now());
        assertTrue(took.compareTo(Pipeline.TICK.multipliedBy(2)) < 0, () -> "another one was launched after " + took);
    }

    private static void assertSucceeded(DescribeExecutionResponse ended) {
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
    }

    private boolean aCommandRuns() {
        return pipeline.ssm().listCommandInvocations(request -> {}).commandInvocations().stream()
                .anyMatch(command -> command.status() == CommandInvocationStatus.IN_PROGRESS);
    }

    @Test
    void provisioningTheWayBackAndHealingTakeAnotherClient() {
        try (pipeline) {
            var provisioning = pipeline.start("first", "{}");
            assertAnotherIsLaunchedOnceItIsNeeded("first");
            pipeline.runUntilEntered("first", "CreateKmsUser");
            pipeline.runUntil(this::aCommandRuns);
            assertAnotherIsLaunchedWithinATickAfter(pipeline.client().instanceId());
            assertSucceeded(pipeline.end(provisioning));

            assertSucceeded(pipeline.run("Pause", "pause", DEPLOYMENT));
            var resuming = pipeline.start("resume", DEPLOYMENT);
            assertAnotherIsLaunchedOnceItIsNeeded("resume");
            assertSucceeded(pipeline.end(resuming));

            var cluster = pipeline.cluster();
            pipeline.cloudHsm()
                    .deleteHsm(request -> request.clusterId(cluster.clusterId())
                            .hsmId(cluster.hsms().getFirst().hsmId()));
            terminate(untilOneStarts(""));
            pipeline.runUntil(() -> pipeline.cloud().sns().published().stream()
                    .anyMatch(message -> message.subject().contains("has healed")));
        }
    }
}
