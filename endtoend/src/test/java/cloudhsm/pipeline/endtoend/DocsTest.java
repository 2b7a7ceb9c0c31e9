package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.cli.RunLocal;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What README and docs say of the code, held against the code. */
class DocsTest {
    private static final Path ROOT = LocalDeployment.projectRoot();

    /** The line before a shell block, which may mark it, and its content. */
    private static final Pattern BLOCK = Pattern.compile("([^\n]*)\n```(?:sh|bash)\n(.*?)\n```", Pattern.DOTALL);

    /** Which test runs what a command runs; a command of ./run-local begins with one of these. */
    private static final Map<String, String> EXECUTED = Map.of(
            "./run-local", "RunLocalTest",
            "./run-local --fault", "RunLocalTest, SnagsThatEndAnExecutionTest",
            "./run-local teardown", "TeardownTest",
            "./run-local pause", "PauseTest",
            "./run-local serve", "ByHandTest",
            "./run-local matrix", "MatrixTest",
            "mvn verify -Dhalf-finished=all", "HalfFinishedTeardownTest",
            "mvn verify -pl", ".ci/run",
            "mvn -q validate exec:exec@format --non-recursive", ".ci/run",
            "mvn verify", ".ci/run");

    @Test
    void theRunbookKnowsEveryAlarm() throws IOException {
        var alarms = Pattern.compile("\n  ([A-Za-z]+):\n    Type: AWS::CloudWatch::Alarm")
                .matcher(TemplateTest.template())
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        var section = section(read("docs/runbook.md"), "## An alarm goes off");
        var described = firstCells(section);
        described.remove("alarm");
        assertEquals(alarms, described);
    }

    @Test
    void theStagesInTheDocsAreTheDefinitionsTheTemplatesAndTheClasses() throws IOException {
        Derived.check("docs/stages.md", StageTables.page());
    }

    @Test
    void theGraphsInTheDocsAreTheDefinitions() throws IOException {
        var page = read("docs/state-machines.md");
        for (var name : StageTables.MACHINES) {
            var mark = "<!-- graph: " + name + " -->\n```mermaid\n";
            var start = page.indexOf(mark);
            assertTrue(start >= 0, () -> "docs/state-machines.md needs a section with\n" + mark + "```");
            start += mark.length();
            page = page.substring(0, start) + Graph.of(definition(name)) + page.substring(page.indexOf("```\n", start));
        }
        Derived.check("docs/state-machines.md", page);
    }

    @Test
    void everyDefinitionHasItsTable() throws IOException {
        var files = new TreeSet<String>();
        for (var file : StateMachinesTest.stateMachines()) {
            files.add(file.getFileName().toString().replace(".asl.json", ""));
        }
        assertEquals(files, new TreeSet<>(StageTables.MACHINES));
    }

    @Test
    void everyCommandOfReadmeAndDocsIsExecutedByATestOrMarked() throws IOException {
        var problems = new ArrayList<String>();
        var commands = commands();
        assertTrue(commands.size() > 15, () -> "the blocks are not found any more: " + commands);
        commands.forEach((command, file) -> {
            var test = EXECUTED.entrySet().stream()
                    .filter(known -> command.equals(known.getKey())
                            || !known.getKey().equals("mvn verify") && command.startsWith(known.getKey() + " "))
                    .findFirst();
            if (test.isEmpty()) problems.add(file + ": " + command);
        });
        assertEquals(List.of(), problems, "execute it in a test, or mark its block with <!-- needs AWS -->");
    }

    @Test
    void everyCommandOfRunLocalIsUnderstood() throws IOException {
        for (var command : commands().keySet()) {
            if (!command.startsWith("./run-local")) continue;
            var arguments = Stream.of(command.split(" ")).skip(1).toArray(String[]::new);
            RunLocal.commandLine().parseArgs(arguments);
            if (!command.contains("--fault")) continue;
            var err = new StringWriter();
            // The fault is read before the directory is missed, so nothing runs.
            var withNothing = Stream.concat(Arrays.stream(arguments), Stream.of("--upload", "no-such-directory"));
            assertEquals(
                    2,
                    RunLocal.commandLine()
                            .setErr(new PrintWriter(err, true))
                            .execute(withNothing.toArray(String[]::new)));
            assertFalse(err.toString().contains("--fault:"), () -> command + ": " + err);
        }
    }

    /** By file: each line of each shell block that is not marked; docs/by-hand.md is ByHandTest's, call by call. */
    private static Map<String, String> commands() throws IOException {
        var commands = new LinkedHashMap<String, String>();
        for (var file : pages()) {
            if (file.endsWith("by-hand.md")) continue;
            var matcher = BLOCK.matcher(Files.readString(file));
            while (matcher.find()) {
                if (matcher.group(1).contains("<!-- needs AWS -->")) continue;
                matcher.group(2)
                        .lines()
                        .map(line -> line.replaceAll("(^|\\s+)#.*", "").strip())
                        .filter(line -> !line.isEmpty())
                        .forEach(
                                line -> commands.put(line, ROOT.relativize(file).toString()));
            }
        }
        return commands;
    }

    @Test
    void everyLinkToAPageOfTheProjectLeadsSomewhere() throws IOException {
        var broken = new ArrayList<String>();
        for (var file : pages()) {
            for (var link : Pattern.compile("\\]\\(([^)#:]+)(#[^)]*)?\\)")
                    .matcher(Files.readString(file))
                    .results()
                    .toList()) {
                if (!Files.exists(file.resolveSibling(link.group(1)))) broken.add(file + " -> " + link.group(1));
            }
        }
        assertEquals(List.of(), broken);
    }

    private static List<Path> pages() throws IOException {
        try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            return Stream.concat(
                            Stream.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")),
                            docs.filter(file -> file.toString().endsWith(".md")))
                    .sorted()
                    .toList();
        }
    }

    private static String read(String file) throws IOException {
        return Files.readString(ROOT.resolve(file));
    }

    private static JsonNode definition(String name) throws IOException {
        return Json.parse(read("statemachine/" + name + ".asl.json"));
    }

    private static String section(String page, String heading) {
        var start = page.indexOf("\n" + heading + "\n");
        assertTrue(start >= 0, () -> "no section " + heading);
        var end = page.indexOf("\n## ", start + heading.length());
        return page.substring(start, end < 0 ? page.length() : end);
    }

    private static Set<String> firstCells(String section) {
        return section.lines()
                .filter(line -> line.startsWith("| "))
                .map(line -> line.split("\\|")[1].strip())
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
