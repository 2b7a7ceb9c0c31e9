package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.OwnSecret;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import java.util.Optional;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * The deployment's own secret that holds the password of an HSM user. It is written before the password is set in the
 * HSM, so that a crash in between leaves a known password; nobody can recover an unknown one. The value never reaches a
 * stage that does not need it.
 */
final class PasswordSecret {
    /** The longest password that CloudHSM (8 to 32) and KMS (7 to 32) both accept. */
    private static final long LENGTH = 32;

    private final SecretsManagerClient secretsManager;
    private final OwnSecret secret;
    private final String description;

    private PasswordSecret(SecretsManagerClient secretsManager, OwnSecret secret, String description) {
        this.secretsManager = secretsManager;
        this.secret = secret;
        this.description = description;
    }

    /** The password of {@code admin}, the first administrator of the cluster's users. */
    static PasswordSecret ofAdmin(SecretsManagerClient secretsManager, Deployments deployments, String deployment) {
        return new PasswordSecret(
                secretsManager,
                new OwnSecret(secretsManager, deployments, deployment, OwnSecret.ADMIN_PASSWORD),
                "Password of the CloudHSM user admin of the deployment " + deployment);
    }

    /** The password of {@code kmsuser}, as it is until KMS connects and changes it. */
    static PasswordSecret ofKmsUser(SecretsManagerClient secretsManager, Deployments deployments, String deployment) {
        return new PasswordSecret(
                secretsManager,
                new OwnSecret(secretsManager, deployments, deployment, OwnSecret.KMSUSER_PASSWORD),
                "First password of the CloudHSM user kmsuser of the deployment " + deployment);
    }

    /** The ARN of the secret; one that waits for its deletion is restored, as it may hold the only copy. */
    Optional<String> find() {
        return secret.find();
    }

    /** The ARN of the secret, made with a new password of letters and digits unless there is one already. */
    String ensure() {
        return find().orElseGet(this::create);
    }

    /**
     * The ARN of a new secret for a password that a person has to put into it. Until then it holds none that could be
     * tried: five wrong ones lock the user.
     */
    String createPlaceholder() {
        return secret.create(description, "to be replaced with the password, which the pipeline does not know");
    }

    private String create() {
        var password = secretsManager
                .getRandomPassword(request ->
                        request.passwordLength(LENGTH).excludePunctuation(true).includeSpace(false))
                .randomPassword();
        return secret.create(description, password);
    }
}
