package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What the last stage of a provisioning takes, and what it leaves in the evidence bucket. */
class ReportTest {
    private static ObjectNode evidence() throws IOException {
        try (var sample = ReportTest.class.getResourceAsStream("/evidence.json")) {
            return (ObjectNode) Json.MAPPER.readTree(sample);
        }
    }

    private static ObjectNode input() throws IOException {
        return evidence().without(List.of("finished", "took", "stages", "cost"));
    }

    private static Set<String> names(ObjectNode object) {
        return object.propertyStream().map(Map.Entry::getKey).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void whatTheStagesMadeIsInTheEvidenceUnderItsOwnNames() throws IOException {
        var input = Json.MAPPER.treeToValue(input(), Report.Input.class);
        var read = Json.MAPPER.treeToValue(evidence(), Report.Evidence.class);
        assertEquals(input, read.made());
        var written = (ObjectNode) Json.MAPPER.readTree(Json.MAPPER.writeValueAsString(read));
        assertEquals(names(evidence()), names(written));
        assertEquals(input(), written.without(List.of("finished", "took", "stages", "cost")));
    }

    @Test
    void aMemberThatNoStageMakesIsRefused() throws IOException {
        var input = input().put("more", 1);
        var refused = assertThrows(
                UnrecognizedPropertyException.class, () -> Json.MAPPER.treeToValue(input, Report.Input.class));
        assertEquals("more", refused.getPropertyName());
    }

    @Test
    void aMemberThatIsMissingIsRefused() throws IOException {
        for (var name : names(input())) {
            var input = input();
            input.remove(name);
            assertThrows(
                    MismatchedInputException.class, () -> Json.MAPPER.treeToValue(input, Report.Input.class), name);
        }
    }
}
