package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * Every expression of the state machines is evaluated by some test. Runs after all other test classes, and sees what those
 * of the same run have evaluated; {@link DefinitionsTest} alone is enough. What each expression gave is written down, so
 * that build/compare-jsonata.js can compare it with the reference implementation of JSONata.
 */
@Isolated("isolated classes run when all others have ended")
class ExpressionsTest {
    @Test
    void everyExpressionIsEvaluatedAndItsResultWrittenDown() throws IOException {
        assertFalse(
                RecordedEvaluations.rows().isEmpty(),
                "no test has run a state machine: run this class together with DefinitionsTest");
        Files.write(
                LocalDeployment.projectRoot().resolve("endtoend/target/jsonata-evaluations.jsonl"),
                RecordedEvaluations.rows());
        var missing = new TreeSet<String>();
        for (var machine : StateMachinesTest.stateMachines()) collect(Json.parse(Files.readString(machine)), missing);
        missing.removeAll(RecordedEvaluations.expressions());
        assertEquals(Set.of(), missing, "let a scenario of DefinitionScenarios evaluate it");
    }

    private static void collect(JsonNode node, Set<String> expressions) {
        node.forEach(child -> collect(child, expressions));
        var text = node.asText();
        if (text.startsWith("{%")) expressions.add(text.substring(2, text.length() - 2));
    }
}
