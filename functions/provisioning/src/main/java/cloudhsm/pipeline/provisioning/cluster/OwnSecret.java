package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.deployment.AdoptedCluster;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.DescribeSecretResponse;
import software.amazon.awssdk.services.secretsmanager.model.ResourceExistsException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.Tag;

/**
 * A secret that the pipeline keeps for a deployment, or the one with admin's password of a cluster that was adopted. It is
 * the one whose ARN is in the deployment's record: a secret of its name, which anybody may have stored, is neither read nor
 * changed.
 */
public final class OwnSecret {
    public static final String ADMIN_PASSWORD = "admin-password";
    public static final String KMSUSER_PASSWORD = "kmsuser-password";
    static final String CLUSTER_CA = "cluster-ca";

    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;
    private final String deployment;
    private final String label;

    /** @param label what it holds, one of the constants: the last part of its name */
    public OwnSecret(SecretsManagerClient secretsManager, Deployments deployments, String deployment, String label) {
        this.secretsManager = secretsManager;
        this.deployments = deployments;
        this.deployment = deployment;
        this.label = label;
    }

    /** What the names of all secrets of the deployment begin with. */
    public static String prefix(String deployment) {
        return "cloudhsm-pipeline/" + deployment + "/";
    }

    /** Whether a creation under that intent gave these tags. */
    public static boolean carries(List<Tag> tags, String intent) {
        return tags.stream().anyMatch(tag -> Deployments.INTENT_TAG.equals(tag.key()) && intent.equals(tag.value()));
    }

    /**
     * What {@link #find} would end on for any of the deployment's secrets, the others' named with it. Nothing is changed.
     */
    public static Optional<SecretNotOursException> notOurs(
            SecretsManagerClient secretsManager, Deployments deployments, String deployment) {
        var record = deployments.find(deployment);
        var foreign = Stream.of(CLUSTER_CA, ADMIN_PASSWORD, KMSUSER_PASSWORD)
                .map(label -> new OwnSecret(secretsManager, deployments, deployment, label))
                .filter(secret -> secret.known(record)
                        .or(() -> secret.unremembered(record))
                        .isEmpty())
                .flatMap(secret -> secret.foreign().stream())
                .toList();
        return foreign.isEmpty() ? Optional.empty() : Optional.of(new SecretNotOursException(deployment, foreign));
    }

    /**
     * The ARN of the secret; one that waits for its deletion is restored, as it may hold the only copy.
     *
     * @throws SecretNotOursException if there is none, and somebody else's of its name
     */
    public Optional<String> find() {
        var record = deployments.find(deployment);
        var known = known(record);
        if (known.isPresent()) return known.map(this::usable);
        var unremembered = unremembered(record);
        if (unremembered.isPresent()) {
            deployments.made(deployment, Made.SECRET, unremembered.get().arn());
            return unremembered.map(this::usable);
        }
        var foreign = foreign();
        if (foreign.isPresent()) throw new SecretNotOursException(deployment, List.of(foreign.get()));
        return Optional.empty();
    }

    private Optional<DescribeSecretResponse> known(Optional<Deployment> record) {
        return record.stream()
                .flatMap(found -> Stream.concat(
                        found.adoptedCluster().map(AdoptedCluster::adminSecretArn).stream(),
                        found.made(Made.SECRET).stream()))
                .filter(this::isNamedSo)
                .flatMap(arn -> describe(arn).stream())
                .findFirst();
    }

    private Optional<DescribeSecretResponse> unremembered(Optional<Deployment> record) {
        return record.flatMap(found -> found.intent(Made.SECRET)).flatMap(this::madeWith);
    }

    /** Somebody else's of the secret's name, where the record knows none; one that waits for its deletion is not in the way. */
    private Optional<DescribeSecretResponse> foreign() {
        return describe(name()).filter(secret -> secret.deletedDate() == null);
    }

    /**
     * Makes the secret where {@link #find} found none, and remembers it.
     *
     * @return its ARN
     */
    public String create(String description, String value) {
        var intent = deployments.intend(deployment, Made.SECRET);
        try {
            var name = describe(name()).isEmpty() ? name() : nameBeside(intent);
            var arn = secretsManager
                    .createSecret(request -> request.name(name)
                            .description(description)
                            .clientRequestToken(intent)
                            .secretString(value)
                            .tags(tag(Clusters.DEPLOYMENT_TAG, deployment), tag(Deployments.INTENT_TAG, intent)))
                    .arn();
            deployments.made(deployment, Made.SECRET, arn);
            return arn;
        } catch (ResourceExistsException lost) {
            // The answer to its creation was lost: that value counts. Or somebody else was quicker.
            return find().orElseThrow(() -> lost);
        }
    }

    private String name() {
        return prefix(deployment) + label;
    }

    /** What the name of the secret with admin's password of an adopted cluster is: one that the pipeline gives to none. */
    public static String adopted(String deployment) {
        return prefix(deployment) + "adopted/" + ADMIN_PASSWORD;
    }

    /** A name for as long as one that waits for its deletion, and is not ours any more, has the other. */
    private String nameBeside(String intent) {
        return prefix(deployment) + intent + "/" + label;
    }

    private boolean isNamedSo(String arn) {
        return arn.matches(
                ".*:secret:" + Pattern.quote(prefix(deployment)) + "([^/]+/)?" + Pattern.quote(label) + "-.{6}");
    }

    private Optional<DescribeSecretResponse> madeWith(String intent) {
        return List.of(name(), nameBeside(intent)).stream()
                .flatMap(name -> describe(name).stream())
                .filter(secret -> carries(secret.tags(), intent))
                .findFirst();
    }

    private String usable(DescribeSecretResponse secret) {
        if (secret.deletedDate() != null) secretsManager.restoreSecret(request -> request.secretId(secret.arn()));
        return secret.arn();
    }

    private Optional<DescribeSecretResponse> describe(String nameOrArn) {
        try {
            return Optional.of(secretsManager.describeSecret(request -> request.secretId(nameOrArn)));
        } catch (ResourceNotFoundException absent) {
            return Optional.empty();
        }
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }
}
