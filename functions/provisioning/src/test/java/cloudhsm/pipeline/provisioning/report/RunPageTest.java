package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.report.Report.Evidence;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The evidence of a provisioning as a page. */
class RunPageTest {
    private static final String HOSTILE = "\"><script>alert('x')</script>&amp;\u0000\u202e";

    /** Of a run on the embedded AWS. */
    private static Evidence evidence(Consumer<ObjectNode> change) throws IOException {
        try (var sample = RunPageTest.class.getResourceAsStream("/evidence.json")) {
            var evidence = (ObjectNode) Json.MAPPER.readTree(sample);
            change.accept(evidence);
            return Json.MAPPER.treeToValue(evidence, Evidence.class);
        }
    }

    private static RenderedPage page(Consumer<ObjectNode> change) throws IOException {
        return new RenderedPage(RunPage.of(evidence(change)));
    }

    @Test
    void thePageNeedsNothingButItself() throws IOException {
        page(evidence -> {}).requireSelfContained();
    }

    @Test
    void whatSomebodyAsksAtNightIsOnThePage() throws IOException {
        var text =
                page(evidence -> {}).requireSelfContained().getDocumentElement().getTextContent();
        var missing = List.of(
                        "Deployment default running",
                        "3.84 USD per hour",
                        "92.16 USD per day",
                        "48 min 20 s",
                        "cluster-jekom6scvxg",
                        "hsm-gj4emmk24yw",
                        "eu-central-1a",
                        "hsm-se5f4j33tti",
                        "eu-central-1b",
                        "kmsuser is crypto-user, locked false, coverage full",
                        "cks-907a03c8024b9b87d",
                        "arn:aws:kms:eu-central-1:111122223333:key/636e4c55-6729-40a8-a8c7-bdfe330fcf57",
                        "s3://cloudhsm-default-111122223333-eu-central-1/.cloudhsm-pipeline/probe-first",
                        "AWS chain verified",
                        "e2b11682 6c5ff415 95cb0f62 28df0788 f2749a30 8272fb74 77197dcf c38f3261",
                        "06ad6297 9458c796 9d4ef5f4 ad50458a 832edd4b ccfa8709 9be91645 8763edec",
                        "valid until 2036-11-01",
                        "ConnectKeyStore",
                        "18 min 1 s",
                        "AWS: up to 20 min")
                .stream()
                .filter(value -> !text.contains(value))
                .toList();
        assertEquals(List.of(), missing);
    }

    @Test
    void everyHsmOfTheClusterIsDrawnInItsZone() throws IOException {
        var page = page(evidence -> ((ArrayNode) evidence.at("/hsms/hsms"))
                .addObject()
                .put("hsmId", "hsm-third222222")
                .put("eniId", "eni-0123456789abcdef0")
                .put("availabilityZone", "eu-central-1a"));
        var html = page.html();
        for (var hsm : List.of("hsm-gj4emmk24yw", "hsm-se5f4j33tti", "hsm-third222222")) {
            assertTrue(html.contains("<strong>HSM</strong><code>" + hsm + "</code>"), hsm);
        }
        page.requireSelfContained();
    }

    @Test
    void everyStageOfTheRunHasARow() throws IOException {
        var evidence = evidence(sample -> {});
        var html = RunPage.of(evidence);
        for (var stage : evidence.stages()) {
            assertTrue(html.contains("<span class=\"name\">" + stage.stage() + "</span>"), stage::stage);
        }
    }

    @Test
    void whatTheRunSettledIsASectionOfItsOwnUnlessItIsNothing() throws IOException {
        var page = page(evidence -> {});
        assertTrue(page.html().contains("<h2>What this run settled</h2>"));
        assertTrue(page.html().contains("<dt>cluster-state-while-an-hsm-is-added</dt><dd>ACTIVE</dd>"), page.html());
        assertFalse(page(evidence -> evidence.putArray("observations")).html().contains("What this run settled"));
    }

    @Test
    void namesThatAreMarkupStayText() throws IOException {
        var page = page(evidence -> everyText(evidence, HOSTILE));
        page.requireSelfContained();
        assertFalse(page.html().contains("<script"), "a name became an element");
        assertFalse(page.html().contains("\u202e"), "a name may not turn the reading direction of what follows");
        assertTrue(page.html().contains("&lt;script&gt;alert(&#39;x&#39;)"), "what it was must be seen");
    }

    /** Times stay what they are; they are no text to their record. */
    private static void everyText(ObjectNode node, String text) {
        for (var member : List.copyOf(node.properties())) {
            switch (member.getValue()) {
                case ObjectNode inner -> everyText(inner, text);
                case ArrayNode items ->
                    items.forEach(item -> {
                        if (item instanceof ObjectNode inner) everyText(inner, text);
                    });
                default -> {
                    var isTime = List.of("startTime", "finished", "took", "entered", "left", "at")
                            .contains(member.getKey());
                    if (member.getValue().isTextual() && !isTime) node.put(member.getKey(), text);
                }
            }
        }
    }

    @Test
    void aStageThatTookLongerThanAwsUsuallyDoesIsMarked() throws IOException {
        assertFalse(page(evidence -> {}).html().contains("class=\"late\""));
        var late = page(evidence -> ((ObjectNode) evidence.at("/stages/13")).put("took", "PT25M"));
        assertTrue(late.html().contains("<small class=\"late\">AWS: up to 20 min</small>"));
    }

    @Test
    void aChainThatWasNotVerifiedSaysSo() throws IOException {
        var html = page(evidence -> {}).html();
        assertTrue(html.contains("To AWS <span class=\"pill ok\">verified</span>"));
        assertTrue(html.contains("To the manufacturer <span class=\"pill warn\">not verified</span>"));
    }

    @Test
    void whetherTheRootsKeyWasKeptIsOnThePage() throws IOException {
        var forgotten = page(evidence -> {}).requireSelfContained().getDocumentElement();
        assertTrue(forgotten.getTextContent().contains("Cluster root; its key was forgotten"));
        var kept = page(evidence -> ((ObjectNode) evidence.path("plan")).put("caKey", "KEEP"))
                .requireSelfContained()
                .getDocumentElement();
        assertTrue(kept.getTextContent().contains("Cluster root and its key"));
    }

    @Test
    void limitsOfTheInputAreOnThePage() throws IOException {
        var page = page(evidence -> ((ObjectNode) evidence.at("/plan/limits"))
                .put("teardownAfter", "PT8H")
                .put("maxCostUsd", 32));
        assertTrue(page.html().contains("Paused after PT8H or at 32.00 USD"), page::html);
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 1280})
    void nothingSticksOutInABrowser(int pixels, @TempDir Path directory) throws IOException, InterruptedException {
        page(evidence -> evidence.withObject("/plan").put("deployment", "a-deployment-of-a-very-long-name-indeed-42"))
                .requireNothingSticksOut(pixels, directory);
    }
}
