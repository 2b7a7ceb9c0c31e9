package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.KeyListEntry;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.MalformedPolicyDocumentException;
import software.amazon.awssdk.services.kms.model.NotFoundException;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.kms.model.Tag;

/**
 * Makes the key whose material the HSMs generate and never give away, and its alias, unless the deployment's record names
 * one in the key store. CreateKey has no client token, so the key carries the value of the record's intent until the
 * record has its id. A key that is there keeps its policy and description.
 */
public final class CreateKey extends StageHandler<CreateKey.Input> {
    private static final Comparator<KeyMetadata> BY_AGE =
            Comparator.comparing(KeyMetadata::creationDate).thenComparing(KeyMetadata::keyId);

    /**
     * @param alias with its prefix: alias/…
     * @param administrators ARNs of those who manage the key
     * @param users ARNs of those who use it, through S3
     * @param deletable whether the administrators may schedule its deletion
     * @param policy the whole key policy, used as it is instead of the four above; null if there is none
     */
    public record Input(
            String deployment,
            String keyStoreId,
            String alias,
            String description,
            List<String> administrators,
            List<String> users,
            boolean deletable,
            JsonNode policy) {
        public Input {
            administrators = List.copyOf(administrators);
            users = List.copyOf(users);
            policy = policy == null ? NullNode.getInstance() : policy;
        }
    }

    public record Output(String keyId, String keyArn) {}

    private final KmsClient kms;
    private final Deployments deployments;
    private final String region;
    private final String reencryptionRoleArn;

    /** Called by Lambda, once per execution environment. */
    public CreateKey() {
        this(
                Aws.kms(),
                Deployments.ofFunction(),
                Aws.environment("AWS_REGION"),
                Aws.environment("REENCRYPTION_ROLE_ARN"),
                StageRuntime.ofFunction());
    }

    CreateKey(KmsClient kms, Deployments deployments, String region, String reencryptionRoleArn, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.deployments = deployments;
        this.region = region;
        this.reencryptionRoleArn = reencryptionRoleArn;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var own = ownKeys(input);
        var aliased = describe(input.alias());
        if (aliased.isPresent()) return named(input, aliased.get(), own);
        var living = own.stream()
                .filter(key -> key.keyState() != KeyState.PENDING_DELETION)
                .min(BY_AGE);
        if (living.isPresent() && living.get().keyState() != KeyState.ENABLED) return adopt(input, living.get());
        try {
            var key = living.orElseGet(() -> create(input));
            kms.createAlias(request -> request.aliasName(input.alias()).targetKeyId(key.keyId()));
            return done(key);
        } catch (MalformedPolicyDocumentException refused) {
            return new Outcome.Failed(
                    TRANSIENT,
                    "KMS refused the policy of the key for " + input.alias()
                            + "; it may not know principals yet that were made a moment ago. KMS says: \""
                            + refused.getMessage() + "\". No key was made. Next, if repeating does not help: check"
                            + " that every principal exists, and that the policy lets this pipeline's role call"
                            + " kms:PutKeyPolicy.");
        }
    }

    private static Outcome named(Input input, KeyMetadata key, List<KeyMetadata> own) {
        if (own.stream().anyMatch(ours -> ours.keyId().equals(key.keyId()))) return adopt(input, key);
        return failed(
                "ALIAS_IN_USE",
                input.alias() + " belongs to key " + key.keyId() + " with origin " + key.originAsString()
                        + (key.customKeyStoreId() == null ? "" : " in key store " + key.customKeyStoreId())
                        + ", which this deployment did not make in " + input.keyStoreId(),
                "choose another alias, or delete that one");
    }

    private static Outcome adopt(Input input, KeyMetadata key) {
        return switch (key.keyState()) {
            case ENABLED -> done(key);
            case PENDING_DELETION ->
                failed(
                        "KEY_PENDING_DELETION",
                        "Key " + key.keyId() + " (" + input.alias() + ") will be deleted at " + key.deletionDate()
                                + ", and with it every object under it becomes unreadable for ever",
                        "cancel the deletion and enable the key; or choose another alias, which makes another key");
            case DISABLED ->
                failed(
                        "KEY_DISABLED",
                        "Key " + key.keyId() + " (" + input.alias() + ") is disabled, which somebody did on purpose",
                        "enable it");
            case CREATING, PENDING_IMPORT, PENDING_REPLICA_DELETION, UNAVAILABLE, UPDATING, UNKNOWN_TO_SDK_VERSION ->
                failed(
                        "KEY_UNAVAILABLE",
                        "Key " + key.keyId() + " (" + input.alias() + ") is " + key.keyStateAsString() + "; its key"
                                + " store " + input.keyStoreId() + " is disconnected, or lost the key's material",
                        "connect the key store");
        };
    }

    private static Outcome failed(String reason, String what, String next) {
        return new Outcome.Failed(
                reason, what + ". Nothing was changed. Next: " + next + "; then start a new execution.");
    }

    private static Outcome done(KeyMetadata key) {
        return new Outcome.Done(new Output(key.keyId(), key.arn()));
    }

    private Optional<KeyMetadata> describe(String keyIdOrAlias) {
        try {
            return Optional.of(
                    kms.describeKey(request -> request.keyId(keyIdOrAlias)).keyMetadata());
        } catch (NotFoundException absent) {
            return Optional.empty();
        }
    }

    /** The deployment's keys in the store: those that its record names, else the one that its open intent has made. */
    private List<KeyMetadata> ownKeys(Input input) {
        var record = deployments.find(input.deployment());
        var named = record.map(known -> known.made(Made.KEY)).orElse(List.of()).stream()
                .flatMap(keyId -> describe(keyId).stream())
                .filter(key -> input.keyStoreId().equals(key.customKeyStoreId()))
                .toList();
        if (named.stream().anyMatch(key -> key.keyState() != KeyState.PENDING_DELETION)) return named;
        var intended = record.flatMap(known -> known.intent(Made.KEY)).flatMap(value -> intendedKey(input, value));
        if (record.flatMap(known -> known.intent(Made.KEY)).isPresent()) {
            settle(
                    Question.TAGS_OF_A_NEW_RESOURCE,
                    "key: " + (intended.isPresent() ? "shown" : "not shown, or never made"));
        }
        intended.ifPresent(key -> deployments.made(input.deployment(), Made.KEY, key.keyId()));
        return Stream.concat(named.stream(), intended.stream()).toList();
    }

    /** The newest that carries the intent's value: whoever copies it onto a key that was there before gets nothing. */
    private Optional<KeyMetadata> intendedKey(Input input, String value) {
        return kms.listKeysPaginator().keys().stream()
                .map(KeyListEntry::keyId)
                .flatMap(keyId -> describeIfAllowed(keyId).stream())
                .filter(key -> input.keyStoreId().equals(key.customKeyStoreId()))
                .filter(key -> key.keyState() != KeyState.PENDING_DELETION)
                .filter(key -> isTagged(key, Deployments.INTENT_TAG, value))
                .max(BY_AGE);
    }

    /** Keys whose policy does not let the account's IAM decide are none of ours. */
    private Optional<KeyMetadata> describeIfAllowed(String keyId) {
        try {
            return describe(keyId);
        } catch (KmsException failure) {
            if ("AccessDeniedException".equals(failure.awsErrorDetails().errorCode())) return Optional.empty();
            throw failure;
        }
    }

    private boolean isTagged(KeyMetadata key, String tagKey, String value) {
        return kms.listResourceTagsPaginator(request -> request.keyId(key.keyId())).tags().stream()
                .anyMatch(tag -> tagKey.equals(tag.tagKey()) && value.equals(tag.tagValue()));
    }

    private KeyMetadata create(Input input) {
        var policy = policy(input);
        var intent = deployments.intend(input.deployment(), Made.KEY);
        var key = kms.createKey(request -> request.origin(OriginType.AWS_CLOUDHSM)
                        .customKeyStoreId(input.keyStoreId())
                        .description(input.description())
                        .policy(policy)
                        .tags(tag(Clusters.DEPLOYMENT_TAG, input.deployment()), tag(Deployments.INTENT_TAG, intent)))
                .keyMetadata();
        deployments.made(input.deployment(), Made.KEY, key.keyId());
        return key;
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().tagKey(key).tagValue(value).build();
    }

    private String policy(Input input) {
        return input.policy().isNull()
                ? new KeyPolicy(region, reencryptionRoleArn, input.administrators(), input.users(), input.deletable())
                        .json()
                : input.policy().toString();
    }
}
