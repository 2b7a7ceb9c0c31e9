package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.SfnException;
import software.amazon.awssdk.services.sfn.model.ValidateStateMachineDefinitionResultCode;

/** What AWS refuses in a definition, as people have measured it there, each under AWS's code. */
class ValidateStateMachineDefinitionTest {
    private static final LocalCloud CLOUD = LocalCloud.start();
    private static final SfnClient STATES = CLOUD.client(SfnClient.builder());

    @AfterAll
    static void end() {
        CLOUD.close();
    }

    private static String machine(String states) {
        return "{\"QueryLanguage\": \"JSONata\", \"StartAt\": \"A\", \"States\": {" + states.replace('\'', '"') + "}}";
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'A': {'Type': 'Pass', 'Output': '{% phone %}', 'End': true} | UNSUPPORTED_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'Output': '{% $$.phone %}', 'End': true} | UNSUPPORTED_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'Output': '{% $states.errorOutput %}', 'End': true} |"
                        + " UNSUPPORTED_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'Output': '{% $states.result %}', 'End': true} | UNSUPPORTED_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'Output': '{% $states.context.Task.Token %}', 'End': true}"
                        + " | UNSUPPORTED_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'Output': '{% $states.context.Map.Item.Index %}', 'End': true}"
                        + " | UNSUPPORTED_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'Output': '{% 1 + %}', 'End': true} | INVALID_JSONATA_EXPRESSION",
                "'A': {'Type': 'Pass', 'End': true, 'Catch': [{'ErrorEquals': ['States.ALL'], 'Next': 'A'}]}"
                        + " | SCHEMA_VALIDATION_FAILED",
                "'A': {'Type': 'Pass', 'End': true, 'Retry': [{'ErrorEquals': ['States.ALL']}]} |"
                        + " SCHEMA_VALIDATION_FAILED",
                "'A': {'Type': 'Pass', 'End': true, 'TimeoutSeconds': 5} | SCHEMA_VALIDATION_FAILED",
                "'A': {'Type': 'Pass', 'End': true, 'InputPath': '$'} | SCHEMA_VALIDATION_FAILED",
                "'A': {'Type': 'Pass', 'End': true}, 'B': {'Type': 'Succeed'} | MISSING_TRANSITION_TARGET",
                "'A': {'Type': 'Pass', 'Next': 'B'}, 'C': {'Type': 'Succeed'} | MISSING_TRANSITION_TARGET",
                "'A': {'Type': 'Pass', 'Next': 'A'} | MISSING_END_STATE",
                "'A': {'Type': 'Pass', 'End': true}}, { | INVALID_JSON_DESCRIPTION"
            })
    void whatAwsRefusesFailsUnderItsCode(String states, String code) {
        var answer = STATES.validateStateMachineDefinition(request -> request.definition(machine(states)));
        assertEquals(ValidateStateMachineDefinitionResultCode.FAIL, answer.result());
        assertTrue(answer.diagnostics().stream().anyMatch(each -> each.code().equals(code)), answer::toString);
        assertTrue(answer.diagnostics().stream()
                .allMatch(each -> each.severityAsString().equals("ERROR")));
    }

    @Test
    void whatAwsTakesIsOk() {
        var answer = STATES.validateStateMachineDefinition(
                request -> request.definition(machine("'A': {'Type': 'Pass', 'End': true}"))
                        .severity("WARNING"));
        assertEquals(ValidateStateMachineDefinitionResultCode.OK, answer.result());
        assertEquals(0, answer.diagnostics().size());
    }

    @Test
    void noMoreDiagnosticsComeThanAreAskedFor() {
        var answer = STATES.validateStateMachineDefinition(request -> request.definition(machine(
                        "'A': {'Type': 'Pass', 'Output': '{% a + b %}', 'End': true}, 'B': {'Type': 'Succeed'}"))
                .maxResults(1));
        assertEquals(1, answer.diagnostics().size());
        assertTrue(answer.truncated());
    }

    @Test
    void nothingIsMade() {
        STATES.validateStateMachineDefinition(request -> request.definition(machine("'A': {'Type': 'Succeed'}")));
        assertTrue(STATES.listStateMachines().stateMachines().isEmpty());
    }

    @Test
    void whoMayNotValidateIsRefused() {
        var role = CLOUD.iam()
                .createRole(
                        "nobody",
                        PolicyDocument.parse(
                                Json.parse("{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\":"
                                        + " \"sts:AssumeRole\"}}")));
        var states = CLOUD.client(SfnClient.builder(), CLOUD.iam().session(role, "x"));
        var refused = assertThrows(
                SfnException.class,
                () -> states.validateStateMachineDefinition(request -> request.definition(machine("'A': {}"))));
        assertEquals("AccessDeniedException", refused.awsErrorDetails().errorCode());
    }
}
