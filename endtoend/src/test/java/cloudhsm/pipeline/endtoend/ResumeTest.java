package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.http.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What happens on the way does not lose the run. */
class ResumeTest {
    /** More than AWS takes for any one thing. */
    private static final Duration LIMIT = Duration.ofHours(1);

    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void aLostEventCostsOneTickOnly() {
        var execution = pipeline.start("first", "{}");
        var time = pipeline.cloud().time();
        var events = pipeline.cloud().events();
        pipeline.runUntilEntered("first", "CreateCluster");
        time.runUntil(this::clusterIsMade, LIMIT);
        events.loseNext("Cluster State Change");
        pipeline.runUntilEntered("first", "CreateSecondHsm");
        time.runUntil(this::twoHsmsAreActive, LIMIT);
        events.loseNext("HSM State Change");
        pipeline.runUntilEntered("first", "ConnectKeyStore");
        time.runUntil(this::keyStoreIsConnected, LIMIT);
        events.loseNext("Key Store State Change");

        var ended = pipeline.end(execution);
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        var late = pipeline.lateness(execution);
        for (var stage : List.of("CreateCluster", "CreateSecondHsm", "ConnectKeyStore")) {
            assertTrue(
                    late.get(stage).compareTo(Pipeline.TICK) > 0
                            && late.get(stage).compareTo(Pipeline.TICK_AND_LOOK.multipliedBy(2)) <= 0,
                    () -> "the first look's event was lost and the second look repeats it, but " + stage + " ended "
                            + late.get(stage) + " after AWS");
        }
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

    @Test
    void aSecondExecutionFindsEverythingAndMakesNothing() {
        var first = pipeline.provision("first", "{}");
        var made = creations();
        var second = pipeline.provision("second", "{}");
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
    void aSecondExecutionAtTheSameTimeIsToldWhichOneHoldsTheDeployment() {
        var first = pipeline.start("first", "{}");
        pipeline.cloud().advance(Duration.ofMinutes(1));
        var second = pipeline.provision("second", "{}");
        assertEquals("DEPLOYMENT_LOCKED", second.error());
        assertTrue(second.cause().contains(first), second::cause);
        assertEquals(1, pipeline.cloud().calls("CreateCluster"));
    }
}
