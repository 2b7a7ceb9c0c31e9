package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that are written from others: the tests compare them, or write them where they are told to. */
final class Derived {
    /** Writes what is derived. Quoted in CONTRIBUTING.md. */
    static final String COMMAND =
            "mvn verify -pl endtoend -am -Dtest='DocsTest,DefinitionsTest' -Dsurefire.failIfNoSpecifiedTests=false"
                    + " -Dderived=write";

    private Derived() {}

    static boolean isWritten() {
        return "write".equals(System.getProperty("derived"));
    }

    /** The sample of a function that has none yet: what the definition sends it in a run with mocked stages before it. */
    static void writeSample(Path file, String machine, MockedMachine.Call call) throws IOException {
        var payload = call.payload().deepCopy();
        if (payload instanceof ObjectNode stage && stage.has("token")) stage.put("token", "TOKEN");
        if (payload instanceof ObjectNode stage && stage.has("execution")) {
            stage.put(
                    "execution",
                    "arn:aws:states:eu-central-1:111122223333:execution:cloudhsm-pipeline-" + machine + ":first");
        }
        var layout = new DefaultPrettyPrinter()
                .withSeparators(
                        Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER));
        layout.indentArraysWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);
        Files.writeString(file, Json.MAPPER.writer(layout).writeValueAsString(payload) + "\n");
    }

    /** @param file from the project's root */
    static void check(String file, String text) throws IOException {
        var path = LocalDeployment.projectRoot().resolve(file);
        if (isWritten()) Files.writeString(path, text);
        assertTrue(
                Files.exists(path) && Files.readString(path).equals(text),
                () -> file + " is not what the state machines, the template and the classes say; write it with\n"
                        + COMMAND);
    }
}
