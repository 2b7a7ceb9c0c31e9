package cloudhsm.pipeline.provisioning.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** What an execution has settled: written once, read in order, and of no weight for the execution. */
class SettledQuestionsTest {
    private final TestAccount aws = new TestAccount();
    private final SettledQuestions questions = aws.runtime.questions();

    @BeforeEach
    void createTable() {
        PipelineTable.create(aws.client(DynamoDbClient.builder()), aws.cloud);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private Settled settled(String answer) {
        return new Settled(
                Question.DELETED_STAYS_LISTED.toString(),
                answer,
                aws.cloud.time().now());
    }

    @Test
    void theSameAnswerIsKeptFromItsFirstTimeAndAnotherOneIsAdded() {
        var first = settled("HSM: listed as DELETED");
        questions.add("one", List.of(first, first));
        aws.cloud.advance(Duration.ofMinutes(1));
        var other = settled("cluster: listed as DELETED");
        questions.add("one", List.of(settled("HSM: listed as DELETED"), other));

        assertEquals(List.of(first, other), questions.of("one"));
        assertEquals(List.of(), questions.of("two"), "another execution has settled nothing");
    }

    @Test
    void anAnswerOfMoreThanALineIsCut() {
        questions.add("one", List.of(settled("x".repeat(70_000))));
        assertEquals(500, questions.of("one").getFirst().answer().length());
    }

    @Test
    void neitherWritingNorReadingCanFailARun() {
        for (int call = 1; call <= 2; call++) {
            aws.cloud.faults().add("dynamodb", "UpdateItem", call, Faults.Kind.INTERNAL_ERROR);
        }
        aws.cloud.faults().add("dynamodb", "GetItem", 1, Faults.Kind.THROTTLED);
        questions.add("one", List.of(settled("lost")));
        questions.keep("one", Instant.now());
        assertEquals(List.of(), questions.of("one"));
    }

    @Test
    void eachQuestionIsARowOfTheLimitsAndEachRowMarkedAsSettledByARunIsAQuestion() throws IOException {
        var limits = Files.readString(Path.of(System.getProperty("project.root"), "docs/limits.md"));
        var table = limits.substring(
                limits.indexOf("\n| name |"), limits.indexOf("\n## What the embedded AWS does not do"));
        var marked = Pattern.compile("(?m)^\\| `([a-z0-9-]+)` \\|")
                .matcher(table)
                .results()
                .map(row -> row.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(
                Arrays.stream(Question.values()).map(Question::toString).collect(Collectors.toCollection(TreeSet::new)),
                marked);
        var rows = table.lines().filter(line -> line.startsWith("| ")).skip(1).toList();
        var names = rows.stream()
                .map(row -> row.split("\\|")[1].strip().replace("`", ""))
                .toList();
        assertEquals(List.copyOf(new TreeSet<>(names)).size(), names.size(), "a name stands for one question");
        names.forEach(name -> assertEquals(name, name.replaceAll("[^a-z0-9-]", ""), "not in kebab-case"));
    }
}
