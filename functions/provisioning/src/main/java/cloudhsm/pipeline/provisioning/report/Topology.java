package cloudhsm.pipeline.provisioning.report;

import static cloudhsm.pipeline.provisioning.report.Markup.all;
import static cloudhsm.pipeline.provisioning.report.Markup.element;
import static cloudhsm.pipeline.provisioning.report.Page.code;

import cloudhsm.pipeline.provisioning.report.Report.Evidence;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** What exists now and what leads to what: the HSMs in their zones, the key store and its key, the buckets. */
final class Topology {
    private final Evidence evidence;

    Topology(Evidence evidence) {
        this.evidence = evidence;
    }

    Markup drawing() {
        return element("div", "topology", cluster(), arrow("serves"), keyStore(), arrow("encrypts"), buckets());
    }

    private Markup cluster() {
        var plan = evidence.made().plan();
        return element(
                "div",
                "box wide",
                title("CloudHSM cluster", evidence.made().cluster().path("clusterId")),
                line(plan.path("hsmType").asText() + ", " + plan.path("mode").asText() + ", in ", plan.path("vpcId")),
                element(
                        "div",
                        "zones",
                        each(evidence.made().hsms()).map(Topology::hsm).toArray(Markup[]::new)),
                line("Users: ", users()));
    }

    private static Markup hsm(JsonNode hsm) {
        return element(
                "div",
                "zone",
                element("span", "name", hsm.path("availabilityZone").asText()),
                element("strong", "", "HSM"),
                code(hsm.path("hsmId").asText()),
                code(hsm.path("eniId").asText()));
    }

    private Markup keyStore() {
        return element(
                "div",
                "box",
                title("KMS key store", evidence.made().keyStore().path("keyStoreId")),
                line("connected, named ", evidence.made().plan().path("keyStoreName")),
                element(
                        "div",
                        "zone",
                        element("span", "name", "Key"),
                        code(evidence.made().plan().path("keyAlias").asText()),
                        code(evidence.made().key().path("keyArn").asText())));
    }

    private Markup buckets() {
        return all(evidence.made().eachBucket().stream()
                .map(bucket -> element(
                        "div",
                        "box",
                        title("S3 bucket", bucket.path("bucket")),
                        element(
                                "p",
                                "",
                                "This key is its default encryption; versions are kept, public access is blocked, TLS"
                                        + " is required; every upload under another encryption is put under the"
                                        + " key."))));
    }

    private Markup users() {
        return all(each(evidence.made().kmsUser())
                .map(hsm -> element(
                        "span",
                        "user",
                        code(hsm.path("address").asText()),
                        Markup.text(" " + hsm.path("kmsuser").asText()))));
    }

    private static Stream<JsonNode> each(JsonNode stage) {
        return StreamSupport.stream(stage.path("hsms").spliterator(), false);
    }

    private static Markup title(String kind, JsonNode identifier) {
        return element("h3", "", element("span", "name", kind), code(identifier.asText()));
    }

    private static Markup line(String words, JsonNode identifier) {
        return line(words, code(identifier.asText()));
    }

    private static Markup line(String words, Markup value) {
        return element("p", "", Markup.text(words), value);
    }

    private static Markup arrow(String verb) {
        return element("div", "arrow", element("span", "", verb));
    }
}
