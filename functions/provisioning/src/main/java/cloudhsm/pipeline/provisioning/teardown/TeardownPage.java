package cloudhsm.pipeline.provisioning.teardown;

import static cloudhsm.pipeline.provisioning.report.Markup.all;
import static cloudhsm.pipeline.provisioning.report.Markup.element;
import static cloudhsm.pipeline.provisioning.report.Markup.text;
import static cloudhsm.pipeline.provisioning.report.Page.section;
import static cloudhsm.pipeline.provisioning.report.Page.tile;

import cloudhsm.pipeline.provisioning.report.Markup;
import cloudhsm.pipeline.provisioning.report.Page;
import cloudhsm.pipeline.provisioning.report.Words;
import cloudhsm.pipeline.provisioning.teardown.TeardownReport.Evidence;
import cloudhsm.pipeline.provisioning.teardown.TeardownReport.Step;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The evidence of a teardown as a page for people: first whether anything is left, then what went when. */
final class TeardownPage {
    private final Evidence evidence;

    private TeardownPage(Evidence evidence) {
        this.evidence = evidence;
    }

    /** The whole HTML document. */
    static String of(Evidence evidence) {
        var page = new TeardownPage(evidence);
        return Page.of(
                "Deployment " + evidence.plan().deployment() + ": teardown",
                Stream.of(
                        page.head(),
                        page.tiles(),
                        sentences("Left, although it should be gone", evidence.left()),
                        section("What went when", page.steps()),
                        sentences(
                                "Stays, because the input said so or it is not the deployment's",
                                evidence.keptByChoice()),
                        sentences("Others used it as well; the input said evenIfShared", evidence.takenFromOthers()),
                        Page.settled(evidence.observations()),
                        sentences("Looked in", evidence.lookedIn()),
                        element(
                                "footer",
                                "",
                                element("p", "note", text("Execution "), Page.code(evidence.execution())),
                                element("p", "note", evidence.priceBasis()))));
    }

    private Markup head() {
        var done = evidence.left().isEmpty();
        return element(
                "header",
                "",
                element("p", "name", "CloudHSM pipeline: teardown"),
                element(
                        "h1",
                        "",
                        text("Deployment " + evidence.plan().deployment() + " "),
                        done ? element("span", "pill ok", "gone") : element("span", "pill warn", "not all gone")),
                element("p", "note", Words.moment(evidence.started()) + " to " + Words.moment(evidence.finished())));
    }

    private Markup tiles() {
        var plan = evidence.plan();
        return element(
                "div",
                "tiles",
                tile("HSMs cost meanwhile", Words.usd(evidence.hsmCostUsd()), "meter " + plan.meter()),
                tile(
                        "Took",
                        Words.took(Duration.between(evidence.started(), evidence.finished())),
                        "KMS's wait of " + plan.pendingWindowInDays() + " days included"),
                tile(
                        "Left",
                        evidence.left().isEmpty() ? "Nothing" : evidence.left().size() + " thing(s)",
                        evidence.left().isEmpty() ? "that bills" : "listed below, with the reason"),
                tile("Objects", plan.data(), plan.buckets().isEmpty() ? "no bucket" : names(plan)));
    }

    private static String names(TeardownPlan plan) {
        return plan.buckets().stream().map(bucket -> "s3://" + bucket.name()).collect(Collectors.joining(", "));
    }

    private Markup steps() {
        var heading = element(
                "thead",
                "",
                element(
                        "tr",
                        "",
                        Stream.of("When", "Stage", "Removed", "Left")
                                .map(name -> element("th", "", name))
                                .toArray(Markup[]::new)));
        var rows = evidence.steps().stream().map(TeardownPage::row);
        return element("table", "", heading, element("tbody", "", all(rows)));
    }

    /** Stages that other state machines have as well do not say when they ended. */
    private static Markup row(Step step) {
        return element(
                "tr",
                "",
                element("td", "", step.at() == null ? "" : Words.moment(step.at())),
                element("td", "", step.stage()),
                element("td", "", listed(step.removed())),
                element("td", "", listed(step.left())));
    }

    private static Markup listed(List<String> sentences) {
        return sentences.isEmpty() ? Markup.NONE : Markup.list(sentences);
    }

    private static Markup sentences(String heading, List<String> sentences) {
        return sentences.isEmpty() ? Markup.NONE : section(heading, Markup.list(sentences));
    }
}
