package cloudhsm.pipeline.endtoend;

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
import java.util.regex.Pattern;

/**
 * docs/stages.md: what each task of the state machines is for, as its comment says; what its class does, as the first
 * sentence of the class's Javadoc says; what it may do on AWS, as the template grants it; and how long it waits.
 */
final class StageTables {
    static final List<String> MACHINES = List.of("provision", "pause", "teardown", "reencrypt-existing", "watch");

    private static final Path ROOT = LocalDeployment.projectRoot();

    private static final String HEAD = """
        # Stages

        One stage is one state, one Lambda function and one class of the same name; `State (Class)` where a state runs another
        state's class. *May do* is what the function's role grants beyond looking, without the pipeline's own table and what
        CloudHSM does in the VPC as the caller. *Waits* is how long a stage may wait for AWS before it fails by name.
        Written from `statemachine/`, `template.yaml` and the classes: not edited by hand.
        """;

    /** Rights that every stage has, or that AWS uses on the caller's behalf: they tell nothing of a stage. */
    private static final Set<String> COMMON = Set.of("EndTaskPolicy", "WaitPolicy", "AskExecutionsPolicy");

    private static final Pattern LEFT_OUT = Pattern.compile("dynamodb:.*|[a-z0-9-]+:(Describe|List|Get).*");

    private final JsonNode resources =
            TemplateFile.read(ROOT.resolve("template.yaml")).path("Resources");
    private final StringBuilder page = new StringBuilder(HEAD);

    private StageTables() {}

    /** The whole page. */
    static String page() throws IOException {
        var tables = new StageTables();
        for (var machine : MACHINES) tables.table(machine);
        return tables.page.toString();
    }

    private void table(String machine) throws IOException {
        var definition = Json.parse(Files.readString(ROOT.resolve("statemachine/" + machine + ".asl.json")));
        page.append("\n## ").append(machine).append('\n');
        page.append(definition.path("Comment").asText()).append("\n\n");
        page.append("| state | here | what its class does | may do | waits |\n|---|---|---|---|---|\n");
        StateMachinesTest.states(definition, (name, state) -> {
            if (state.path("Type").asText().equals("Task")) page.append(row(name, state));
        });
    }

    private String row(String name, JsonNode task) {
        var function = StagesTest.function(task);
        var budget = StateMachinesTest.MOST_MINUTES.get(name);
        var cells = List.of(
                function.isEmpty() || function.equals(name) ? name : name + " (" + function + ")",
                task.path("Comment").asText(),
                function.isEmpty() ? "" : firstSentence(function),
                String.join(", ", function.isEmpty() ? List.of(service(task)) : changes(function)),
                budget == null ? "" : waits(budget));
        return "| "
                + String.join(
                        " | ",
                        cells.stream().map(cell -> cell.replace("|", "\\|")).toList()) + " |\n";
    }

    /** The service's action that a task calls without a function. */
    private static String service(JsonNode task) {
        return task.path("Resource").asText().replaceFirst("arn:aws:states:::(aws-sdk:)?", "");
    }

    private static String waits(int minutes) {
        return minutes < 24 * 60 ? minutes + " min" : minutes / (24 * 60) + " days";
    }

    private String firstSentence(String function) {
        var source = StagesTest.source(
                resources.at("/" + function + "Function/Properties/Handler").asText());
        try {
            var text = Files.readString(source);
            var declared = text.indexOf("class " + function + " ");
            var javadoc = text.lastIndexOf("/**", declared);
            if (javadoc < 0) throw new AssertionError("docs/stages.md needs the Javadoc of the class " + source);
            return text.substring(javadoc + 3, text.indexOf("*/", javadoc))
                    .replaceAll("(?m)^\\s*\\* ?", "")
                    .replaceAll("\\{@\\w+ ([^}]*)}", "$1")
                    .replaceAll("\\s+", " ")
                    .strip()
                    .replaceFirst("(?<=[A-Za-z0-9)\"][.])( @| [A-Z]).*", "");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private List<String> changes(String function) {
        var actions = new TreeSet<String>();
        for (var policy : resources.at("/" + function + "Function/Properties/Policies")) {
            var shared = policy.path("Ref").asText();
            if (COMMON.contains(shared)) continue;
            var document = shared.isEmpty() ? policy : resources.at("/" + shared + "/Properties/PolicyDocument");
            for (var statement : document.path("Statement")) actions.addAll(actions(statement));
        }
        actions.removeIf(action -> LEFT_OUT.matcher(action).matches());
        return new ArrayList<>(actions);
    }

    private static Set<String> actions(JsonNode statement) {
        var actions = new TreeSet<String>();
        if (statement.has("Fn::If")) return actions(statement.path("Fn::If").path(1));
        if (statement.path("Sid").asText().equals("CloudHsmActsInTheVpcAsTheCaller")) return actions;
        var action = statement.path("Action");
        if (action.isTextual()) actions.add(action.asText());
        action.forEach(each -> actions.add(each.asText()));
        return actions;
    }
}
