package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.TemplateFile;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A misspelt error in a Retry or a Catch would never match, and nothing else would show it. */
class CaughtErrorsTest {
    /** What a service that is called without a function fails with: prefix and exception of the SDK for Java. */
    private static final Set<String> OF_SERVICES = Set.of(
            "CloudWatchLogs.ResourceNotFoundException",
            "CloudWatchLogs.OperationAbortedException",
            "CloudWatchLogs.ServiceUnavailableException",
            "CloudWatchLogs.ThrottlingException",
            "CloudWatchLogs.SdkClientException");

    /**
     * What the start of another execution fails with. AWS's pages name none of them for a service that is busy; both
     * spellings of the SDK's own base class are there.
     */
    private static final Set<String> OF_NESTED_EXECUTIONS = Set.of(
            "StepFunctions.ThrottlingException",
            "StepFunctions.InternalFailureException",
            "StepFunctions.AWSStepFunctionsException",
            "StepFunctions.SfnException",
            "StepFunctions.SdkClientException");

    private static final JsonNode RESOURCES = TemplateFile.read(
                    LocalDeployment.projectRoot().resolve("template.yaml"))
            .path("Resources");

    static List<Path> stateMachines() throws IOException {
        return StateMachinesTest.stateMachines();
    }

    @ParameterizedTest
    @MethodSource("stateMachines")
    void whatIsCaughtByNameIsWhatTheStageFailsWith(Path file) throws IOException {
        var problems = new ArrayList<String>();
        for (var state : states(file)) {
            var thrown = thrown(state.getValue());
            for (var catcher : state.getValue().path("Catch")) {
                for (var error : catcher.path("ErrorEquals")) {
                    if (!thrown.contains(error.asText()))
                        problems.add(state.getKey() + " never fails with " + error.asText());
                }
            }
        }
        assertEquals(List.of(), problems);
    }

    @ParameterizedTest
    @MethodSource("stateMachines")
    void whatIsRetriedIsWhatLambdaOrTheStageFailsWith(Path file) throws IOException {
        var problems = new ArrayList<String>();
        for (var state : states(file)) {
            var thrown = thrown(state.getValue());
            for (var retrier : state.getValue().path("Retry")) {
                for (var error : retrier.path("ErrorEquals")) {
                    if (!thrown.contains(error.asText()))
                        problems.add(state.getKey() + " never fails with " + error.asText());
                }
            }
        }
        assertEquals(List.of(), problems);
    }

    @Test
    void theNamesAreReadFromTheBuiltClasses() throws IOException {
        var connect = StageFailures.of("cloudhsm.pipeline.provisioning.keystore.ConnectKeyStore");
        assertTrue(connect.containsAll(Set.of("USER_NOT_FOUND", "KEY_STORE_GONE", "TOOK_TOO_LONG")), connect::toString);
        assertFalse(connect.contains("TABLE_NAME"), "the name of an environment variable is no failure");
        assertFalse(connect.contains("CSR_CHANGED"), "another stage's failure");
        var initialize = StageFailures.of("cloudhsm.pipeline.provisioning.cluster.InitializeCluster");
        assertTrue(initialize.contains("CSR_CHANGED"), initialize::toString);
        assertTrue(initialize.contains("TransientAwsFailure"), initialize::toString);
    }

    @Test
    void everyDefinitionIsDeployedOnceAndEverySubstitutionIsUsed() throws IOException {
        var deployed = new ArrayList<String>();
        for (var resource : RESOURCES) {
            if (!resource.path("Type").asText().equals("AWS::Serverless::StateMachine")) continue;
            var properties = resource.path("Properties");
            var uri = properties.path("DefinitionUri").asText();
            deployed.add(uri);
            var given = new TreeSet<String>();
            properties.path("DefinitionSubstitutions").fieldNames().forEachRemaining(given::add);
            var text = Files.readString(LocalDeployment.projectRoot().resolve(uri));
            var used = new TreeSet<String>();
            Pattern.compile("\\$\\{([^}]*)}").matcher(text).results().forEach(match -> used.add(match.group(1)));
            assertEquals(used, given, uri);
        }
        var files = stateMachines().stream()
                .map(file -> "statemachine/" + file.getFileName())
                .toList();
        assertEquals(files, deployed.stream().sorted().toList(), "each file of statemachine/ is one machine");
    }

    private static Set<String> thrown(JsonNode state) throws IOException {
        var thrown = new HashSet<>(StateMachinesTest.TRANSIENT);
        thrown.add("States.ALL");
        var function = state.at("/Arguments/FunctionName")
                .asText()
                .replaceFirst("^\\$\\{", "")
                .replaceFirst("Arn}$", "");
        var handler = RESOURCES.at("/" + function + "/Properties/Handler").asText();
        if (handler.startsWith("cloudhsm.pipeline.reencryption."))
            thrown.add("cloudhsm.pipeline.reencryption.S3FailedException");
        if (handler.startsWith("cloudhsm.pipeline.provisioning.")) thrown.addAll(StageFailures.of(handler));
        if (state.path("Resource").asText().startsWith("arn:aws:states:::aws-sdk:")) thrown.addAll(OF_SERVICES);
        if (state.path("Resource").asText().startsWith("arn:aws:states:::states:startExecution"))
            thrown.addAll(OF_NESTED_EXECUTIONS);
        return thrown;
    }

    private static List<Map.Entry<String, JsonNode>> states(Path file) throws IOException {
        var states = new ArrayList<Map.Entry<String, JsonNode>>();
        collect(Json.parse(Files.readString(file)), states);
        return states;
    }

    private static void collect(JsonNode definition, List<Map.Entry<String, JsonNode>> states) {
        for (var state : definition.path("States").properties()) {
            states.add(state);
            state.getValue().path("Branches").forEach(branch -> collect(branch, states));
            if (state.getValue().has("ItemProcessor")) collect(state.getValue().get("ItemProcessor"), states);
        }
    }
}
