package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.security.cert.X509Certificate;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What the cluster-ca secret holds, as JSON of PEM texts.
 *
 * @param certificate of the root: the trust anchor
 * @param privateKey of the root; "", and absent from the JSON, if it was discarded after its one signature
 * @param clusterCertificate the signed CSR
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
record CaSecret(String certificate, String privateKey, String clusterCertificate) {
    CaSecret {
        Objects.requireNonNull(certificate, "certificate");
        privateKey = Objects.requireNonNullElse(privateKey, "");
        Objects.requireNonNull(clusterCertificate, "clusterCertificate");
    }

    static CaSecret of(ClusterCa ca, X509Certificate clusterCertificate, boolean keepKey) {
        return new CaSecret(Pem.of(ca.root()), keepKey ? Pem.of(ca.key()) : "", Pem.of(clusterCertificate));
    }

    X509Certificate root() {
        return Pem.certificate(certificate);
    }

    X509Certificate leaf() {
        return Pem.certificate(clusterCertificate);
    }

    /** The authority, if its key was kept. */
    Optional<ClusterCa> ca() {
        return privateKey.isEmpty() ? Optional.empty() : Optional.of(new ClusterCa(root(), Pem.privateKey(privateKey)));
    }

    /**
     * The secret with its PEM texts encoded anew, whatever stood around them.
     *
     * @param text a secret; nothing of it but what is wrong with it is said
     * @throws UnreadableCaSecretException if it is not what {@link #written} gives
     */
    static CaSecret read(String text) {
        CaSecret stored;
        try {
            stored = Json.MAPPER.readValue(text, CaSecret.class);
        } catch (JsonProcessingException unreadable) {
            throw new UnreadableCaSecretException("it is not such JSON");
        }
        return new CaSecret(
                encodedAnew("certificate", () -> Pem.bare(stored.certificate())),
                encodedAnew(
                        "privateKey",
                        () -> stored.privateKey().isEmpty() ? "" : Pem.of(Pem.privateKey(stored.privateKey()))),
                encodedAnew("clusterCertificate", () -> Pem.bare(stored.clusterCertificate())));
    }

    private static String encodedAnew(String member, Supplier<String> reader) {
        try {
            return reader.get();
        } catch (MalformedPemException malformed) {
            throw new UnreadableCaSecretException("in its member " + member + " " + malformed.getMessage());
        }
    }

    /** Why the members do not belong together; empty if they do. */
    Optional<String> mismatch() {
        if (!ClusterCa.hasIssued(root(), leaf())) {
            return Optional.of("its member certificate, the root \"" + root().getSubjectX500Principal() + "\" (SHA-256 "
                    + Encoded.sha256(root()) + "), did not issue its member clusterCertificate (SHA-256 "
                    + Encoded.sha256(leaf()) + "), whose issuer is \"" + leaf().getIssuerX500Principal() + "\"");
        }
        return ca().filter(ca -> !ca.isWhole())
                .map(ca -> "its member privateKey is not the key of its member certificate, the root \""
                        + root().getSubjectX500Principal() + "\"");
    }

    String written() {
        try {
            return Json.MAPPER.writeValueAsString(this);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible.getClass().getSimpleName());
        }
    }

    @Override
    public String toString() {
        return "CaSecret[private key " + (privateKey.isEmpty() ? "discarded" : "kept") + "]";
    }
}
