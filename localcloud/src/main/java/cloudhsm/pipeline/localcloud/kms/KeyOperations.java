package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.GeneralSecurityException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;

/** Makes keys, shows them, and changes their policies and tags. What ends a key is {@link KeyDeletion}. */
final class KeyOperations {
    /** Per key; the quota that TagException and LimitExceededException speak of. */
    private static final int MAXIMUM_TAGS = 50;

    private final Account account;
    private final Keys keys;
    private final CustomKeyStores stores;
    private final KeyStoreClusters clusters;
    private final Access access;

    KeyOperations(Account account, Keys keys, CustomKeyStores stores, KeyStoreClusters clusters, Access access) {
        this.account = account;
        this.keys = keys;
        this.stores = stores;
        this.clusters = clusters;
        this.access = access;
    }

    JsonNode create(ObjectNode input, AwsRequest request) {
        var description = Members.text(input, "Description", 0, 8192).orElse("");
        Members.onlyAccepts(input, "KeyUsage", "ENCRYPT_DECRYPT");
        Members.onlyAccepts(input, "KeySpec", "SYMMETRIC_DEFAULT");
        Members.onlyAccepts(input, "CustomerMasterKeySpec", "SYMMETRIC_DEFAULT");
        if (Members.flag(input, "MultiRegion")) {
            throw AwsException.badRequest(
                    "UnsupportedOperationException", "The embedded KMS has no multi-Region keys.");
        }
        var storeId = Members.text(input, "CustomKeyStoreId", 1, 64);
        var origin = Members.text(input, "Origin", 1, 64).orElse("AWS_KMS");
        if (!origin.equals("AWS_KMS") && !origin.equals("AWS_CLOUDHSM")) {
            throw AwsException.badRequest(
                    "UnsupportedOperationException", "The embedded KMS has no keys of origin " + origin + ".");
        }
        if (origin.equals("AWS_CLOUDHSM") != storeId.isPresent()) {
            throw Members.invalid(
                    "CustomKeyStoreId and the origin AWS_CLOUDHSM go together; origin is " + origin + ".");
        }
        var tags = Members.tags(input);
        var arn = newArn();
        authorizeCreation(request, arn, origin, tags);
        var policyText = Members.text(input, "Policy", 1, 131_072);
        var policy =
                policyText.map(text -> KeyPolicy.parse(text, account.iam())).orElseGet(KeyPolicy::byDefault);
        var store = storeId.map(stores::find).orElse(null);
        if (store != null) requireFit(store);
        var key = new KmsKey(
                arn, account.time().now(), description, false, policy, store, store == null ? newSecretKey() : null);
        if (policyText.isPresent()) requireNoLockout(input, request, key, policy);
        if (store != null) clusters.findActive(store.clusterId()).createKey(key.arn());
        key.tags().putAll(tags);
        keys.add(key);
        return Json.object().set("KeyMetadata", metadata(key));
    }

    private void authorizeCreation(AwsRequest request, String arn, String origin, Map<String, String> tags) {
        var conditions = new HashMap<>(access.callerConditions(request.caller()));
        conditions.put("kms:KeyOrigin", origin);
        conditions.put("kms:KeySpec", "SYMMETRIC_DEFAULT");
        conditions.put("kms:KeyUsage", "ENCRYPT_DECRYPT");
        tags.forEach((tag, value) -> conditions.put("aws:RequestTag/" + tag, value));
        account.iam().authorize(request.caller(), "kms:CreateKey", "*", conditions);
        if (tags.isEmpty()) return;
        account.iam().authorize(request.caller(), "kms:TagResource", arn, conditions);
    }

    private void requireFit(CustomKeyStore store) {
        if (store.state() != ConnectionState.CONNECTED) {
            throw CustomKeyStores.invalidState(store, "CreateKey", "CONNECTED");
        }
        KeyStoreClusters.requireFitForKeys(clusters.find(store.clusterId())
                .orElseThrow(() -> AwsException.badRequest(
                        "CloudHsmClusterInvalidConfigurationException",
                        "CloudHSM cluster " + store.clusterId() + " of custom key store " + store.id()
                                + " does not exist any more.")));
    }

    private void requireNoLockout(ObjectNode input, AwsRequest request, KmsKey key, KeyPolicy policy) {
        if (Members.flag(input, "BypassPolicyLockoutSafetyCheck")) return;
        if (access.leavesPutKeyPolicy(request.caller(), key, policy)) return;
        throw KeyPolicy.malformed("The new key policy will not allow you to update the key policy in the future.");
    }

    /** The AWS managed key of a service, made at its first use. */
    KmsKey managedByAws(String alias) {
        var existing = keys.aliases().get(alias);
        if (existing != null) return existing.target();
        var prefix = "alias/aws/";
        if (!alias.startsWith(prefix)) {
            throw new IllegalArgumentException(alias + " is no alias of an AWS managed key, such as alias/aws/s3");
        }
        var service = alias.substring(prefix.length());
        var key = new KmsKey(
                newArn(),
                account.time().now(),
                "Default key that protects my " + service + " data when no other key is defined",
                true,
                KeyPolicy.ofAwsManagedKey(service, account),
                null,
                newSecretKey());
        keys.add(key);
        keys.aliases().put(alias, new Alias(alias, key, key.creationDate(), key.creationDate()));
        return key;
    }

    private String newArn() {
        return keys.arn("key/" + account.uuid());
    }

    private static SecretKey newSecretKey() {
        try {
            var generator = KeyGenerator.getInstance("AES");
            generator.init(256);
            return generator.generateKey();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    JsonNode describe(ObjectNode input, AwsRequest request) {
        var keyId = Members.keyId(input);
        var key = keys.find(keyId);
        access.require(request.caller(), "kms:DescribeKey", key, keys.requestAlias(keyId));
        return Json.object().set("KeyMetadata", metadata(key));
    }

    private static ObjectNode metadata(KmsKey key) {
        var state = key.state();
        var metadata = Json.object()
                .put("AWSAccountId", Iam.ACCOUNT)
                .put("KeyId", key.keyId())
                .put("Arn", key.arn())
                .put("CreationDate", Json.epochSeconds(key.creationDate()))
                .put("Enabled", state == KeyState.ENABLED)
                .put("Description", key.description())
                .put("KeyUsage", "ENCRYPT_DECRYPT")
                .put("KeyState", state.awsName())
                .put("Origin", key.store().isPresent() ? "AWS_CLOUDHSM" : "AWS_KMS")
                .put("KeyManager", key.managedByAws() ? "AWS" : "CUSTOMER")
                .put("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT")
                .put("KeySpec", "SYMMETRIC_DEFAULT")
                .put("MultiRegion", false);
        metadata.putArray("EncryptionAlgorithms").add("SYMMETRIC_DEFAULT");
        key.store()
                .ifPresent(store ->
                        metadata.put("CustomKeyStoreId", store.id()).put("CloudHsmClusterId", store.clusterId()));
        key.deletionDate().ifPresent(date -> metadata.put("DeletionDate", Json.epochSeconds(date)));
        return metadata;
    }

    JsonNode list(ObjectNode input, AwsRequest request) {
        access.requireAnywhere(request.caller(), "kms:ListKeys");
        return Page.of(
                input,
                "Keys",
                List.copyOf(keys.all()),
                100,
                KmsKey::keyId,
                key -> Json.object().put("KeyId", key.keyId()).put("KeyArn", key.arn()));
    }

    JsonNode putPolicy(ObjectNode input, AwsRequest request) {
        var keyId = Members.keyId(input);
        requireDefaultPolicyName(input);
        var text = Members.required(input, "Policy", 1, 131_072);
        var key = keys.findWithoutAlias(keyId);
        access.require(request.caller(), "kms:PutKeyPolicy", key);
        var policy = KeyPolicy.parse(text, account.iam());
        requireNoLockout(input, request, key, policy);
        key.setPolicy(policy);
        return Json.object();
    }

    JsonNode getPolicy(ObjectNode input, AwsRequest request) {
        var keyId = Members.keyId(input);
        requireDefaultPolicyName(input);
        var key = keys.findWithoutAlias(keyId);
        access.require(request.caller(), "kms:GetKeyPolicy", key);
        return Json.object().put("Policy", key.policy().text()).put("PolicyName", "default");
    }

    private static void requireDefaultPolicyName(ObjectNode input) {
        var name = Members.text(input, "PolicyName", 1, 128).orElse("default");
        if (!name.equals("default")) {
            throw AwsException.badRequest("NotFoundException", "No such policy exists: a key's only policy is default");
        }
    }

    JsonNode enable(ObjectNode input, AwsRequest request) {
        changeable(input, request, "kms:EnableKey").setEnabled(true);
        return Json.object();
    }

    JsonNode disable(ObjectNode input, AwsRequest request) {
        changeable(input, request, "kms:DisableKey").setEnabled(false);
        return Json.object();
    }

    /** Keys of a custom key store are never rotated; keys of KMS itself are not rotated here. */
    JsonNode refuseRotation(String operation, ObjectNode input, AwsRequest request) {
        var key = keys.findWithoutAlias(Members.keyId(input));
        access.require(request.caller(), "kms:" + operation, key);
        var why = key.store().isPresent()
                ? " is in a custom key store, where KMS does not rotate keys."
                : " cannot be rotated: the embedded KMS does not rotate keys.";
        throw AwsException.badRequest("UnsupportedOperationException", key.arn() + why);
    }

    JsonNode tag(ObjectNode input, AwsRequest request) {
        if (!input.path("Tags").isArray()) throw Members.missing("Tags");
        var tags = Members.tags(input);
        var conditions = new HashMap<String, String>();
        tags.forEach((tag, value) -> conditions.put("aws:RequestTag/" + tag, value));
        var key = keys.findWithoutAlias(Members.keyId(input));
        access.require(request.caller(), "kms:TagResource", key, conditions);
        requireNotPendingDeletion(key);
        var merged = new HashMap<>(key.tags());
        merged.putAll(tags);
        if (merged.size() > MAXIMUM_TAGS) {
            throw AwsException.badRequest("LimitExceededException", "A key may have " + MAXIMUM_TAGS + " tags.");
        }
        key.tags().putAll(tags);
        return Json.object();
    }

    JsonNode untag(ObjectNode input, AwsRequest request) {
        if (!input.path("TagKeys").isArray()) throw Members.missing("TagKeys");
        var key = changeable(input, request, "kms:UntagResource");
        Members.texts(input, "TagKeys").forEach(key.tags()::remove);
        return Json.object();
    }

    JsonNode listTags(ObjectNode input, AwsRequest request) {
        var key = keys.findWithoutAlias(Members.keyId(input));
        access.require(request.caller(), "kms:ListResourceTags", key);
        return Page.of(
                input,
                "Tags",
                List.copyOf(key.tags().entrySet()),
                50,
                Map.Entry::getKey,
                tag -> Json.object().put("TagKey", tag.getKey()).put("TagValue", tag.getValue()));
    }

    /** The key of the request, if the caller may do this and the key is not about to be deleted. */
    private KmsKey changeable(ObjectNode input, AwsRequest request, String action) {
        var key = keys.findWithoutAlias(Members.keyId(input));
        access.require(request.caller(), action, key);
        requireNotPendingDeletion(key);
        return key;
    }

    static void requireNotPendingDeletion(KmsKey key) {
        if (key.state() == KeyState.PENDING_DELETION) {
            throw Cryptography.invalidState(key.arn() + " is pending deletion.");
        }
    }
}
