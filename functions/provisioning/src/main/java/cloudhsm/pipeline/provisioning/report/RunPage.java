package cloudhsm.pipeline.provisioning.report;

import static cloudhsm.pipeline.provisioning.report.Markup.all;
import static cloudhsm.pipeline.provisioning.report.Markup.element;
import static cloudhsm.pipeline.provisioning.report.Markup.text;
import static cloudhsm.pipeline.provisioning.report.Page.code;
import static cloudhsm.pipeline.provisioning.report.Page.fact;
import static cloudhsm.pipeline.provisioning.report.Page.section;
import static cloudhsm.pipeline.provisioning.report.Page.tile;

import cloudhsm.pipeline.provisioning.report.Report.Evidence;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.stream.Stream;

/** The evidence of a provisioning as a page for people: first what it costs and whether it is well, then the proof. */
final class RunPage {
    private final Evidence evidence;

    private RunPage(Evidence evidence) {
        this.evidence = evidence;
    }

    /** The whole HTML document. */
    static String of(Evidence evidence) {
        var page = new RunPage(evidence);
        return Page.of(
                "Deployment " + page.deployment() + ": evidence of " + page.execution(),
                Stream.of(
                        page.head(),
                        page.tiles(),
                        section(
                                "Timeline",
                                new Timeline(evidence.made().startTime(), evidence.finished(), evidence.stages())
                                        .chart()),
                        section("What exists now", new Topology(evidence).drawing()),
                        section("Who vouches for the HSMs", new CertificateChains(evidence).chains()),
                        page.proof(),
                        Page.settled(evidence.observations()),
                        page.secrets(),
                        page.next(),
                        page.foot()));
    }

    private Markup head() {
        return element(
                "header",
                "",
                element("p", "name", "CloudHSM pipeline"),
                element("h1", "", text("Deployment " + deployment() + " "), element("span", "pill ok", "running")),
                element(
                        "p",
                        "note",
                        "Execution " + execution() + ", "
                                + Words.moment(evidence.made().startTime()) + " to "
                                + Words.moment(evidence.finished())));
    }

    private Markup tiles() {
        var cost = evidence.cost();
        return element(
                "div",
                "tiles",
                tile(
                        "Bills from now on",
                        Words.usd(cost.perHourUsd()) + " per hour",
                        Words.usd(cost.perDayUsd()) + " per day for " + cost.hsms()
                                + " HSMs, until they are paused or torn down"),
                tile(
                        "Took",
                        Words.took(evidence.took()),
                        "HSMs cost at most " + Words.usd(cost.sinceStartUsd()) + " in that time"),
                tile("HSM identity", verdict(), "policy " + plan("identityPolicy")),
                tile("Limit", limit(), "set in the input of the provisioning"));
    }

    private String verdict() {
        return switch (evidence.made().identity().path("verdict").asText()) {
            case "VERIFIED_BOTH" -> "Both chains verified";
            case "VERIFIED_AWS" -> "AWS chain verified";
            case "ALREADY_INITIALIZED" -> "Not verified";
            case "SKIPPED" -> "Not required";
            default -> evidence.made().identity().path("verdict").asText();
        };
    }

    private String limit() {
        var limits = evidence.made().plan().path("limits");
        var after = limits.path("teardownAfter").asText();
        var most = limits.path("maxCostUsd").decimalValue();
        if (after.isEmpty() && most.signum() == 0) return "None";
        var action = limits.path("atLimit").asText().equals("TEARDOWN") ? "Torn down" : "Paused";
        var bounds = Stream.of(
                        after.isEmpty() ? "" : "after " + after, most.signum() == 0 ? "" : "at " + Words.usd(most))
                .filter(bound -> !bound.isEmpty())
                .toList();
        return action + " " + String.join(" or ", bounds);
    }

    private Markup proof() {
        return section(
                "Objects proven",
                element(
                        "p",
                        "",
                        "A probe was uploaded to each bucket under another encryption, as anybody may do. The"
                                + " re-encryption function put it under the key; it was read back and removed."),
                all(evidence.made().eachBucket().stream().map(RunPage::proof)));
    }

    private static Markup proof(JsonNode bucket) {
        var proof = bucket.path("proof");
        var unchanged = proof.path("etagUnchanged").asBoolean();
        return element(
                "dl",
                "facts",
                fact(
                        "Object",
                        code("s3://" + bucket.path("bucket").asText() + "/"
                                + proof.path("probeKey").asText())),
                fact("Uploaded under", text(encryption(proof.path("before").asText()))),
                fact("Lies under", code(proof.path("after").asText())),
                fact("ETag", text(unchanged ? "unchanged: the same bytes, in place" : "changed: it was copied")),
                fact("Removed afterwards", text(proof.path("versionsRemoved").asInt() + " version(s)")));
    }

    private static String encryption(String before) {
        return before.equals("AES256") ? "SSE-S3 (AES256), not this key" : before;
    }

    private Markup secrets() {
        return section(
                "Where the secrets are",
                element("p", "", "In Secrets Manager, under these names; their values are nowhere else, and not here."),
                element(
                        "dl",
                        "facts",
                        secret("Password of admin", evidence.made().activation().path("adminSecretArn")),
                        secret(
                                "First password of kmsuser",
                                evidence.made().kmsUser().path("kmsUserSecretArn")),
                        secret(
                                plan("caKey").equals("KEEP")
                                        ? "Cluster root and its key"
                                        : "Cluster root; its key was forgotten",
                                evidence.made().certificate().path("caSecretArn"))));
    }

    private static Markup secret(String name, JsonNode arn) {
        return fact(name, arn.asText().isEmpty() ? text("not kept") : code(arn.asText()));
    }

    private Markup next() {
        return section(
                "What next",
                element(
                        "dl",
                        "facts",
                        fact(
                                "Stop the meter",
                                text("Start the state machine of the stack's output PauseStateMachineArn with"
                                        + " {\"deployment\": \"" + deployment() + "\"}: the HSMs go, nothing is lost;"
                                        + " nothing under the key can be read until the state machine of the"
                                        + " output ProvisionStateMachineArn, with the same input, brings it back.")),
                        fact(
                                "End it",
                                text("Start the state machine of the output TeardownStateMachineArn; its input says"
                                        + " what becomes of the objects.")),
                        fact(
                                "An HSM fails",
                                text("It is replaced without you; you get a message. The runbook, docs/runbook.md, has"
                                        + " the rest."))));
    }

    private Markup foot() {
        return element(
                "footer",
                "",
                element("p", "note", text("Execution "), code(evidence.made().execution())),
                element(
                        "p",
                        "note",
                        "Made from the JSON evidence of the same name beside this page. "
                                + evidence.cost().priceBasis() + " AWS's bill counts."));
    }

    private String deployment() {
        return plan("deployment");
    }

    private String plan(String member) {
        return evidence.made().plan().path(member).asText();
    }

    private String execution() {
        return evidence.made().execution().substring(evidence.made().execution().lastIndexOf(':') + 1);
    }
}
