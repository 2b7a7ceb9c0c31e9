package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;

/**
 * Schedules the deletion of the deployment's secrets. They can be restored for as long as the cluster's deleted backups,
 * which are of no use without them.
 */
public final class DeleteSecrets extends StageHandler<DeleteSecrets.Input> {
    private static final List<String> SECRETS = List.of("admin-password", "kmsuser-password", "cluster-ca");

    /** Days; Secrets Manager's shortest, and CloudHSM's for deleted backups. */
    private static final long RECOVERY_WINDOW = 7;

    public record Input(String deployment) {
        public Input {
            Objects.requireNonNull(deployment, "deployment");
        }
    }

    private final SecretsManagerClient secretsManager;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteSecrets() {
        this(Aws.secretsManager(), StageRuntime.ofFunction());
    }

    DeleteSecrets(SecretsManagerClient secretsManager, StageRuntime runtime) {
        super(Input.class, runtime);
        this.secretsManager = secretsManager;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var removed = new ArrayList<String>();
        for (var secret : SECRETS) {
            delete("cloudhsm-pipeline/" + input.deployment() + "/" + secret).ifPresent(removed::add);
        }
        return Removal.done(clock.instant(), removed);
    }

    private Optional<String> delete(String name) {
        try {
            var secret = secretsManager.describeSecret(request -> request.secretId(name));
            if (secret.deletedDate() == null) {
                secretsManager.deleteSecret(request -> request.secretId(name).recoveryWindowInDays(RECOVERY_WINDOW));
            }
            return Optional.of("secret " + name + ": can be restored for " + RECOVERY_WINDOW + " days");
        } catch (ResourceNotFoundException gone) {
            return Optional.empty();
        }
    }
}
