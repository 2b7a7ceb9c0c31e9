package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.model.ConnectionErrorCodeType;

/**
 * docs/runbook.md against the code: every name under which something may end has its row, and each row's advice is
 * walked by a test, or is of a class that no test can walk. Which test that is stands in runbook-walks.txt.
 */
class RunbookTest {
    private static final Path ROOT = LocalDeployment.projectRoot();

    /** First cells of the headers of the tables that are looked up by a name. */
    private static final Set<String> BY_NAME =
            Set.of("failure", "ConnectionErrorCode", "error of `reencrypt-existing`", "outcome");

    /** First cells of the headers of those that are looked up by what was seen. */
    private static final Set<String> BY_SIGHT = Set.of("action");

    /** Why there is no walk; each ends a line of runbook-walks.txt. */
    private static final Set<String> WITHOUT_WALK = Set.of(
            "AWS has to act",
            "a person has to find the cause",
            "a new deployment of the stack",
            "a new execution, which looks at what there is",
            "nothing to do");

    private static final String REFUSED = "REFUSED, `AccessDenied`, `COPY_OUT_OF_TIME`, `S3_ANSWER_NOT_READABLE`, …";

    /** What names come from that the code does not know, and the row that stands for them. */
    private static final Map<String, String> FROM_OUTSIDE = Map.ofEntries(
            Map.entry(
                    "ClientCommand: report.get().reason()", "CLIENT_COMMAND_FAILED, CLIENT_REPORT_MISSING, UNEXPECTED"),
            Map.entry(
                    "ConnectKeyStore: Objects.requireNonNullElse(store.connectionErrorCodeAsString(),"
                            + " \"INTERNAL_ERROR\")",
                    "any other"),
            Map.entry("Decision: \"HTTP_\" + error.statusCode()", REFUSED),
            Map.entry("Decision: details.errorCode()", REFUSED),
            Map.entry("DiagnoseConnection: input.error()", "TOOK_TOO_LONG"),
            Map.entry("FailExecution: input.error()", "AWS's own code, as AccessDeniedException"),
            Map.entry("Reencryption: Decision.code(bare)", REFUSED),
            Map.entry("Reencryption: defect.getClass().getSimpleName()", REFUSED),
            Map.entry("Reencryption: none.reason()", "LEFT, `BUCKET_WITHOUT_KMS_KEY` `BUCKET_KEY_IS_NO_KEY_ARN`"),
            Map.entry("StageHandler: defect.getClass().getName()", "`States.…`, `Lambda.…`, a Java class's name"),
            Map.entry("StageHandler: failed.reason()", "AWS's own code, as AccessDeniedException"),
            Map.entry("StageHandler: failure.getClass().getSimpleName()", "AWS's own code, as AccessDeniedException"),
            Map.entry("StageHandler: details.errorCode()", "AWS's own code, as AccessDeniedException"));

    private static FailureNames found;

    /** @param names that stand in its key; none where it is looked up by what was seen */
    private record Row(String section, String key, Set<String> names) {}

    /** @param walk a test, as in ResumeTest.aLostEvent, or empty */
    private record Walk(String section, String key, String walk, String why) {}

    @BeforeAll
    static void readTheCode() throws IOException {
        var definitions = new ArrayList<JsonNode>();
        try (Stream<Path> files = Files.list(ROOT.resolve("statemachine"))) {
            for (var file : files.sorted().toList()) definitions.add(Json.parse(Files.readString(file)));
        }
        found = FailureNames.read(ROOT.resolve("functions"), ROOT.resolve("client"), definitions);
    }

    @Test
    void everyNameOfTheCodeIsInTheRunbook() throws IOException {
        var missing = found.names();
        for (var sample : List.of("NO_ZONE_FOR_HSM", "UNEXPECTED", "INTERRUPTED", "ARCHIVED", "TransientAwsFailure"))
            assertTrue(missing.contains(sample), () -> sample + " is not seen any more: " + missing);
        rows().forEach(row -> missing.removeAll(row.names()));
        assertEquals(Set.of(), missing, "whoever is called at night looks them up in docs/runbook.md");
    }

    @Test
    void everyNameThatTheCodeDoesNotKnowItselfHasARowThatStandsForIt() throws IOException {
        assertEquals(new TreeSet<>(FROM_OUTSIDE.keySet()), found.unfollowed());
        var keys = rows().stream().map(Row::key).collect(Collectors.toSet());
        var missing = new TreeSet<>(FROM_OUTSIDE.values());
        missing.removeAll(keys);
        assertEquals(Set.of(), missing);
    }

    @Test
    void everyFailureOfTheRunbookIsInTheCode() throws IOException {
        var known = found.names();
        ConnectionErrorCodeType.knownValues().forEach(code -> known.add(code.toString()));
        var unknown = new TreeSet<String>();
        for (var row : rows()) {
            if (row.section().equals("Uploads wait, or were put aside")) continue; // outcomes and ways, too
            row.names().stream()
                    .filter(name -> name.matches("[A-Z]+(_[A-Z]+)*") && !known.contains(name))
                    .forEach(unknown::add);
        }
        unknown.remove("AWS");
        assertEquals(Set.of(), unknown, "nothing ends under these names any more");
    }

    @Test
    void everyRowHasItsWalkAndEveryWalkItsRow() throws IOException {
        var rows = rows().stream().map(row -> row.section() + ": " + row.key()).toList();
        var walks =
                walks().stream().map(walk -> walk.section() + ": " + walk.key()).toList();
        assertEquals(rows, walks, "runbook-walks.txt has a line for each row, in their order");
    }

    @Test
    void everyWalkIsATestThatMeetsTheRowsName() throws IOException {
        var problems = new ArrayList<String>();
        var rows = rows();
        var walks = walks();
        for (int i = 0; i < walks.size(); i++) {
            var walk = walks.get(i);
            if (walk.walk().isEmpty()) {
                if (!WITHOUT_WALK.contains(walk.why())) problems.add(walk.key() + ": no class of rows: " + walk.why());
                continue;
            }
            var test = test(walk.walk());
            if (test.isEmpty()) problems.add(walk.key() + ": there is no test " + walk.walk());
            else if (!rows.get(i).names().isEmpty()
                    && rows.get(i).names().stream()
                            .noneMatch(name -> test.contains(name.contains("_") ? name : "\"" + name)))
                problems.add(walk.key() + ": " + walk.walk() + " meets none of "
                        + rows.get(i).names());
        }
        assertEquals(List.of(), problems);
    }

    /** A test's text, with what stands before its end; empty if there is none. */
    private static String test(String name) throws IOException {
        var file = name.substring(0, name.indexOf('.')) + ".java";
        try (var endtoend = Files.walk(ROOT.resolve("endtoend"));
                var functions = Files.walk(ROOT.resolve("functions"))) {
            var path = Stream.concat(endtoend, functions)
                    .filter(each -> each.endsWith(file))
                    .findFirst();
            if (path.isEmpty()) return "";
            var source = Files.readString(path.get());
            var start = source.indexOf("void " + name.substring(name.indexOf('.') + 1) + "(");
            if (start < 0) return "";
            var end = source.indexOf("\n    }\n", start);
            return source.substring(start, end);
        }
    }

    private static List<Row> rows() throws IOException {
        var rows = new ArrayList<Row>();
        var section = "";
        var table = "";
        for (var line : Files.readAllLines(ROOT.resolve("docs/runbook.md"))) {
            if (line.startsWith("## ")) section = line.substring(3);
            if (!line.startsWith("| ")) {
                if (!line.startsWith("|")) table = "";
                continue;
            }
            var cells = Stream.of(line.split("\\|")).skip(1).map(String::strip).toList();
            if (table.isEmpty()) table = cells.getFirst();
            else if (BY_NAME.contains(table) || BY_SIGHT.contains(table)) rows.add(row(section, table, cells));
        }
        return rows;
    }

    private static Row row(String section, String table, List<String> cells) {
        var twoCells = BY_SIGHT.contains(table) || table.equals("outcome");
        var key = twoCells && !cells.get(1).isEmpty() ? cells.getFirst() + ", " + cells.get(1) : cells.getFirst();
        var names = Pattern.compile("[A-Za-z][A-Za-z0-9_]*")
                .matcher(BY_SIGHT.contains(table) ? "" : key)
                .results()
                .map(match -> match.group())
                .collect(Collectors.toSet());
        return new Row(section, key, names);
    }

    private static List<Walk> walks() throws IOException {
        var walks = new ArrayList<Walk>();
        var section = "";
        for (var line : Files.readAllLines(ROOT.resolve("endtoend/src/test/resources/runbook-walks.txt"))) {
            if (line.startsWith("## ")) section = line.substring(3);
            if (section.isEmpty() || line.startsWith("## ")) continue;
            if (line.contains(" = ")) {
                var at = line.lastIndexOf(" = ");
                walks.add(new Walk(section, line.substring(0, at), line.substring(at + 3), ""));
            } else if (line.contains(" - ")) {
                var at = line.lastIndexOf(" - ");
                walks.add(new Walk(section, line.substring(0, at), "", line.substring(at + 3)));
            }
        }
        return walks;
    }
}
