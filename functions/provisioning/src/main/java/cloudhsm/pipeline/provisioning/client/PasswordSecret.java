package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.ResourceExistsException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.Tag;

/**
 * The secret that holds the password of an HSM user. It is written before the password is set in the HSM, so that a
 * crash in between leaves a known password; nobody can recover an unknown one. The value never reaches a stage that
 * does not need it.
 */
final class PasswordSecret {
    /** The longest password that CloudHSM (8 to 32) and KMS (7 to 32) both accept. */
    private static final long LENGTH = 32;

    private final SecretsManagerClient secretsManager;
    private final String name;

    private PasswordSecret(SecretsManagerClient secretsManager, String name) {
        this.secretsManager = secretsManager;
        this.name = name;
    }

    /** The password of {@code admin}, the first administrator of the cluster's users. */
    static PasswordSecret ofAdmin(SecretsManagerClient secretsManager, String deployment) {
        return new PasswordSecret(secretsManager, "cloudhsm-pipeline/" + deployment + "/admin-password");
    }

    /** The password of {@code kmsuser}, as it is until KMS connects and changes it. */
    static PasswordSecret ofKmsUser(SecretsManagerClient secretsManager, String deployment) {
        return new PasswordSecret(secretsManager, "cloudhsm-pipeline/" + deployment + "/kmsuser-password");
    }

    String name() {
        return name;
    }

    /** The ARN of the secret; one that waits for its deletion is restored, as it may hold the only copy. */
    Optional<String> find() {
        try {
            var secret = secretsManager.describeSecret(request -> request.secretId(name));
            if (secret.deletedDate() != null) secretsManager.restoreSecret(request -> request.secretId(name));
            return Optional.of(secret.arn());
        } catch (ResourceNotFoundException absent) {
            return Optional.empty();
        }
    }

    /** The ARN of the secret, made with a new password of letters and digits unless there is one already. */
    String ensure(String deployment) {
        return find().orElseGet(() -> create(deployment));
    }

    private String create(String deployment) {
        var password = secretsManager
                .getRandomPassword(request ->
                        request.passwordLength(LENGTH).excludePunctuation(true).includeSpace(false))
                .randomPassword();
        try {
            return secretsManager
                    .createSecret(request -> request.name(name)
                            .clientRequestToken(UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8))
                                    .toString())
                            .secretString(password)
                            .tags(Tag.builder()
                                    .key(Clusters.DEPLOYMENT_TAG)
                                    .value(deployment)
                                    .build()))
                    .arn();
        } catch (ResourceExistsException lost) {
            // Another run made it first, or the answer to its creation was lost: that password counts.
            return find().orElseThrow(() -> lost);
        }
    }
}
