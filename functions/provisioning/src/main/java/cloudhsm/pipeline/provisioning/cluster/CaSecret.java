package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.security.cert.X509Certificate;
import java.util.Objects;
import java.util.Optional;

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

    /** Empty if the text is not what {@link #written} gives; the text is a secret, so nothing is said of it. */
    static Optional<CaSecret> read(String text) {
        try {
            var secret = Json.MAPPER.readValue(text, CaSecret.class);
            secret.root();
            secret.leaf();
            secret.ca();
            return Optional.of(secret);
        } catch (JsonProcessingException | MalformedPemException unreadable) {
            return Optional.empty();
        }
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
