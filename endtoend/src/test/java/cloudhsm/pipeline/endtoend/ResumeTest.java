package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.http.Json;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What happens on the way does not lose the run. */
class ResumeTest {
    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Cluster State Change", "HSM State Change", "Key Store State Change"})
    void aLostEventCostsOneTickOnly(String detailType) {
        pipeline.cloud().events().loseNext(detailType);
        var execution = pipeline.provision("first", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
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
