package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.OwnSecret;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.Filter;
import software.amazon.awssdk.services.secretsmanager.model.FilterNameStringType;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.SecretListEntry;

/**
 * Schedules the deletion of the secrets that the deployment's record names. They can be restored for as long as the
 * cluster's deleted backups, which are of no use without them. Others that are named like the deployment's stay.
 */
public final class DeleteSecrets extends StageHandler<DeleteSecrets.Input> {
    /** Days; Secrets Manager's shortest, and CloudHSM's for deleted backups. */
    private static final long RECOVERY_WINDOW = 7;

    public record Input(String deployment) {}

    /** @param kept secrets named like the deployment's that are not in its record */
    public record Output(Instant at, List<String> removed, List<String> left, List<String> kept) {}

    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteSecrets() {
        this(Aws.secretsManager(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    DeleteSecrets(SecretsManagerClient secretsManager, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.secretsManager = secretsManager;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var named = named(OwnSecret.prefix(input.deployment()));
        // Left by a function that ended between making it and remembering it.
        deployments
                .find(input.deployment())
                .flatMap(record -> record.intent(Made.SECRET))
                .ifPresent(intent -> named.stream()
                        .filter(secret -> OwnSecret.carries(secret.tags(), intent))
                        .forEach(made -> deployments.made(input.deployment(), Made.SECRET, made.arn())));
        var ours = deployments
                .find(input.deployment())
                .map(record -> record.made(Made.SECRET))
                .orElse(List.of());
        var removed = new ArrayList<String>();
        for (var arn : ours) delete(input.deployment(), arn).ifPresent(removed::add);
        var kept = named.stream()
                .filter(secret -> !ours.contains(secret.arn()))
                .map(secret -> "secret " + secret.name() + " (" + secret.arn()
                        + "): the deployment's record does not know it, so somebody else has stored it")
                .toList();
        return new Outcome.Done(new Output(clock.instant(), removed, List.of(), kept));
    }

    /** But for those whose deletion is scheduled. */
    private List<SecretListEntry> named(String prefix) {
        var ofThatName =
                Filter.builder().key(FilterNameStringType.NAME).values(prefix).build();
        return secretsManager.listSecretsPaginator(request -> request.filters(List.of(ofThatName))).stream()
                .flatMap(page -> page.secretList().stream())
                .toList();
    }

    private Optional<String> delete(String deployment, String arn) {
        try {
            var secret = secretsManager.describeSecret(request -> request.secretId(arn));
            if (secret.deletedDate() == null) {
                secretsManager.deleteSecret(request -> request.secretId(arn).recoveryWindowInDays(RECOVERY_WINDOW));
            }
            return Optional.of("secret " + secret.name() + ": can be restored for " + RECOVERY_WINDOW + " days");
        } catch (ResourceNotFoundException gone) {
            deployments.gone(deployment, Made.SECRET, arn);
            return Optional.empty();
        }
    }
}
