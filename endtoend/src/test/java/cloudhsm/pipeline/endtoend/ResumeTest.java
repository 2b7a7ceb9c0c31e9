package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What happens on the way does not lose the run. */
class ResumeTest {
    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void aLostEventCostsOneTickAndASecondExecutionMakesNothing() {
        var execution = pipeline.start("first", "{}");
        var time = pipeline.cloud().time();
        var events = pipeline.cloud().events();
        pipeline.runUntilEntered("first", "CreateCluster");
        time.runUntil(this::clusterIsMade, Pipeline.LIMIT);
        events.loseNext("Cluster State Change");
        pipeline.runUntilEntered("first", "CreateHsms");
        time.runUntil(this::twoHsmsAreActive, Pipeline.LIMIT);
        events.loseNext("HSM State Change");
        pipeline.runUntilEntered("first", "ConnectKeyStore");
        time.runUntil(this::keyStoreIsConnected, Pipeline.LIMIT);
        events.loseNext("Key Store State Change");

        var ended = pipeline.end(execution);
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        var late = pipeline.lateness(execution);
        for (var stage : List.of("CreateCluster", "CreateHsms", "ConnectKeyStore")) {
            assertTrue(
                    late.get(stage).compareTo(Pipeline.TICK) > 0
                            && late.get(stage).compareTo(Pipeline.TICK_AND_LOOK.multipliedBy(2)) <= 0,
                    () -> "the first look's event was lost and the second look repeats it, but " + stage + " ended "
                            + late.get(stage) + " after AWS");
        }
        findsEverythingAndMakesNothing(ended, () -> pipeline.provision("second", "{}"));
    }

    private boolean clusterIsMade() {
        var clusters = pipeline.cloudHsm().describeClusters().clusters();
        return !clusters.isEmpty() && clusters.getFirst().state() == ClusterState.UNINITIALIZED;
    }

    private boolean twoHsmsAreActive() {
        return pipeline.cluster().hsms().stream()
                        .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                        .count()
                == 2;
    }

    private boolean keyStoreIsConnected() {
        return pipeline.kms().describeCustomKeyStores().customKeyStores().stream()
                .anyMatch(store -> store.connectionState() == ConnectionStateType.CONNECTED);
    }

    private void findsEverythingAndMakesNothing(
            DescribeExecutionResponse first, Supplier<DescribeExecutionResponse> again) {
        var made = creations();
        var second = again.get();
        assertEquals(ExecutionStatus.SUCCEEDED, second.status(), () -> second.error() + ": " + second.cause());
        assertEquals(made, creations());
        assertEquals(2, pipeline.cloud().calls("CreateHsm"), "a third HSM would be billed by the hour");
        assertEquals(
                Json.parse(first.output()).path("keyArn"),
                Json.parse(second.output()).path("keyArn"));
    }

    /** How often each operation was called that makes something. */
    private Map<String, Long> creations() {
        return pipeline.cloud().endpoint().calls().stream()
                .map(Call::operation)
                .filter(operation -> operation.startsWith("Create") || operation.equals("RunInstances"))
                .collect(Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
    }

    @Test
    void oneExecutionAtATimeWorksOnADeploymentAfterAStopAndARedriveToo() {
        var first = pipeline.start("first", "{}");
        pipeline.cloud().advance(Duration.ofMinutes(1));
        var locked = pipeline.provision("at-the-same-time", "{}");
        assertLockedBy(first, locked);
        assertEquals(1, pipeline.cloud().calls("CreateCluster"));

        pipeline.runUntilEntered("first", "CreateHsms");
        pipeline.cloud().advance(Duration.ofMinutes(1));
        pipeline.states().stopExecution(request -> request.executionArn(first));
        var second = pipeline.start("takes-over", "{}");
        pipeline.runUntilEntered("takes-over", "CreateHsms");
        assertLockedBy(second, redrive(first));

        var ended = pipeline.end(second);
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        findsEverythingAndMakesNothing(ended, () -> redrive(first));
    }

    private static void assertLockedBy(String holder, DescribeExecutionResponse execution) {
        assertEquals("DEPLOYMENT_LOCKED", execution.error(), execution::cause);
        assertTrue(execution.cause().contains(holder), execution::cause);
    }

    private DescribeExecutionResponse redrive(String execution) {
        pipeline.states().redriveExecution(request -> request.executionArn(execution));
        return pipeline.end(execution);
    }

    @Test
    void aRedrivenExecutionGoesOnWhereItFailed() {
        var execution = pipeline.start("first", "{}");
        pipeline.runUntil(() -> pipeline.cloud().calls("RunInstances") == 1);
        var egress = new ClientEgress(pipeline.ec2());
        egress.close();
        var failed = pipeline.end(execution);
        assertEquals("CLIENT_NOT_ONLINE", failed.error(), failed::cause);
        assertEquals("CLIENT_EGRESS_CLOSED", redrive(execution).error(), "nobody has opened it");

        egress.open();
        var redriven = redrive(execution);
        assertEquals(ExecutionStatus.SUCCEEDED, redriven.status(), () -> redriven.error() + ": " + redriven.cause());
        assertEquals(2, redriven.redriveCount());
        assertEquals(1, pipeline.cloud().calls("CreateCluster"));
        assertEquals(2, pipeline.cloud().calls("CreateHsm"), "what was made before the failure is found");
    }
}
