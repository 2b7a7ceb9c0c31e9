package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Codes, messages and locations that others measured on AWS, where they have published them. */
class DefinitionCheckTest {
    private static final String LAMBDA = "\"Type\": \"Task\", \"Resource\": \"arn:aws:states:::lambda:invoke\"";
    private static final String WAITING =
            "\"Type\": \"Task\", \"Resource\": \"arn:aws:states:::lambda:invoke.waitForTaskToken\"";
    private static final String TOKEN =
            "\"Arguments\": {\"FunctionName\": \"f\", \"Payload\": \"{% $states.context.Task.Token %}\"}";
    private static final String INNER =
            "{\"StartAt\": \"I\", \"States\": {\"I\": {\"Type\": \"Pass\", \"End\": true}}}";

    private static List<Diagnostic> diagnose(String machine) {
        return DefinitionCheck.diagnose("{\"QueryLanguage\": \"JSONata\", " + machine + "}");
    }

    /** The machine that has the state X and nothing else. */
    private static List<Diagnostic> diagnoseState(String state) {
        return diagnose("\"StartAt\": \"X\", \"States\": {\"X\": {" + state + "}}");
    }

    private static List<Diagnostic> diagnoseOutput(String expression) {
        return diagnoseState("\"Type\": \"Pass\", \"End\": true, \"Output\": "
                + Json.MAPPER.valueToTree("{% " + expression + " %}"));
    }

    private static List<Diagnostic> diagnostic(String code, String message, String location) {
        return List.of(new Diagnostic(code, message, Optional.of(location)));
    }

    private static List<Diagnostic> schema(String message, String location) {
        return diagnostic("SCHEMA_VALIDATION_FAILED", message, location);
    }

    private static List<Diagnostic> unsupported(String message, String location) {
        return diagnostic("UNSUPPORTED_JSONATA_EXPRESSION", message, location);
    }

    private static void assertAccepted(List<Diagnostic> diagnostics) {
        assertEquals(List.of(), diagnostics);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        phone                                                  | phone
        phone[0]                                               | phone
        $.phone                                                | $
        $                                                      | $
        *                                                      | *
        **.phone                                               | **
        1 + -phone                                             | phone
        [1, phone.number]                                      | phone
        {phone: 1}                                             | phone
        {'a': {'b': phone}}                                    | phone
        true ? 1 : phone                                       | phone
        ($x := phone; $x)                                      | phone
        $count(phone)                                          | phone
        count(1)                                               | count
        $states.input ~> $map(phone)                           | phone
        $map($states.input.a, function($x) { phone })          | phone
        $sum(?, phone)                                         | phone
        $states.input.phone & phone                            | phone
        phone^(number)                                         | phone
        phone{type: number}                                    | phone
        """)
    void bareNameAtTheTopLevelIsRefused(String expression, String name) {
        assertEquals(
                unsupported("Reference to '" + name + "' at the top level is not supported.", "/States/X/Output"),
                diagnoseOutput(expression));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "$states.input.phone",
                "$states.input.phones[number > 3]",
                "$states.input.phones.(number & $)",
                "$states.input.phones.number[$ > 3]",
                "$states.input.phones^(>number).number",
                "$states.input.phones{type: number}",
                "$states.input.*.**.number",
                "$states.input.phones@$p.number",
                "$states.input ~> |phones|{'number': number + 1}|",
                "$map($states.input.a, function($x) { $x.phone })",
                "$states.input.a.($map(b, function($x) { c }))",
                "$notAssignedYet.phone",
                "'phone'",
                "$match('a', /phone/)"
            })
    void nameThatIsReadFromSomethingIsAccepted(String expression) {
        assertAccepted(diagnoseOutput(expression));
    }

    @Test
    void eachNameAtTheTopLevelIsListedOnce() {
        assertEquals(
                List.of(
                        "Reference to 'a' at the top level is not supported.",
                        "Reference to 'b' at the top level is not supported."),
                diagnoseOutput("a + b + a").stream().map(Diagnostic::message).toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"$$", "$$.phone", "$states.input.phones[number = $$.number]"})
    void rootOfTheInputIsRefused(String expression) {
        assertEquals(
                unsupported("Reference to '$$' is not supported.", "/States/X/Output"), diagnoseOutput(expression));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        a[1,2)              | Expected "]", got ","
        "unterminated       | String literal must be terminated by a matching quote
        1 +                 | Unexpected end of expression
        {"a":}              | The symbol "}" cannot be used as a unary operator
        $x :=               | Unexpected end of expression
        $match("a", /abc    | No terminating / in regular expression
        """, quoteCharacter = '`')
    void whatDoesNotParseIsRefusedInTheParsersWords(String expression, String message) {
        assertEquals(diagnostic("INVALID_JSONATA_EXPRESSION", message, "/States/X/Output"), diagnoseOutput(expression));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{% 1 %", "{% 1", "{1 %}", "1 %}", " {% 1 %}", "{% 1 %} ", " {% 1 %} ", "{%}"})
    void expressionThatIsWronglyOpenedOrClosedIsRefused(String text) {
        assertEquals(
                List.of("INVALID_JSONATA_EXPRESSION"),
                diagnoseState("\"Type\": \"Pass\", \"End\": true, \"Output\": " + Json.MAPPER.valueToTree(text))
                        .stream()
                        .map(Diagnostic::code)
                        .toList());
    }

    @Test
    void locationNamesMembersElementsRulesCatchersAndBranches() {
        assertEquals(
                List.of(
                        "/States/C/Choices[0]/Condition",
                        "/States/C/Choices[0]/Assign/v",
                        "/States/P/Catch[0]/Output",
                        "/States/P/Branches[0]/States/I/Output/a/b[0]",
                        "/States/M/Items",
                        "/States/M/ItemProcessor/States/J/Seconds",
                        "/States/F/Cause"),
                diagnose("""
                    "StartAt": "C", "States": {
                     "C": {"Type": "Choice", "Default": "P",
                      "Choices": [{"Condition": "{% x %}", "Assign": {"v": "{% x %}"}, "Next": "P"}]},
                     "P": {"Type": "Parallel", "Next": "M", "Branches": [{"StartAt": "I", "States": {
                      "I": {"Type": "Pass", "Output": {"a": {"b": ["{% x %}"]}}, "End": true}}}],
                      "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% x %}", "Next": "F"}]},
                     "M": {"Type": "Map", "Items": "{% x %}", "Next": "F", "ItemProcessor": {"StartAt": "J", "States": {
                      "J": {"Type": "Wait", "Seconds": "{% x %}", "End": true}}}},
                     "F": {"Type": "Fail", "Cause": "{% x %}"}}\
                    """).stream()
                        .map(each -> each.location().orElseThrow())
                        .toList());
    }

    @Test
    void commentsAndErrorNamesAreNoExpressions() {
        assertAccepted(diagnoseState(LAMBDA
                + ", \"End\": true, \"Comment\": \"{% phone\", \"Retry\": [{\"ErrorEquals\": [\"{% phone %}\"]}]"));
    }

    @Test
    void resultExistsInOutputAndAssignOfWhatCallsOrRunsSomething() {
        assertAccepted(diagnoseState(LAMBDA + """
            , "End": true, "Output": "{% $states.result %}", "Assign": {"r": "{% $states.result.Payload %}"}\
            """));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        "Type": "Pass", "Output": "{% $states.result %}", "End": true                      | /States/X/Output
        "Type": "Wait", "Seconds": 1, "Output": "{% $states.result.a %}", "End": true      | /States/X/Output
        "Type": "Wait", "Seconds": "{% $states.result %}", "End": true                     | /States/X/Seconds
        "Type": "Succeed", "Output": "{% $states.result %}"                                | /States/X/Output
        "Type": "Fail", "Cause": "{% $states.result %}"                                    | /States/X/Cause
        """)
    void resultDoesNotExistElsewhere(String state, String location) {
        assertEquals(unsupported("Field '$states.result' does not exist.", location), diagnoseState(state));
    }

    @Test
    void resultDoesNotExistInArgumentsOrCatch() {
        assertEquals(
                unsupported("Field '$states.result' does not exist.", "/States/X/Arguments/Payload"),
                diagnoseState(LAMBDA + ", \"End\": true, \"Arguments\": {\"Payload\": \"{% $states.result %}\"}"));
        assertEquals(
                unsupported("Field '$states.result' does not exist.", "/States/X/Catch[0]/Output"),
                diagnoseState(LAMBDA + """
                    , "End": true,
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.result %}", "Next": "X"}]\
                    """));
    }

    @Test
    void errorOutputExistsInOutputAndAssignOfACatcher() {
        assertAccepted(diagnoseState(LAMBDA + """
            , "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X",
             "Output": "{% $states.errorOutput %}", "Assign": {"e": "{% $states.errorOutput.Error %}"}}]\
            """));
    }

    @Test
    void errorOutputDoesNotExistElsewhere() {
        assertEquals(
                unsupported("Field '$states.errorOutput' does not exist.", "/States/X/Output"),
                diagnoseOutput("$states.errorOutput"));
        assertEquals(
                unsupported("Field '$states.errorOutput' does not exist.", "/States/X/Output"),
                diagnoseState(LAMBDA + ", \"End\": true, \"Output\": \"{% $states.errorOutput.Cause %}\""));
        assertEquals(
                unsupported("Field '$states.outcome' does not exist.", "/States/X/Output"),
                diagnoseOutput("$states.outcome"));
    }

    @Test
    void taskTokenExistsInTheArgumentsOfATaskThatWaitsForIt() {
        assertAccepted(diagnoseState(WAITING + ", \"End\": true, " + TOKEN));
        assertEquals(
                unsupported("Field '$states.context.Task' does not exist.", "/States/X/Arguments/Payload"),
                diagnoseState(LAMBDA + ", \"End\": true, " + TOKEN));
        assertEquals(
                unsupported("Field '$states.context.Task' does not exist.", "/States/X/Output"),
                diagnoseState(WAITING + ", \"End\": true, \"Output\": \"{% $states.context.Task.Token %}\", " + TOKEN));
        assertEquals(
                unsupported("Field '$states.context.Task' does not exist.", "/States/X/Output"),
                diagnoseOutput("$states.context.Task.Token"));
    }

    @Test
    void taskThatWaitsForItsTokenMustPassItOn() {
        assertEquals(
                schema(
                        "A task that waits for its token must pass $states.context.Task.Token on",
                        "/States/X/Arguments"),
                diagnoseState(WAITING + ", \"End\": true"));
    }

    @Test
    void itemExistsInTheItemSelectorOfAMap() {
        var map = "\"Type\": \"Map\", \"End\": true, \"Items\": [1], ";
        assertAccepted(diagnoseState(map + "\"ItemProcessor\": " + INNER
                + ", \"ItemSelector\": {\"i\": \"{% $states.context.Map.Item.Value %}\"}"));
        assertEquals(
                unsupported("Field '$states.context.Map' does not exist.", "/States/X/Output"),
                diagnoseState(map + "\"ItemProcessor\": " + INNER
                        + ", \"Output\": \"{% $states.context.Map.Item.Index %}\""));
        assertEquals(
                unsupported("Field '$states.context.Map' does not exist.", "/States/X/ItemProcessor/States/I/Output"),
                diagnoseState(map + "\"ItemProcessor\": "
                        + INNER.replace("\"End\"", "\"Output\": \"{% $states.context.Map.Item.Value %}\", \"End\"")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        "Type": "Pass", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X"}]  | Catch
        "Type": "Wait", "Seconds": 1, "End": true, "Retry": [{"ErrorEquals": ["States.ALL"]}] | Retry
        "Type": "Pass", "End": true, "TimeoutSeconds": 5                                      | TimeoutSeconds
        "Type": "Succeed", "End": true                                                        | End
        "Type": "Fail", "Next": "X"                                                           | Next
        "Type": "Pass", "End": true, "Seconds": 5                                             | Seconds
        "Type": "Pass", "End": true, "Unheard": 5                                             | Unheard
        """)
    void fieldOfAnotherTypeOfStateIsRefused(String state, String field) {
        assertEquals(schema("Field '" + field + "' is not supported", "/States/X"), diagnoseState(state));
    }

    @Test
    void onlyTasksHaveATimeout() {
        assertEquals(
                schema("Field 'TimeoutSeconds' is not supported", "/States/X"),
                diagnoseState(
                        "\"Type\": \"Parallel\", \"End\": true, \"TimeoutSeconds\": 5, \"Branches\": [" + INNER + "]"));
        assertEquals(
                schema("Field 'TimeoutSeconds' is not supported", "/States/X"),
                diagnoseState("\"Type\": \"Map\", \"End\": true, \"TimeoutSeconds\": 5, \"ItemProcessor\": " + INNER));
        assertAccepted(diagnoseState(LAMBDA + ", \"End\": true, \"TimeoutSeconds\": 5"));
    }

    @Test
    void fieldsOfJsonPathAreRefusedOneByOne() {
        assertEquals(
                List.of("InputPath", "OutputPath", "ResultPath", "Parameters").stream()
                        .map(field -> "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field '"
                                + field + "' is only supported for the 'JSONPath' QueryLanguage at /States/X")
                        .toList(),
                diagnoseState("""
                    "Type": "Pass", "End": true, "InputPath": "$.a", "OutputPath": "$.b", "ResultPath": "$.c",
                    "Parameters": {}\
                    """).stream().map(Diagnostic::toString).toList());
        assertEquals(schema("Field 'ResultPath' is not supported", "/States/X/Catch[0]"), diagnoseState(LAMBDA + """
            , "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "X"}]\
            """));
    }

    @Test
    void queryLanguageCannotGoBackToJsonPathForOneState() {
        assertEquals(
                schema(
                        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                        "/States/X"),
                diagnoseState(
                        "\"Type\": \"Pass\", \"QueryLanguage\": \"JSONPath\", \"InputPath\": \"$\", \"End\": true"));
        assertEquals(
                schema("Value should be one of the following: [JSONPath, JSONata]", "/States/X/QueryLanguage"),
                diagnoseState("\"Type\": \"Pass\", \"QueryLanguage\": \"jsonata\", \"End\": true"));
    }

    @Test
    void queryLanguageOfTheMachineIsOneOfTwo() {
        var states = ", \"StartAt\": \"X\", \"States\": {\"X\": {\"Type\": \"Succeed\"}}}";
        assertEquals(
                schema("Value should be one of the following: [JSONPath, JSONata]", "/QueryLanguage"),
                DefinitionCheck.diagnose("{\"QueryLanguage\": \"jsonata\"" + states));
        assertEquals(
                schema("Expected value of type [STRING]", "/QueryLanguage"),
                DefinitionCheck.diagnose("{\"QueryLanguage\": 5" + states));
    }

    @Test
    void processorAndBranchHaveNoQueryLanguage() {
        var inner = INNER.replace("{\"StartAt\"", "{\"QueryLanguage\": \"JSONata\", \"StartAt\"");
        assertEquals(
                schema("Field 'QueryLanguage' is not supported", "/States/X/ItemProcessor"),
                diagnoseState("\"Type\": \"Map\", \"End\": true, \"ItemProcessor\": " + inner));
        assertEquals(
                schema("Field 'QueryLanguage' is not supported", "/States/X/Branches[0]"),
                diagnoseState("\"Type\": \"Parallel\", \"End\": true, \"Branches\": [" + inner + "]"));
    }

    private static String loop(String more) {
        return """
            "StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}%s}\
            """.formatted(more);
    }

    @Test
    void machineThatNeverEndsIsRefusedWithoutALocation() {
        var endless = List.of(new Diagnostic("MISSING_END_STATE", "Workflow has no terminal state", Optional.empty()));
        assertEquals(endless, diagnose(loop("")));
        assertEquals(
                endless,
                diagnose(loop(", \"Unused\": {\"Type\": \"Pass\", \"Next\": \"A\"}")),
                "nothing is said of states that nothing leads to");
        assertEquals(
                diagnostic("MISSING_TRANSITION_TARGET", "State \"C\" is not reachable.", "/States/C"),
                diagnose(loop(", \"C\": {\"Type\": \"Pass\", \"End\": true}")));
    }

    @Test
    void processorThatNeverEndsIsNothingThatAwsRefuses() {
        assertAccepted(
                diagnoseState("\"Type\": \"Map\", \"End\": true, \"ItemProcessor\": {" + loop("").strip() + "}"));
    }

    @Test
    void stateThatNothingLeadsToIsRefused() {
        var ghost = INNER.replace("\"I\": {", "\"Ghost\": {\"Type\": \"Succeed\"}, \"I\": {");
        assertEquals(
                diagnostic(
                        "MISSING_TRANSITION_TARGET",
                        "State \"Ghost\" is not reachable.",
                        "/States/X/ItemProcessor/States/Ghost"),
                diagnoseState("\"Type\": \"Map\", \"End\": true, \"ItemProcessor\": " + ghost));
        assertEquals(
                diagnostic(
                        "MISSING_TRANSITION_TARGET",
                        "State \"Ghost\" is not reachable.",
                        "/States/X/Branches[0]/States/Ghost"),
                diagnoseState("\"Type\": \"Parallel\", \"End\": true, \"Branches\": [" + ghost + "]"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        "Type": "Pass", "Next": "Ghost"                                                        | /States/A/Next
        "Type": "Choice", "Choices": [{"Condition": true, "Next": "Ghost"}], "Default": "X"    | /States/A/Choices[0]/Next
        "Type": "Choice", "Choices": [{"Condition": true, "Next": "X"}], "Default": "Ghost"    | /States/A/Default
        """)
    void transitionToNowhereIsRefused(String state, String location) {
        assertEquals(
                new Diagnostic("MISSING_TRANSITION_TARGET", "Missing 'Next' target: Ghost", Optional.of(location)),
                diagnose("\"StartAt\": \"A\", \"States\": {\"A\": {" + state + "}, \"X\": {\"Type\": \"Succeed\"}}")
                        .getFirst());
    }

    @Test
    void catcherAndStartThatLeadNowhereAreRefused() {
        assertEquals(
                diagnostic("MISSING_TRANSITION_TARGET", "Missing 'Next' target: Ghost", "/States/X/Catch[0]/Next"),
                diagnoseState(LAMBDA
                        + ", \"End\": true, \"Catch\": [{\"ErrorEquals\": [\"States.ALL\"], \"Next\": \"Ghost\"}]"));
        assertEquals(
                List.of(
                        "MISSING_TRANSITION_TARGET: Missing 'Next' target: Nope at /StartAt",
                        "MISSING_TRANSITION_TARGET: State \"X\" is not reachable. at /States/X"),
                diagnose("\"StartAt\": \"Nope\", \"States\": {\"X\": {\"Type\": \"Succeed\"}}").stream()
                        .map(Diagnostic::toString)
                        .toList());
    }

    @Test
    void numbersOutOfTheirBoundsAreRefused() {
        assertEquals(
                schema("Minimum value is 1", "/States/X/TimeoutSeconds"),
                diagnoseState(LAMBDA + ", \"End\": true, \"TimeoutSeconds\": 0"));
        assertEquals(
                schema("Maximum value is 99999999", "/States/X/Seconds"),
                diagnoseState("\"Type\": \"Wait\", \"End\": true, \"Seconds\": 100000000"));
        assertEquals(
                schema("Expected value of type [INTEGER]", "/TimeoutSeconds"),
                diagnose("\"TimeoutSeconds\": \"60\", \"StartAt\": \"X\", \"States\": {\"X\": {\"Type\":"
                        + " \"Succeed\"}}"));
        assertEquals(
                schema("Minimum value is 0", "/States/X/MaxConcurrency"),
                diagnoseState("\"Type\": \"Map\", \"End\": true, \"MaxConcurrency\": -1, \"ItemProcessor\": " + INNER));
        assertEquals(
                schema("HeartbeatSeconds must be less than TimeoutSeconds", "/States/X"),
                diagnoseState(LAMBDA + ", \"End\": true, \"TimeoutSeconds\": 60, \"HeartbeatSeconds\": 60"));
        assertAccepted(diagnoseState(LAMBDA + ", \"End\": true, \"TimeoutSeconds\": \"{% $budget %}\""));
    }

    @Test
    void statesAllStandsAloneInTheLastEntry() {
        assertEquals(
                schema("States.ALL stands alone, and in the last entry", "/States/X/Retry[0]/ErrorEquals"),
                diagnoseState(LAMBDA + """
                    , "End": true, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["States.Timeout"]}]\
                    """));
        assertEquals(
                schema("States.ALL stands alone, and in the last entry", "/States/X/Catch[0]/ErrorEquals"),
                diagnoseState(LAMBDA + """
                    , "End": true, "Catch": [{"ErrorEquals": ["States.ALL", "States.Timeout"], "Next": "X"}]\
                    """));
    }

    @Test
    void whatIsMissingIsNamed() {
        assertEquals(schema("These fields are required: [StartAt, States]", "/"), diagnose("\"Comment\": \"\""));
        assertEquals(schema("These fields are required: [Condition, Next]", "/States/X/Choices[0]"), diagnose("""
            "StartAt": "X", "States": {
             "X": {"Type": "Choice", "Default": "Y", "Choices": [{}]}, "Y": {"Type": "Succeed"}}\
            """));
        assertEquals(
                schema("These fields are required: [ItemProcessor]", "/States/X"),
                diagnoseState("\"Type\": \"Map\", \"End\": true"));
    }

    @Test
    void namesAreUniqueInTheWholeMachine() {
        assertEquals(
                diagnostic(
                        "DUPLICATE_STATE_NAME",
                        "The state name is used twice in this machine",
                        "/States/X/Branches[1]/States/I"),
                diagnoseState("\"Type\": \"Parallel\", \"End\": true, \"Branches\": [" + INNER + ", " + INNER + "]"));
        assertEquals(
                List.of("INVALID_JSON_DESCRIPTION"),
                diagnose("""
                    "StartAt": "X", "States": {"X": {"Type": "Succeed"}, "X": {"Type": "Fail"}}\
                    """).stream().map(Diagnostic::code).toList(),
                "of two states of one name in one object, one would be lost");
    }

    @Test
    void everythingThatIsWrongIsSaidAtOnce() {
        assertEquals(
                List.of(
                        "SCHEMA_VALIDATION_FAILED: Field 'Catch' is not supported at /States/A",
                        "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported."
                                + " at /States/A/Output",
                        "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next",
                        "MISSING_END_STATE: Workflow has no terminal state at null"),
                diagnose("""
                    "StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "NOPE", "Output": "{% phone %}",
                     "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}]}}\
                    """).stream().map(Diagnostic::toString).toList());
    }
}
