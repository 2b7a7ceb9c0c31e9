package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.lambda.TestFunctions;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The states that need no service. */
class InterpreterTest {
    private final LocalCloud cloud = LocalCloud.start();
    private final Role role = TestFunctions.role(cloud, "machine", "states.amazonaws.com", null);

    @AfterEach
    void close() {
        cloud.close();
    }

    private Execution start(String states, String input) {
        var machine = cloud.states().createStateMachine("machine", """
            {"QueryLanguage": "JSONata", %s}\
            """.formatted(states), role);
        return cloud.states().execution(cloud.states().startExecution(machine, "run", Json.parse(input)));
    }

    private Execution run(String states, String input) {
        var execution = start(states, input);
        cloud.time().runUntil(() -> execution.status() != Execution.Status.RUNNING, Duration.ofDays(400));
        return execution;
    }

    private String output(String states, String input) {
        var execution = run(states, input);
        assertEquals(Execution.Status.SUCCEEDED, execution.status(), execution.error() + " " + execution.cause());
        return Json.text(execution.output().orElseThrow());
    }

    private String failure(String states, String input) {
        var execution = run(states, input);
        assertEquals(Execution.Status.FAILED, execution.status());
        return execution.error().orElseThrow();
    }

    private static List<String> types(Execution execution) {
        return execution.historyEvents().stream()
                .map(event -> event.path("type").asText())
                .toList();
    }

    private void refused(String states, String why) {
        var refusal = assertThrows(AwsException.class, () -> start(states, "{}"));
        assertEquals("InvalidDefinition", refusal.code());
        assertTrue(refusal.getMessage().contains(why), refusal.getMessage());
    }

    @Test
    void passWritesItsOutputFromTheInput() {
        assertEquals("{\"zones\":2,\"name\":\"demo\"}", output("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true,
             "Output": {"zones": "{% $count($states.input.zones) %}", "name": "demo"}}}\
            """, """
            {"zones": ["a", "b"]}\
            """));
    }

    @Test
    void assignedVariablesAreReadByLaterStatesButNotByTheSameOutput() {
        var states = """
            "StartAt": "A", "States": {
             "A": {"Type": "Pass", "Assign": {"n": 1}, "Next": "B"},
             "B": {"Type": "Pass", "Assign": {"n": "{%% $n + 1 %%}"}, "Output": "{%% $n %%}", "Next": "C"},
             "C": {"Type": "Pass", "Output": ["{%% $states.input %%}", "{%% $n %%}"], "End": true}}\
            """.formatted();
        assertEquals("[1,2]", output(states, "{}"));
    }

    @Test
    void undefinedResultIsAnEvaluationError() {
        assertEquals("States.QueryEvaluationError", failure("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{% $states.input.absent %}"}}\
            """, "{}"));
    }

    @Test
    void nullIsAResult() {
        assertEquals("null", output("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{% $states.input.a %}"}}\
            """, """
            {"a": null}\
            """));
    }

    @Test
    void variableThatHoldsNullIsNull() {
        assertEquals("[null,true,true,{\"v\":null},[null],null]", output("""
            "StartAt": "A", "States": {
             "A": {"Type": "Pass", "Assign": {"v": null}, "Next": "B"},
             "B": {"Type": "Pass", "End": true, "Output": ["{% $v %}", "{% $exists($v) %}", "{% $v = null %}",
              "{% {'v': $v} %}", "{% [$v] %}", "{% ($w := $v; $w) %}"]}}\
            """, "{}"));
    }

    @Test
    void unassignedVariableIsAnEvaluationError() {
        var execution = run("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": {"who": "{% $nobody %}"}}}\
            """, "{}");
        assertEquals("States.QueryEvaluationError", execution.error().orElseThrow());
        assertEquals(
                "The JSONata expression '$nobody' specified for the field 'Output/who' returned nothing (undefined).",
                execution.cause().orElseThrow());
    }

    @Test
    void expressionSeesNothingThatItsEarlierEvaluationBound() {
        assertEquals("[\"first\",\"first\"]", output("""
            "StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Items": [1, 2], "MaxConcurrency": 1,
             "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true,
              "Output": "{% $exists($seen) ? 'again' : ($seen := 'first') %}"}}}}}\
            """, "{}"));
    }

    @Test
    void variableOfAnEarlierExecutionIsForgotten() {
        var machine = cloud.states().createStateMachine("machine", """
            {"QueryLanguage": "JSONata", "StartAt": "C", "States": {
             "C": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.assign %}", "Assign": {"v": 5},
              "Next": "P"}], "Default": "P"},
             "P": {"Type": "Pass", "Output": "{% $exists($v) ? $v : 'none' %}", "End": true}}}\
            """, role);
        var assigning = cloud.states().startExecution(machine, "one", Json.parse("{\"assign\": true}"));
        var reading = cloud.states().startExecution(machine, "two", Json.parse("{\"assign\": false}"));
        cloud.advance(Duration.ofSeconds(1));
        assertEquals("5", Json.text(cloud.states().execution(assigning).output().orElseThrow()));
        assertEquals(
                "\"none\"", Json.text(cloud.states().execution(reading).output().orElseThrow()));
    }

    private static String sum(int terms) {
        return """
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{%% 1%s %%}"}}\
            """.formatted(" + 1".repeat(terms - 1));
    }

    @Test
    void evaluationOfAHundredLevelsSucceeds() {
        assertEquals("100", output(sum(100), "{}"));
    }

    @Test
    void evaluationOfMoreThanAHundredLevelsIsAnError() {
        var execution = run(sum(101), "{}");
        assertEquals("States.QueryEvaluationError", execution.error().orElseThrow());
        assertTrue(
                execution
                        .cause()
                        .orElseThrow()
                        .contains("specified for the field 'Output' threw an error during evaluation: Stack overflow"),
                execution.cause()::toString);
    }

    @Test
    void nullIsAResultAtTheDeepestLevel() {
        assertEquals("null", output("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{%% %snull%s %%}"}}\
            """.formatted("(".repeat(99), ")".repeat(99)), "{}"));
    }

    @Test
    void failedFunctionIsNamedByItsCode() {
        var execution = run("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{% $sum('a') %}"}}\
            """, "{}");
        assertTrue(
                execution.cause().orElseThrow().contains("threw an error during evaluation. T0412: "),
                execution.cause()::toString);
    }

    @Test
    void choiceTakesTheFirstRuleThatHolds() {
        var states = """
            "StartAt": "C", "States": {
             "C": {"Type": "Choice", "Default": "No", "Choices": [
              {"Condition": "{% $states.input.n > 10 %}", "Next": "Many"},
              {"Condition": "{% $states.input.n > 1 %}", "Next": "Some"}]},
             "Many": {"Type": "Pass", "Output": "many", "End": true},
             "Some": {"Type": "Pass", "Output": "some", "End": true},
             "No": {"Type": "Pass", "Output": "none", "End": true}}\
            """;
        assertEquals("\"some\"", output(states, "{\"n\": 5}"));
    }

    @Test
    void choiceWithoutMatchAndDefaultFails() {
        assertEquals("States.NoChoiceMatched", failure("""
            "StartAt": "C", "States": {
             "C": {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "S"}]},
             "S": {"Type": "Succeed"}}\
            """, "{}"));
    }

    @Test
    void waitLastsItsSecondsOfSimulatedTime() {
        var execution = run("""
            "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": "{% $states.input.s %}", "End": true}}\
            """, """
            {"s": 604800}\
            """);
        assertEquals(
                Duration.ofDays(7),
                Duration.between(execution.started(), execution.stopped().orElseThrow()));
    }

    @Test
    void waitEndsAtItsTimestamp() {
        var execution = run("""
            "StartAt": "W", "States": {"W": {"Type": "Wait", "Timestamp": "{% $states.input.t %}", "End": true}}\
            """, """
            {"t": "2026-11-02T10:30:00Z"}\
            """);
        assertEquals("2026-11-02T10:30:00Z", execution.stopped().orElseThrow().toString());
    }

    @Test
    void failEndsWithItsErrorAndCause() {
        var execution = run("""
            "StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Quota",
             "Cause": "{% 'no HSM left in ' & $states.input.az %}"}}\
            """, "{\"az\": \"eu-central-1a\"}");
        assertEquals("Quota", execution.error().orElseThrow());
        assertEquals("no HSM left in eu-central-1a", execution.cause().orElseThrow());
        assertEquals(List.of("ExecutionStarted", "FailStateEntered", "ExecutionFailed"), types(execution));
    }

    @Test
    void parallelJoinsItsBranchesInOrderAndReadsOuterVariables() {
        var states = """
            "StartAt": "A", "States": {
             "A": {"Type": "Pass", "Assign": {"v": 7}, "Next": "P"},
             "P": {"Type": "Parallel", "End": true, "Branches": [
              {"StartAt": "Slow", "States": {"Slow": {"Type": "Wait", "Seconds": 60, "Output": "slow", "End": true}}},
              {"StartAt": "Fast", "States": {"Fast": {"Type": "Pass", "Output": "{% $v %}", "End": true}}}]}}\
            """;
        assertEquals("[\"slow\",7]", output(states, "{}"));
    }

    @Test
    void oneFailedBranchEndsTheOthers() {
        var execution = run("""
            "StartAt": "P", "States": {
             "P": {"Type": "Parallel", "Next": "After", "Branches": [
              {"StartAt": "Slow", "States": {"Slow": {"Type": "Wait", "Seconds": 3600, "End": true}}},
              {"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Boom"}}}],
              "Catch": [{"ErrorEquals": ["Boom"], "Next": "After", "Output": "{% $states.errorOutput.Error %}"}]},
             "After": {"Type": "Pass", "End": true}}\
            """, "{}");
        assertEquals("\"Boom\"", Json.text(execution.output().orElseThrow()));
        assertTrue(
                types(execution).containsAll(List.of("WaitStateAborted", "ParallelStateFailed")),
                types(execution)::toString);
        assertEquals(execution.started(), execution.stopped().orElseThrow(), "the slow branch is not waited for");
    }

    @Test
    void mapRunsItsProcessorForEachItemInOrder() {
        var states = """
            "StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Items": "{% $states.input.zones %}",
             "MaxConcurrency": 1,
             "ItemSelector": {"zone": "{% $states.context.Map.Item.Value %}", "i": "{% $states.context.Map.Item.Index %}"},
             "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true,
              "Output": "{% $states.input.zone & $string($states.input.i) %}"}}}}}\
            """;
        assertEquals("[\"a0\",\"b1\"]", output(states, "{\"zones\": [\"a\", \"b\"]}"));
    }

    @Test
    void emptyMapSucceedsWithAnEmptyArray() {
        assertEquals("[]", output("""
            "StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Items": [],
             "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}}\
            """, "{}"));
    }

    @Test
    void contextNamesExecutionAndState() {
        assertEquals("[\"run\",\"machine\",\"P\",0,\"2026-11-02T09:00:00Z\"]", output("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": ["{% $states.context.Execution.Name %}",
             "{% $states.context.StateMachine.Name %}", "{% $states.context.State.Name %}",
             "{% $states.context.State.RetryCount %}", "{% $states.context.Execution.StartTime %}"]}}\
            """, "{}"));
    }

    @Test
    void simulatedTimeIsNow() {
        assertEquals("\"2026-11-02T09:00:00.000Z\"", output("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{% $now() %}"}}\
            """, "{}"));
    }

    @Test
    void outputOverTheLimitFails() {
        assertEquals("States.DataLimitExceeded", failure("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true,
             "Output": "{% $states.input & $states.input %}"}}\
            """, "\"" + "x".repeat(140_000) + "\""));
    }

    @Test
    void endlessLoopEndsAtTheHistoryLimit() {
        var execution = run("""
            "StartAt": "P", "States": {"P": {"Type": "Choice", "Default": "S",
             "Choices": [{"Condition": "{% true %}", "Next": "P"}]}, "S": {"Type": "Succeed"}}\
            """, "{}");
        assertEquals("States.Runtime", execution.error().orElseThrow());
        assertEquals(25_000, execution.historyEvents().size());
    }

    @Test
    void machineTimeoutEndsTheExecution() {
        var execution = run("""
            "TimeoutSeconds": 60, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 61, "End": true}}\
            """, "{}");
        assertEquals(Execution.Status.TIMED_OUT, execution.status());
        assertEquals("ExecutionTimedOut", types(execution).getLast());
    }

    @Test
    void eventsFollowEachOther() {
        var execution = run("""
            "StartAt": "P", "States": {"P": {"Type": "Pass", "Assign": {"a": {"b": 1}}, "End": true}}\
            """, "{}");
        assertEquals(
                List.of("ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"),
                types(execution));
        var exited = execution.historyEvents().get(2);
        assertEquals(2, exited.path("previousEventId").asInt());
        assertEquals(
                "{\"b\":1}",
                exited.path("stateExitedEventDetails")
                        .path("assignedVariables")
                        .path("a")
                        .asText());
    }

    @Test
    void jsonPathMachineIsRefused() {
        var refusal = assertThrows(AwsException.class, () -> cloud.states().createStateMachine("old", """
            {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}\
            """, role));
        assertTrue(refusal.getMessage().contains("JSONata"), refusal.getMessage());
    }

    @Test
    void innerScopeMayNotAssignAnOuterVariable() {
        refused("""
            "StartAt": "A", "States": {
             "A": {"Type": "Pass", "Assign": {"v": 7}, "Next": "P"},
             "P": {"Type": "Parallel", "End": true, "Branches": [
              {"StartAt": "B", "States": {"B": {"Type": "Pass", "Assign": {"v": 8}, "End": true}}}]}}\
            """, "outer scope");
    }

    @Test
    void retryDelayGrowsAndIsCapped() {
        var retrier = new Retrier(List.of("States.ALL"), 2, 9, 3, 10, false);
        var random = new java.util.Random(1);
        assertEquals(Duration.ofSeconds(2), retrier.delay(0, random));
        assertEquals(Duration.ofSeconds(6), retrier.delay(1, random));
        assertEquals(Duration.ofSeconds(10), retrier.delay(2, random));
    }

    @Test
    void wildcardsCoverWhatAwsSaysTheyCover() {
        var timeout = new StateFailure("States.Timeout", "");
        var limit = new StateFailure("States.DataLimitExceeded", "");
        var runtime = new StateFailure("States.Runtime", "");
        var own = new StateFailure("java.lang.IllegalStateException", "");
        assertTrue(own.matches(List.of("States.TaskFailed")));
        assertTrue(timeout.matches(List.of("States.ALL")));
        assertTrue(!timeout.matches(List.of("States.TaskFailed")));
        assertTrue(!limit.matches(List.of("States.ALL")));
        assertTrue(!runtime.matches(List.of("States.ALL", "States.Runtime")));
    }
}
