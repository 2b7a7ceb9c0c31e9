package cloudhsm.pipeline.runlocal.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Two evidences beside each other, and one that may be passed on. */
class ComparisonTest {
    private static ObjectNode evidence() throws IOException {
        return (ObjectNode) Json.parse(Files.readString(Path.of(
                System.getProperty("project.root"), "functions/provisioning/src/test/resources/evidence.json")));
    }

    /** What is not the same where the evidence has been changed. */
    private static List<String> differences(Consumer<ObjectNode> change) throws IOException {
        var changed = evidence();
        change.accept(changed);
        return Comparison.of(changed, evidence()).stream()
                .filter(line -> line.verdict() != Line.Verdict.SAME)
                .map(line -> line.verdict() + " " + line.kind() + " " + line.what())
                .toList();
    }

    private static ObjectNode stage(ObjectNode evidence, String name) {
        for (var stage : evidence.path("stages")) {
            if (stage.path("stage").asText().equals(name)) return (ObjectNode) stage;
        }
        throw new AssertionError(name);
    }

    @Test
    void anEvidenceIsTheSameAsItselfInEverything() throws IOException {
        assertEquals(List.of(), differences(evidence -> {}));
        assertEquals(
                List.of(), differences(evidence -> stage(evidence, "Preflight").put("took", "PT9S")));
    }

    @Test
    void eachDifferenceIsNamed() throws IOException {
        assertEquals(
                List.of("DIFFERENT duration CreateCluster"),
                differences(evidence -> stage(evidence, "CreateCluster").put("took", "PT12M")));
        assertEquals(
                List.of("DIFFERENT order stages"),
                differences(evidence -> stage(evidence, "CreateKey").put("entered", "2026-11-02T09:00:01Z")));
        assertEquals(
                List.of("NOT_SEEN error CreateHsms"),
                differences(evidence ->
                        stage(evidence, "CreateHsms").putArray("errors").add("TransientAwsFailure")));
        assertEquals(
                List.of("DIFFERENT state identity.verdict"),
                differences(evidence -> evidence.withObject("/identity").put("verdict", "SKIPPED")));
        assertEquals(
                List.of("DIFFERENT observation cluster-state-while-an-hsm-is-added"),
                differences(
                        evidence -> ((ObjectNode) evidence.at("/observations/1")).put("answer", "UPDATE_IN_PROGRESS")));
        assertEquals(
                List.of(
                        "NOT_SEEN observation hardware-certificates",
                        "NOT_SEEN observation cluster-state-while-an-hsm-is-added",
                        "NOT_SEEN observation update-object-encryption-with-a-cloudhsm-key"),
                differences(evidence -> evidence.putArray("observations")));
        assertEquals(
                List.of("DIFFERENT order stages", "NOT_SEEN duration CreateHsms (2)"),
                differences(evidence -> evidence.withArray("/stages")
                        .add(stage(evidence, "CreateHsms").deepCopy().put("entered", "2026-11-02T09:48:19Z"))));
    }

    @Test
    void idsInAnAnswerAreNoDifference() {
        assertEquals(
                "Cluster <cluster> is ACTIVE and has <hsm> at <ip>",
                Shareable.withoutIds("Cluster cluster-m6scvxgqtfh is ACTIVE and has hsm-ehrm6jnzyow at 172.31.0.9"));
        assertEquals("Cluster <cluster>", Shareable.withoutIds("Cluster cluster-2"), "in one that was made shareable");
    }

    @Test
    void whatIsNoEvidenceIsToldByWhatItLacks() throws IOException {
        assertEquals(Optional.empty(), Comparison.problem(evidence()));
        assertTrue(Comparison.problem(Json.parse("[]")).orElseThrow().contains("no member execution, startTime"));
        assertTrue(Comparison.problem(evidence().without("hsms")).orElseThrow().endsWith("hsms"));
        var malformed = evidence();
        stage(malformed, "CreateHsms").put("took", "long");
        assertEquals(Optional.of("a stage has no readable entered or took"), Comparison.problem(malformed));
    }

    @Test
    void nothingThatNamesAnAccountOrAPersonIsInTheCopy() throws IOException {
        var planted = List.of(
                "999988887777",
                "acme-payroll",
                "ACME",
                "somebody@example.org",
                "10.20.30.40",
                "2001:db8:0:0:0:0:0:1",
                "arn:aws:iam::999988887777:role/Payroll",
                "cluster-plantedplan",
                "hsm-plantedplan",
                "1234abcd-12ab-34cd-56ef-1234567890ab",
                "CN=Payroll Root, O=Acme",
                "4a:5b:6c:7d:8e:9f",
                "-----BEGIN CERTIFICATE-----\nUGxhbnRlZA==\n-----END CERTIFICATE-----\n");
        var evidence = evidence();
        evidence.withObject("/plan").put("deployment", "acme-payroll").put("keyDescription", "ACME");
        evidence.withObject("/cluster").put("clusterId", "cluster-plantedplan").put("serial", 1234567890123456L);
        var whole = evidence.putArray("planted");
        planted.forEach(whole::add);
        var within = evidence.withArray("/observations");
        for (var one : planted) {
            within.addObject()
                    .put("question", "connection-error-code")
                    .put("answer", "NETWORK_ERRORS: " + one + " was seen");
        }
        ((ObjectNode) evidence.at("/stages/3"))
                .putArray("errors")
                .add("HSM_DEGRADED")
                .add("of acme-payroll");

        var copy = Shareable.of(evidence);
        var text = Json.text(copy);
        for (var one : planted) {
            for (var line : one.split("\n")) {
                if (!line.startsWith("-----")) assertFalse(text.contains(line), () -> line + " is in " + text);
            }
        }
        assertFalse(text.contains("Acme"), text);
        assertFalse(text.contains("Payroll"), text);
        assertFalse(text.contains("BEGIN CERTIFICATE"), text);
        assertFalse(text.contains("1234567890123456"), text);
        assertFalse(text.contains("111122223333"), text);
        assertFalse(text.contains("Marvell"), text);
        assertEquals(
                copy.at("/cluster/clusterId"), copy.at("/planted/7"), "the same original has the same replacement");
        assertEquals("NETWORK_ERRORS: " + copy.at("/plan/deployment").asText() + " was seen", answer(copy, 1));
    }

    /** @param planted number of the planted text that it speaks of */
    private static String answer(JsonNode evidence, int planted) {
        return evidence.at("/observations/" + (3 + planted) + "/answer").asText();
    }

    @Test
    void theCopyComparesAsTheOriginal() throws IOException {
        var evidence = evidence();
        var copy = Shareable.of(evidence);
        assertEquals(Optional.empty(), Comparison.problem(copy));
        assertEquals(
                Comparison.of(evidence, evidence()),
                Comparison.of(copy, evidence()),
                "durations, states, codes survive");
        assertEquals(shape(evidence), shape(copy));
        assertEquals(
                "NO_HSM_CAPACITY",
                Shareable.of(Json.object().put("error", "NO_HSM_CAPACITY"))
                        .path("error")
                        .asText());
    }

    /** The document without its texts. */
    private static String shape(JsonNode document) {
        return Json.text(document)
                .replaceAll(":\"(?:[^\"\\\\]|\\\\.)*\"", ":\"\"")
                .replaceAll("([\\[,])\"(?:[^\"\\\\]|\\\\.)*\"(?=[\\],])", "$1\"\"");
    }
}
