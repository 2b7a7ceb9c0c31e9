package cloudhsm.pipeline.provisioning.teardown;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.report.RenderedPage;
import cloudhsm.pipeline.provisioning.stage.Settled;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The evidence of a teardown as a page. */
class TeardownPageTest {
    private static final Instant STARTED = Instant.parse("2026-11-02T09:00:00Z");

    private static RenderedPage page(List<String> left) {
        var plan = new TeardownPlan(
                "default",
                "KEEP",
                false,
                7,
                "STOP_NOW",
                "",
                List.of(new TeardownPlan.Bucket("reports", false, "KEEP", "")),
                "cks-1",
                List.of(),
                List.of(),
                new TeardownPlan.Adopted("", List.of()),
                2,
                BigDecimal.ONE,
                BigDecimal.ONE,
                BigDecimal.TEN,
                "basis of the plan",
                List.of(),
                List.of(),
                false,
                "");
        var steps = List.of(
                new TeardownReport.Step(
                        "DeleteHsms",
                        STARTED.plusSeconds(600),
                        List.of("HSM hsm-1", "HSM hsm-2"),
                        List.of(),
                        List.of(),
                        0),
                new TeardownReport.Step("DeleteCluster", STARTED.plusSeconds(900), List.of(), left, List.of(), 0));
        return new RenderedPage(TeardownPage.of(new TeardownReport.Evidence(
                "arn:aws:states:eu-central-1:111122223333:execution:teardown:last",
                STARTED,
                STARTED.plusSeconds(7 * 86_400 + 3_600),
                plan,
                steps,
                left,
                List.of("s3://reports and its objects, unreadable, as confirmed"),
                List.of("key 1234abcd is in key store cks-1 as well"),
                List.of(),
                List.of("KMS: key stores, keys, aliases"),
                new BigDecimal("0.31"),
                "basis of the price",
                List.of(new Settled("deleted-stays-listed", "HSM: listed as DELETED", STARTED)))));
    }

    @Test
    void nothingLeftIsSaidFirst() {
        var html = page(List.of()).html();
        assertTrue(html.contains("<span class=\"pill ok\">gone</span>"));
        assertTrue(html.contains("7 d 1 h"));
        assertTrue(html.contains("0.31 USD"));
        assertTrue(html.contains("basis of the price"));
        assertTrue(html.contains("key 1234abcd is in key store cks-1 as well"));
        assertFalse(html.contains("Left, although"));
    }

    @Test
    void whatIsLeftIsListedEscaped() {
        var page = page(List.of("cluster <b>c</b>: it still has an HSM"));
        page.requireSelfContained();
        assertTrue(page.html().contains("not all gone"));
        assertTrue(page.html().contains("cluster &lt;b&gt;c&lt;/b&gt;: it still has an HSM"));
    }

    @Test
    void nothingSticksOutOnATelephone(@TempDir Path directory) throws IOException, InterruptedException {
        page(List.of("arn:aws:kms:eu-central-1:111122223333:key/636e4c55-6729-40a8-a8c7-bdfe330fcf57 is left"))
                .requireNothingSticksOut(400, directory);
    }
}
