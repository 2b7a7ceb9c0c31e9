package cloudhsm.pipeline.localcloud.secretsmanager;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * AWS Secrets Manager. Values are in no error message. Secrets are under the AWS managed key
 * {@code aws/secretsmanager}, for which callers need no KMS rights; another KmsKeyId is refused. No rotation, no
 * replication, no resource policies.
 */
public final class SecretsManagerService extends JsonService {
    /** Days; for DeleteSecret's RecoveryWindowInDays. */
    private static final int SHORTEST_RECOVERY = 7;

    private static final int LONGEST_RECOVERY = 30;
    private static final int MAXIMUM_TAGS = 50;

    /** As the condition keys {@code aws:RequestTag/…} of a request. */
    private static final String REQUEST_TAG = "aws:RequestTag/";

    private final Account account;
    private final Secrets secrets = new Secrets();
    private final Map<String, Set<String>> everStored = new TreeMap<>();
    private final Map<Secret, Scheduled> deletions = new HashMap<>();

    public SecretsManagerService(Account account) {
        super("secretsmanager", "1.1");
        this.account = account;
        on("CreateSecret", this::create);
        on("GetRandomPassword", this::randomPassword);
        on("GetSecretValue", this::getValue);
        on("PutSecretValue", this::putValue);
        on("UpdateSecret", this::update);
        on("DescribeSecret", this::describe);
        on("ListSecrets", this::list);
        on("DeleteSecret", this::delete);
        on("RestoreSecret", this::restore);
        on("TagResource", this::tag);
        on("UntagResource", this::untag);
    }

    /** AWS appends six characters, so that a name used again gets another ARN. */
    private String newArn(String name) {
        return account.arn("secretsmanager", "secret:" + name + "-" + account.base32(6));
    }

    private JsonNode create(ObjectNode input, AwsRequest request) {
        var name = Members.name(input);
        Members.requireManagedKey(input);
        Members.refuse(input, "AddReplicaRegions");
        var token = Members.token(input);
        var value = Members.value(input);
        var tags = Members.tags(input);
        var conditions = new HashMap<String, String>();
        tags.forEach((tag, tagValue) -> conditions.put(REQUEST_TAG + tag, tagValue));
        conditions.put("secretsmanager:Name", name);
        var arn = newArn(name);
        account.iam().authorize(request.caller(), "secretsmanager:CreateSecret", arn, conditions);
        if (!tags.isEmpty()) account.iam().authorize(request.caller(), "secretsmanager:TagResource", arn, conditions);

        var existing = secrets.byName(name);
        if (existing.isPresent()) return createdAgain(existing.get(), token, value);
        var secret = new Secret(name, arn, account.time().now());
        secret.setDescription(text(input, "Description").orElse(""));
        secret.tags().putAll(tags);
        secrets.add(secret);
        value.ifPresent(given -> add(secret, token, given, List.of(Secret.CURRENT)));
        return answer(secret, value.isPresent() ? Optional.of(token) : Optional.empty());
    }

    private void add(Secret secret, String versionId, SecretValue value, List<String> stages) {
        secret.add(new SecretVersion(versionId, value, account.time().now()), stages);
        everStored.computeIfAbsent(secret.name(), any -> new TreeSet<>()).add(value.content());
    }

    /** Every value of every secret so far, by the secret's name; what was replaced or deleted since is among them. */
    public Map<String, Set<String>> everStored() {
        return account.time().locked(() -> Map.copyOf(everStored));
    }

    /** A repeated request with the same token and content is answered as the first one was. */
    private JsonNode createdAgain(Secret secret, String token, Optional<SecretValue> value) {
        if (secret.deletedDate().isPresent()) {
            throw refused(
                    "InvalidRequestException",
                    "You can't create this secret because a secret with this"
                            + " name is already scheduled for deletion.");
        }
        var same = secret.version(token).map(SecretVersion::value).filter(value.orElse(null)::equals);
        if (same.isPresent()) return answer(secret, Optional.of(token));
        throw refused(
                "ResourceExistsException",
                "The operation failed because the secret " + secret.name() + " already exists.");
    }

    private JsonNode randomPassword(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "secretsmanager:GetRandomPassword", "*");
        return Json.object().put("RandomPassword", RandomPassword.generate(input));
    }

    private JsonNode getValue(ObjectNode input, AwsRequest request) {
        var secret = usable(input, request, "secretsmanager:GetSecretValue", Map.of());
        var versionId = text(input, "VersionId");
        var stage = text(input, "VersionStage");
        var version = versionId.isPresent()
                ? secret.version(versionId.get())
                        .filter(found -> stage.isEmpty() || found.stages().contains(stage.get()))
                : secret.staged(stage.orElse(Secret.CURRENT));
        var found = version.orElseThrow(() -> refused(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret value for "
                        + versionId
                                .map(id -> "VersionId: " + id)
                                .orElse("staging label: " + stage.orElse(Secret.CURRENT))));
        var answer = answer(secret, Optional.of(found.versionId()))
                .put(found.value().member(), found.value().content())
                .put("CreatedDate", Json.epochSeconds(found.createdDate()));
        answer.set("VersionStages", Json.MAPPER.valueToTree(found.stages()));
        return answer;
    }

    private JsonNode putValue(ObjectNode input, AwsRequest request) {
        var token = Members.token(input);
        var value = Members.value(input)
                .orElseThrow(() ->
                        refused("InvalidRequestException", "You must provide either SecretString or SecretBinary."));
        var stages = new ArrayList<String>();
        input.path("VersionStages").forEach(stage -> stages.add(stage.asText()));
        if (stages.isEmpty()) stages.add(Secret.CURRENT);
        var secret = usable(input, request, "secretsmanager:PutSecretValue", Map.of());
        putVersion(secret, token, value, stages);
        var answer = answer(secret, Optional.of(token));
        answer.set(
                "VersionStages",
                Json.MAPPER.valueToTree(secret.version(token).orElseThrow().stages()));
        return answer;
    }

    private void putVersion(Secret secret, String token, SecretValue value, List<String> stages) {
        var existing = secret.version(token);
        if (existing.isPresent() && !existing.get().value().equals(value)) {
            throw refused(
                    "ResourceExistsException",
                    "You can't use ClientRequestToken " + token + " because that value is already in use for a version"
                            + " of secret " + secret.arn() + ".");
        }
        if (existing.isPresent()) return;
        // Without AWSCURRENT nobody could read the secret by default, so the first version gets it.
        if (secret.stagedVersions().isEmpty() && !stages.contains(Secret.CURRENT)) stages.add(Secret.CURRENT);
        add(secret, token, value, stages);
        secret.changed(account.time().now());
    }

    private JsonNode update(ObjectNode input, AwsRequest request) {
        Members.requireManagedKey(input);
        var token = Members.token(input);
        var value = Members.value(input);
        var secret = usable(input, request, "secretsmanager:UpdateSecret", Map.of());
        value.ifPresent(given -> putVersion(secret, token, given, new ArrayList<>(List.of(Secret.CURRENT))));
        text(input, "Description").ifPresent(secret::setDescription);
        secret.changed(account.time().now());
        return answer(secret, value.isPresent() ? Optional.of(token) : Optional.empty());
    }

    private JsonNode describe(ObjectNode input, AwsRequest request) {
        var secret = authorized(input, request, "secretsmanager:DescribeSecret", Map.of());
        var description = described(secret);
        var stages = description.putObject("VersionIdsToStages");
        secret.stagedVersions()
                .forEach(version -> stages.set(version.versionId(), Json.MAPPER.valueToTree(version.stages())));
        return description;
    }

    private static ObjectNode described(Secret secret) {
        var description = Json.object()
                .put("ARN", secret.arn())
                .put("Name", secret.name())
                .put("CreatedDate", Json.epochSeconds(secret.createdDate()))
                .put("LastChangedDate", Json.epochSeconds(secret.lastChangedDate()));
        if (!secret.description().isEmpty()) description.put("Description", secret.description());
        secret.deletedDate().ifPresent(date -> description.put("DeletedDate", Json.epochSeconds(date)));
        var tags = description.putArray("Tags");
        secret.tags().forEach((tag, value) -> tags.addObject().put("Key", tag).put("Value", value));
        return description;
    }

    private JsonNode list(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "secretsmanager:ListSecrets", "*");
        var filters = new ArrayList<SecretFilter>();
        input.path("Filters").forEach(filter -> filters.add(SecretFilter.parse(filter)));
        var planned = input.path("IncludePlannedDeletion").asBoolean();
        var found = secrets.all().stream()
                .filter(secret -> planned || secret.deletedDate().isEmpty())
                .filter(secret -> filters.stream().allMatch(filter -> filter.admits(secret)))
                .toList();
        var limit = input.path("MaxResults").asInt(100);
        if (limit < 1 || limit > 100) {
            throw refused("InvalidParameterException", "MaxResults must be between 1 and 100.");
        }
        // The token is the last name of the page before.
        var after = text(input, "NextToken").orElse("");
        var rest = found.stream()
                .filter(secret -> secret.name().compareTo(after) > 0)
                .toList();
        var answer = Json.object();
        var entries = answer.putArray("SecretList");
        rest.stream().limit(limit).forEach(secret -> {
            var entry = described(secret);
            var stages = entry.putObject("SecretVersionsToStages");
            secret.stagedVersions()
                    .forEach(version -> stages.set(version.versionId(), Json.MAPPER.valueToTree(version.stages())));
            entries.add(entry);
        });
        if (rest.size() > limit) answer.put("NextToken", rest.get(limit - 1).name());
        return answer;
    }

    private JsonNode delete(ObjectNode input, AwsRequest request) {
        var force = input.path("ForceDeleteWithoutRecovery").asBoolean();
        var window = input.path("RecoveryWindowInDays");
        if (force && !window.isMissingNode()) {
            throw refused(
                    "InvalidParameterException",
                    "You can't use ForceDeleteWithoutRecovery in conjunction" + " with RecoveryWindowInDays.");
        }
        var days = window.asInt(LONGEST_RECOVERY);
        if (days < SHORTEST_RECOVERY || days > LONGEST_RECOVERY) {
            throw refused(
                    "InvalidParameterException",
                    "The RecoveryWindowInDays value must be between " + SHORTEST_RECOVERY + " and " + LONGEST_RECOVERY
                            + " days (inclusive).");
        }
        var secret = force
                ? authorized(input, request, "secretsmanager:DeleteSecret", Map.of())
                : usable(input, request, "secretsmanager:DeleteSecret", Map.of());
        var now = account.time().now();
        var deletion = force ? now : now.plus(Duration.ofDays(days));
        if (force) {
            var scheduled = deletions.remove(secret);
            if (scheduled != null) scheduled.cancel();
            secrets.remove(secret);
        } else {
            secret.setDeletedDate(now);
            deletions.put(
                    secret,
                    account.time().schedule(Duration.ofDays(days), "secret " + secret.name() + " is deleted", () -> {
                        deletions.remove(secret);
                        secrets.remove(secret);
                    }));
        }
        return answer(secret, Optional.empty()).put("DeletionDate", Json.epochSeconds(deletion));
    }

    private JsonNode restore(ObjectNode input, AwsRequest request) {
        var secret = authorized(input, request, "secretsmanager:RestoreSecret", Map.of());
        var scheduled = deletions.remove(secret);
        if (scheduled != null) scheduled.cancel();
        secret.setDeletedDate(null);
        return answer(secret, Optional.empty());
    }

    private JsonNode tag(ObjectNode input, AwsRequest request) {
        var tags = Members.tags(input);
        var conditions = new HashMap<String, String>();
        tags.forEach((tag, value) -> conditions.put(REQUEST_TAG + tag, value));
        var secret = usable(input, request, "secretsmanager:TagResource", conditions);
        var merged = new HashMap<>(secret.tags());
        merged.putAll(tags);
        if (merged.size() > MAXIMUM_TAGS) {
            throw refused("InvalidParameterException", "A secret may have " + MAXIMUM_TAGS + " tags.");
        }
        secret.tags().putAll(tags);
        return Json.object();
    }

    private JsonNode untag(ObjectNode input, AwsRequest request) {
        var secret = usable(input, request, "secretsmanager:UntagResource", Map.of());
        input.path("TagKeys").forEach(tag -> secret.tags().remove(tag.asText()));
        return Json.object();
    }

    private Secret usable(ObjectNode input, AwsRequest request, String action, Map<String, String> conditions) {
        var secret = authorized(input, request, action, conditions);
        if (secret.deletedDate().isPresent()) {
            throw refused(
                    "InvalidRequestException",
                    "You can't perform this operation on the secret because it" + " was marked for deletion.");
        }
        return secret;
    }

    /** Who may not use a secret does not learn either whether it exists. */
    private Secret authorized(ObjectNode input, AwsRequest request, String action, Map<String, String> conditions) {
        var secretId = required(input, "SecretId");
        var context = new HashMap<>(conditions);
        context.put("secretsmanager:SecretId", secretId);
        var secret = secrets.find(secretId);
        secret.ifPresent(found -> found.tags().forEach((tag, value) -> {
            context.put("aws:ResourceTag/" + tag, value);
            context.put("secretsmanager:ResourceTag/" + tag, value);
        }));
        // For a secret that does not exist AWS compares an ARN with a suffix it makes up.
        var arn = secret.map(Secret::arn).orElseGet(() -> secretId.startsWith("arn:") ? secretId : newArn(secretId));
        account.iam().authorize(request.caller(), action, arn, context);
        return secret.orElseThrow(
                () -> refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."));
    }

    private static ObjectNode answer(Secret secret, Optional<String> versionId) {
        var answer = Json.object().put("ARN", secret.arn()).put("Name", secret.name());
        versionId.ifPresent(id -> answer.put("VersionId", id));
        return answer;
    }

    private static AwsException refused(String code, String message) {
        return AwsException.badRequest(code, message);
    }
}
