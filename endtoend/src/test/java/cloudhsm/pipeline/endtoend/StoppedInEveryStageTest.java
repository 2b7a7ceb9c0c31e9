package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A provisioning that is stopped in each of its stages, and each time goes on by the deployment's name. */
class StoppedInEveryStageTest {
    /** Long enough for a stage that waits to wait, so that what it has begun is left to the next execution. */
    private static final Duration INTO_THE_STAGE = Duration.ofSeconds(5);

    @Test
    void theNextExecutionGoesOnAndMakesNothingTwice() {
        try (var pipeline = Pipeline.deploy()) {
            var begun = pipeline.cloud().time().now();
            var stopped = new LinkedHashSet<String>();
            var execution = pipeline.start("0", "{}");
            for (var stage = pipeline.nextStage(execution, stopped);
                    stage.isPresent();
                    stage = pipeline.nextStage(execution, stopped)) {
                pipeline.cloud().advance(INTO_THE_STAGE);
                var last = execution;
                pipeline.states().stopExecution(stop -> stop.executionArn(last));
                stopped.add(stage.get());
                execution = pipeline.start("" + stopped.size(), "{\"deployment\": \"default\"}");
            }
            var ended = pipeline.describe(execution);
            assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
            System.out.println("road: stopped in " + stopped.size() + " stages took "
                    + Duration.between(begun, pipeline.cloud().time().now()));
            assertEquals(
                    Set.of(),
                    missing(stopped, "CreateCluster", "CreateFirstHsm", "CreateHsms", "ConnectKeyStore", "CreateKey"));
            for (var once :
                    List.of("CreateCluster", "InitializeCluster", "CreateCustomKeyStore", "CreateKey", "CreateBucket"))
                assertEquals(1, made(pipeline, once), once);
            assertEquals(2, made(pipeline, "CreateHsm"));
        }
    }

    private static long made(Pipeline pipeline, String operation) {
        return pipeline.cloud().endpoint().calls().stream()
                .filter(call -> call.operation().equals(operation))
                .filter(call -> call.callerArn().contains("Function")
                        && call.errorCode().isEmpty())
                .count();
    }

    private static Set<String> missing(Set<String> stages, String... expected) {
        var missing = new LinkedHashSet<>(List.of(expected));
        missing.removeAll(stages);
        return missing;
    }
}
