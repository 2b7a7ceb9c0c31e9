package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every sample of events/ is what its schema says. */
class SamplesTest {
    private static final Path EVENTS = LocalDeployment.projectRoot().resolve("events");

    @ParameterizedTest
    @CsvSource({
        "provision.json, provision.schema.json",
        "teardown.json, teardown.schema.json",
        "teardown-keeping-data.json, teardown.schema.json",
        "key-state-change.json, state-change.schema.json",
        "instance-state-change.json, state-change.schema.json",
        "key-deleted.json, key-deleted.schema.json",
        "watch.json, watch.schema.json",
        "health-check.json, health-check.schema.json",
        "pause.json, pause.schema.json",
        "deployment-health-change.json, deployment-health-change.schema.json",
        "reencrypt-existing.json, reencrypt-existing.schema.json",
        "cluster-state-change.json, state-change.schema.json",
        "cluster-csr-state-change.json, state-change.schema.json",
        "hsm-state-change.json, state-change.schema.json",
        "key-store-state-change.json, state-change.schema.json",
        "client-state-change.json, state-change.schema.json",
        "command-state-change.json, state-change.schema.json",
        "object-encryption-change.json, state-change.schema.json",
        "s3-put.json, s3-put.schema.json",
        "s3-copy.json, s3-put.schema.json",
        "sqs-s3-batch.json, sqs-s3-batch.schema.json",
        "s3-test-event.json, s3-test-event.schema.json",
        "execution-status-change.json, execution-status-change.schema.json",
        "command-invocation-status-change.json, command-invocation-status-change.schema.json",
    })
    void everySampleFitsItsSchema(String sample, String schema) throws IOException {
        assertEquals(Set.of(), problems(Files.readString(EVENTS.resolve(sample)), schema));
    }

    static List<Path> stages() throws IOException {
        try (Stream<Path> files = Files.list(EVENTS.resolve("stages"))) {
            return files.sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("stages")
    void everySampleOfAStageFitsTheSchemaToo(Path sample) throws IOException {
        assertEquals(Set.of(), problems(Files.readString(sample), "stages.schema.json"));
    }

    @Test
    void aSchemaRefusesWhatItDoesNotKnow() throws IOException {
        assertFalse(problems("{\"waitId\":\"a\",\"token\":\"b\"}", "watch.schema.json")
                .isEmpty());
    }

    @Test
    void everyFileOfEventsIsASampleOrASchema() throws IOException {
        try (Stream<Path> files = Files.list(EVENTS)) {
            assertEquals(
                    Set.of("stages"),
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> !name.endsWith(".json"))
                            .collect(Collectors.toSet()));
        }
    }

    static Set<String> problems(String json, String schema) throws IOException {
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(Files.readString(EVENTS.resolve(schema)))
                .validate(json, InputFormat.JSON)
                .stream()
                .map(Object::toString)
                .collect(Collectors.toSet());
    }
}
