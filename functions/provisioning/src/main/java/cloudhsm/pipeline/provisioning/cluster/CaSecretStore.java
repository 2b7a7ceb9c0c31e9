package cloudhsm.pipeline.provisioning.cluster;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.GetSecretValueResponse;
import software.amazon.awssdk.services.secretsmanager.model.InvalidRequestException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceExistsException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.Tag;

/** The secret cloudhsm-pipeline/{deployment}/cluster-ca. */
final class CaSecretStore {
    /** @param text JSON as {@link CaSecret} writes it; a secret */
    record Stored(String arn, String text) {
        @Override
        public String toString() {
            return "Stored[" + arn + "]";
        }
    }

    private final SecretsManagerClient secretsManager;
    private final String deployment;

    CaSecretStore(SecretsManagerClient secretsManager, String deployment) {
        this.secretsManager = secretsManager;
        this.deployment = deployment;
    }

    String name() {
        return "cloudhsm-pipeline/" + deployment + "/cluster-ca";
    }

    /** The secret as it is; one that a teardown has scheduled for deletion is taken back. */
    Optional<Stored> find() {
        try {
            return Optional.of(stored(secretsManager.getSecretValue(request -> request.secretId(name()))));
        } catch (ResourceNotFoundException absent) {
            return Optional.empty();
        } catch (InvalidRequestException scheduledForDeletion) {
            secretsManager.restoreSecret(request -> request.secretId(name()));
            return Optional.of(stored(secretsManager.getSecretValue(request -> request.secretId(name()))));
        }
    }

    private static Stored stored(GetSecretValueResponse secret) {
        return new Stored(secret.arn(), secret.secretString());
    }

    /** Stores the value and says under which ARN. The same value again, after a lost answer, changes nothing. */
    String store(CaSecret secret) {
        var text = secret.written();
        var token =
                UUID.nameUUIDFromBytes(text.getBytes(StandardCharsets.UTF_8)).toString();
        try {
            return secretsManager
                    .createSecret(request -> request.name(name())
                            .description("Root of the CloudHSM cluster of the deployment " + deployment)
                            .clientRequestToken(token)
                            .secretString(text)
                            .tags(Tag.builder()
                                    .key(Clusters.DEPLOYMENT_TAG)
                                    .value(deployment)
                                    .build()))
                    .arn();
        } catch (ResourceExistsException exists) {
            return secretsManager
                    .putSecretValue(request ->
                            request.secretId(name()).clientRequestToken(token).secretString(text))
                    .arn();
        }
    }
}
