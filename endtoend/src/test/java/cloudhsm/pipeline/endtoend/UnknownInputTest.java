package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What nobody asked for may be a misspelt wish: every input is refused by the name of a member that is not known. */
class UnknownInputTest {
    private static final Pipeline PIPELINE = Pipeline.deploy();

    @AfterAll
    static void close() {
        PIPELINE.close();
    }

    private static DescribeExecutionResponse run(String stateMachine, String name, String input) {
        return PIPELINE.end(PIPELINE.states()
                .startExecution(start -> start.stateMachineArn(
                                PIPELINE.deployment().stack().resource(stateMachine + "StateMachine"))
                        .name(name)
                        .input(input))
                .executionArn());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        Provision         | {"dployment": "default", "bucket": {"nam": "b"}}                     | dployment, bucket.nam
        Provision         | {"buckets": [{"name": "cloudhsm-a"}, {"nam": "b"}]}                  | buckets[1].nam
        Pause             | {"deployment": "default", "interupt": true, "colour": 1}             | interupt, colour
        Pause             | {"deployment": {"name": "default"}, "interrupt": "yes"}              | deployment, interrupt
        Provision         | {"deployment": {"name": "default"}, "healthCheck": 1}                  | deployment, healthCheck
        Teardown          | {"deployment": "d", "confirm": "d", "data": "DELETE", "colour": 1}   | colour
        ReencryptExisting | {"bucket": "photos", "dryrun": true, "adopt": {"keyArn": "k"}}       | dryrun, adopt
        Watch             | {"waitId": "a", "waitID": "b"}                                       | waitID
        """)
    void everyStateMachineNamesItBeforeAnythingChanges(String stateMachine, String input, String members) {
        var before = Holdings.of(PIPELINE.cloud());
        var refused = run(stateMachine, "refused-" + Integer.toHexString(input.hashCode()), input);
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        for (var member : members.split(", ")) assertTrue(refused.cause().contains(member), refused::cause);
        assertEquals(before, Holdings.of(PIPELINE.cloud()));
        for (var change : List.of("CreateCluster", "DeleteHsm", "StopExecution", "PutItem"))
            assertEquals(0, PIPELINE.cloud().calls(change), change);
    }

    @Test
    void whoeverSubscribedHearsOfAnInputThatIsNoObject() {
        var refused = run("Provision", "unnamed", "[]");
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        assertEquals(
                1,
                PIPELINE.cloud().sns().published().stream()
                        .filter(message -> message.message().contains(refused.executionArn()))
                        .count());
    }

    @Test
    void theHealthCheckHealsNothingThatThePipelineDoesNotKnow() {
        var before = Holdings.of(PIPELINE.cloud());
        var execution =
                run("Provision", "unknown", "{\"deployment\": \"defalt\", \"healthCheck\": \"An HSM is lost.\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), execution::cause);
        assertEquals(
                "Deployment defalt: the pipeline knows no such deployment.",
                Json.parse(execution.output()).path("leftAlone").asText());
        assertEquals(before, Holdings.of(PIPELINE.cloud()));
    }

    @Test
    void theHealthCheckNamesItToo() {
        var result = PIPELINE.cloud()
                .lambda()
                .invoke(
                        PIPELINE.deployment().stack().resource("LookAtEverythingFunction"),
                        "{\"waitID\": \"a\"}".getBytes(StandardCharsets.UTF_8));
        assertTrue(new String(result.payload(), StandardCharsets.UTF_8).contains("\\\"waitID\\\""), result::toString);
    }
}
