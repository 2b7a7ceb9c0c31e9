package cloudhsm.pipeline.provisioning.report;

import static cloudhsm.pipeline.provisioning.report.Markup.all;
import static cloudhsm.pipeline.provisioning.report.Markup.element;
import static cloudhsm.pipeline.provisioning.report.Markup.text;

import cloudhsm.pipeline.provisioning.report.Report.Evidence;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Who vouches for the HSMs: the chain to AWS, the chain to the manufacturer, and the root of the cluster itself. */
final class CertificateChains {
    private static final List<String> AWS = List.of("HsmCertificate", "AwsHardwareCertificate", "AWS CloudHSM root");
    private static final List<String> MANUFACTURER =
            List.of("HsmCertificate", "ManufacturerHardwareCertificate", "manufacturer's root");

    private final Evidence evidence;

    CertificateChains(Evidence evidence) {
        this.evidence = evidence;
    }

    Markup chains() {
        var identity = evidence.made().identity();
        return element(
                "div",
                "chains",
                chain("To AWS", identity.path("awsChain"), AWS),
                chain("To the manufacturer", identity.path("manufacturerChain"), MANUFACTURER),
                ours());
    }

    private Markup chain(String heading, JsonNode checked, List<String> names) {
        var verified = checked.path("verified").asBoolean();
        var certificates = names.stream().flatMap(this::named).map(CertificateChains::certificate);
        return element(
                "div",
                "chain",
                element("h3", "", text(heading + " "), pill(verified)),
                element("p", "", checked.path("message").asText()),
                element("ol", "", all(certificates)));
    }

    private Stream<JsonNode> named(String name) {
        return StreamSupport.stream(
                        evidence.made().identity().path("certificates").spliterator(), false)
                .filter(certificate -> certificate.path("name").asText().equals(name));
    }

    private static Markup certificate(JsonNode certificate) {
        return link(
                certificate.path("name").asText(),
                certificate.path("subject").asText(),
                certificate.path("sha256").asText(),
                "valid until " + day(certificate.path("notAfter").asText()));
    }

    /** The HSM keeps the key of the cluster's certificate; our own root has signed it. */
    private Markup ours() {
        var certificate = evidence.made().certificate();
        return element(
                "div",
                "chain",
                element("h3", "", "Issued by this deployment"),
                element("p", "", "Clients and KMS trust the cluster through this root."),
                element(
                        "ol",
                        "",
                        link(
                                "Cluster certificate",
                                "for the key of the verified CSR",
                                certificate.path("certificateSha256").asText(),
                                ""),
                        link(
                                "Cluster root (trust anchor)",
                                "",
                                certificate.path("rootSha256").asText(),
                                "valid until "
                                        + day(certificate.path("rootNotAfter").asText())),
                        link(
                                "Key of the CSR",
                                "",
                                evidence.made().identity().path("csrKeySha256").asText(),
                                "")));
    }

    private static Markup link(String name, String subject, String sha256, String validity) {
        return element(
                "li",
                "",
                element("strong", "", name),
                part("span", "note", subject),
                part("code", "fingerprint", grouped(sha256)),
                part("span", "note", validity));
    }

    private static Markup part(String element, String cssClass, String content) {
        return content.isEmpty() ? Markup.NONE : element(element, cssClass, content);
    }

    private static Markup pill(boolean verified) {
        return verified ? element("span", "pill ok", "verified") : element("span", "pill warn", "not verified");
    }

    /** In groups of eight, so that two people can compare it over the telephone. */
    private static String grouped(String sha256) {
        return sha256.replaceAll("(.{8})(?=.)", "$1 ");
    }

    private static String day(String instant) {
        return instant.length() < 10 ? instant : instant.substring(0, 10);
    }
}
