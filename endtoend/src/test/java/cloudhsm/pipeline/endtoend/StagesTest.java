package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.TemplateFile;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What a state of a definition needs in other files, read from the files alone: all that is missing, said at once. */
class StagesTest {
    private static final Path ROOT = LocalDeployment.projectRoot();

    private final List<String> missing = new ArrayList<>();
    private final JsonNode resources =
            TemplateFile.read(ROOT.resolve("template.yaml")).path("Resources");

    @Test
    void everyStageThatADefinitionCallsIsInTheTemplateAndHasASample() throws IOException {
        for (var resource : resources.properties()) {
            var machine = resource.getValue();
            if (machine.path("Type").asText().equals("AWS::Serverless::StateMachine"))
                check(resource.getKey(), machine.path("Properties"));
        }
        assertEquals("", String.join("\n", missing));
    }

    private void check(String machine, JsonNode properties) throws IOException {
        var file = properties.path("DefinitionUri").asText();
        var called = new TreeSet<String>();
        StateMachinesTest.states(Json.parse(Files.readString(ROOT.resolve(file))), (name, state) -> {
            var function = function(state);
            if (!function.isEmpty() && called.add(function)) checkFunction(file, name, function, isStage(state));
        });
        var role = machine + "Role";
        var runnable = runnable(role);
        var given = properties.path("DefinitionSubstitutions");
        for (var function : called) {
            var arn = function + "Function.Arn";
            if (!given.at("/" + function + "FunctionArn/Fn::GetAtt").asText().equals(arn))
                missing.add("template.yaml: " + machine + "'s DefinitionSubstitutions need " + function
                        + "FunctionArn: !GetAtt " + arn);
            if (!runnable.remove(arn))
                missing.add("template.yaml: " + role + "'s statement with lambda:InvokeFunction needs !GetAtt " + arn);
        }
        runnable.forEach(arn ->
                missing.add("template.yaml: " + role + " may run " + arn + ", which " + file + " does not call"));
    }

    /** The ARNs of functions that the role may invoke, as they stand in the template. */
    private Set<String> runnable(String role) {
        var runnable = new TreeSet<String>();
        for (var policy : resources.at("/" + role + "/Properties/Policies")) {
            for (var statement : policy.at("/PolicyDocument/Statement")) {
                if (!statement.path("Action").asText().equals("lambda:InvokeFunction")) continue;
                runnable.addAll(statement.path("Resource").findValuesAsText("Fn::GetAtt"));
            }
        }
        return runnable;
    }

    private void checkFunction(String file, String state, String function, boolean isStage) {
        var properties = resources.at("/" + function + "Function/Properties");
        var called = ", which " + file + " calls in " + state;
        if (properties.isMissingNode()) {
            missing.add("template.yaml has no " + function + "Function" + called);
            return;
        }
        var handler = properties.path("Handler").asText();
        if (!Files.exists(source(handler))) missing.add("no source of the Handler " + handler + called);
        if (!handler.endsWith("." + function))
            missing.add("template.yaml: the Handler of " + function + "Function is " + handler
                    + "; function and class have one name");
        var waits = "\"WAIT#" + function + "\"";
        if (isStage
                && !properties
                        .path("Policies")
                        .findValues("dynamodb:LeadingKeys")
                        .toString()
                        .contains(waits))
            missing.add("template.yaml: " + function + "Function needs a statement ItsOwnWaits on " + waits);
        if (isStage
                && waits(source(handler))
                && !properties.path("Policies").toString().contains("\"WaitPolicy\""))
            missing.add("template.yaml: " + function
                    + "Function needs !Ref WaitPolicy, because it may wait, if only where" + " something goes wrong");
        var sample = "events/stages/" + function + ".json";
        if (!Files.exists(ROOT.resolve(sample))) missing.add(sample + " is missing; " + Derived.COMMAND + " writes it");
    }

    private static boolean waits(Path source) {
        try {
            return Files.exists(source) && Files.readString(source).contains("new Outcome.Waiting(");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static boolean isStage(JsonNode state) {
        return state.path("Resource").asText().endsWith(".waitForTaskToken");
    }

    /** The tasks in their order where nothing fails and no choice is made, by the first branch of each Parallel, and once for a Map. */
    static List<String> straightWay(String machine) {
        try {
            return tasksOnTheWay(Json.parse(Files.readString(ROOT.resolve("statemachine/" + machine + ".asl.json"))));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static List<String> tasksOnTheWay(JsonNode part) {
        var tasks = new ArrayList<String>();
        for (var name = part.path("StartAt").asText(); !name.isEmpty(); ) {
            var state = part.path("States").path(name);
            if (state.path("Type").asText().equals("Task")) tasks.add(name);
            if (state.has("Branches"))
                tasks.addAll(tasksOnTheWay(state.path("Branches").get(0)));
            if (state.has("ItemProcessor")) tasks.addAll(tasksOnTheWay(state.path("ItemProcessor")));
            name = state.path("Next").asText(state.path("Default").asText());
        }
        return tasks;
    }

    /** The function that a task calls, without "Function"; empty where it calls another service. */
    static String function(JsonNode task) {
        var name = task.at("/Arguments/FunctionName").asText();
        return name.startsWith("${") ? name.replaceFirst("^\\$\\{", "").replaceFirst("FunctionArn}$", "") : "";
    }

    /** Where the class of a handler is. */
    static Path source(String handler) {
        var module = handler.split("[.]")[2];
        return ROOT.resolve("functions/" + module + "/src/main/java/" + handler.replace('.', '/') + ".java");
    }
}
