package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import java.util.Optional;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** The deployment's own secret cluster-ca. */
final class CaSecretStore {
    /** @param text JSON as {@link CaSecret} writes it; a secret */
    record Stored(String arn, String text) {
        @Override
        public String toString() {
            return "Stored[" + arn + "]";
        }
    }

    private final SecretsManagerClient secretsManager;
    private final OwnSecret secret;
    private final String description;

    CaSecretStore(SecretsManagerClient secretsManager, Deployments deployments, String deployment) {
        this.secretsManager = secretsManager;
        this.secret = new OwnSecret(secretsManager, deployments, deployment, OwnSecret.CLUSTER_CA);
        this.description = "Root of the CloudHSM cluster of the deployment " + deployment;
    }

    /** The secret as it is; one that a teardown has scheduled for deletion is taken back. */
    Optional<Stored> find() {
        return secret.find()
                .map(arn -> new Stored(
                        arn,
                        secretsManager
                                .getSecretValue(request -> request.secretId(arn))
                                .secretString()));
    }

    /** Stores the value and says under which ARN. */
    String store(CaSecret value) {
        var text = value.written();
        var existing = secret.find();
        existing.ifPresent(arn ->
                secretsManager.putSecretValue(request -> request.secretId(arn).secretString(text)));
        return existing.orElseGet(() -> secret.create(description, text));
    }

    /** A secret for what a person has to put into it; says under which ARN. */
    String createPlaceholder() {
        return secret.create(description, "{}");
    }
}
