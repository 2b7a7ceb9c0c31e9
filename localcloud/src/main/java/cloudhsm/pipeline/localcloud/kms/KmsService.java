package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.time.Timed;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * AWS KMS with custom key stores of type AWS_CLOUDHSM, and symmetric encryption keys in them or in KMS itself. Keys of
 * a store are used inside its embedded cluster, with real AES-256-GCM. There are no grants, and no asymmetric, HMAC,
 * multi-Region or imported keys.
 */
public final class KmsService extends JsonService {
    /** The AWS managed key of EBS. */
    private static final String EBS = "alias/aws/ebs";

    private static final List<String> VOLUME_ACTIONS = List.of(
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:Decrypt",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo");

    private final Account account;
    private final Access access;
    private final KeyStoreClusters clusters;
    private final Throttle throttle;
    private final Keys keys;
    private final KeyOperations keyOperations;
    private final KeyDeletion deletion;
    private final KeyStoreConnections connections;
    private final Cryptography cryptography;
    private final CryptographicOperations cryptographicOperations;

    public KmsService(Account account, CloudHsmService cloudHsm, Ec2Service ec2, EventBridgeService events) {
        super("kms", "1.1");
        this.account = account;
        var stores = new CustomKeyStores();
        clusters = new KeyStoreClusters(cloudHsm, ec2);
        keys = new Keys(account);
        access = new Access(account.iam(), keys);
        throttle = new Throttle(account.time().clock());
        keyOperations = new KeyOperations(account, keys, stores, clusters, access);
        deletion = new KeyDeletion(account, keys, clusters, access, events);
        connections = new KeyStoreConnections(account, stores, clusters, ec2, access);
        cryptography = new Cryptography(clusters, throttle);
        cryptographicOperations = new CryptographicOperations(keys, access, cryptography);

        var storeOperations = new KeyStoreOperations(account, stores, clusters, keys, access);
        onStore("CreateCustomKeyStore", storeOperations::create);
        onStore("DescribeCustomKeyStores", storeOperations::describe);
        onStore("UpdateCustomKeyStore", storeOperations::update);
        onStore("DeleteCustomKeyStore", storeOperations::delete);
        onStore("ConnectCustomKeyStore", connections::connect);
        onStore("DisconnectCustomKeyStore", connections::disconnect);
        on("CreateKey", keyOperations::create);
        on("DescribeKey", keyOperations::describe);
        on("ListKeys", keyOperations::list);
        on("PutKeyPolicy", keyOperations::putPolicy);
        on("GetKeyPolicy", keyOperations::getPolicy);
        on("EnableKey", keyOperations::enable);
        on("DisableKey", keyOperations::disable);
        for (var rotation : List.of(
                "EnableKeyRotation",
                "DisableKeyRotation",
                "GetKeyRotationStatus",
                "ListKeyRotations",
                "RotateKeyOnDemand")) {
            on(rotation, (input, request) -> keyOperations.refuseRotation(rotation, input, request));
        }
        on("TagResource", keyOperations::tag);
        on("UntagResource", keyOperations::untag);
        on("ListResourceTags", keyOperations::listTags);
        on("ScheduleKeyDeletion", deletion::schedule);
        on("CancelKeyDeletion", deletion::cancel);
        var aliasOperations = new AliasOperations(account, keys, access);
        on("CreateAlias", aliasOperations::create);
        on("UpdateAlias", aliasOperations::update);
        on("DeleteAlias", aliasOperations::delete);
        on("ListAliases", aliasOperations::list);
        on("GenerateDataKey", cryptographicOperations::generateDataKey);
        on("GenerateDataKeyWithoutPlaintext", cryptographicOperations::generateDataKeyWithoutPlaintext);
        on("Encrypt", cryptographicOperations::encrypt);
        on("Decrypt", cryptographicOperations::decrypt);
        on("ReEncrypt", cryptographicOperations::reEncrypt);
    }

    private void onStore(String operation, Operation handler) {
        on(operation, (input, request) -> {
            throttle.admitStoreOperation(operation);
            return handler.answer(input, request);
        });
    }

    /**
     * Whether KMS's request rates apply, in simulated seconds: 5 of each operation on custom key stores, 1,800
     * cryptographic operations per key store. Off at first, as simulated time stands still while a test calls.
     */
    public void throttling(boolean on) {
        throttle.set(on);
    }

    /** @param wanted whether key stores take the root of a chain alone, not the chain that their cluster was initialized with */
    public void wantTheRootAlone(boolean wanted) {
        clusters.wantTheRootAlone(wanted);
    }

    /**
     * Makes the next connection fail, after its usual time; asked for more than once, so many in a row.
     *
     * @param connectionErrorCode for example {@code NETWORK_ERRORS} or {@code INTERNAL_ERROR}
     * @return whether it has failed
     */
    public BooleanSupplier failNextConnection(String connectionErrorCode) {
        return connections.failNext(connectionErrorCode);
    }

    /**
     * Makes the next so many uses of keys in custom key stores fail with KMSInvalidStateException (HTTP 400), as when
     * KMS loses its cluster for a moment. The keys' state does not change.
     */
    public void breakClusterCommunication(int calls) {
        cryptography.breakNext(calls);
    }

    /**
     * From now on every use of the store's keys fails with KMSInvalidStateException (HTTP 400), although the store stays
     * CONNECTED, until it is connected anew: as when KMS does not find the HSMs that a cluster has got after a time
     * without any. Whether that happens on AWS is not known.
     *
     * @throws AwsException CustomKeyStoreNotFoundException
     */
    public void loseCluster(String keyStoreId) {
        connections.loseCluster(keyStoreId);
    }

    /** How long connecting and disconnecting took so far, in the order in which it ended. */
    public List<Timed> timings() {
        return connections.timings();
    }

    /** ARNs of deleted keys whose material is still in the HSMs, as the store was not connected at the time. */
    public List<String> orphanedKeyMaterial() {
        return deletion.orphaned();
    }

    /** @param plaintext 32 bytes; {@code encrypted} is KMS's ciphertext blob, which names its key */
    public record DataKey(String keyArn, byte[] plaintext, byte[] encrypted) {}

    /**
     * The ARN of a key, with no right needed.
     *
     * @param keyId ARN, id or alias
     * @throws AwsException NotFoundException or InvalidArnException
     */
    public String resolveKey(String keyId) {
        return keys.find(keyId).arn();
    }

    /**
     * GenerateDataKey (AES_256) by a service on behalf of the caller.
     *
     * @param keyId ARN, id or alias
     * @param viaService for kms:ViaService, for example {@code s3.eu-central-1.amazonaws.com}
     * @throws AwsException as KMS would answer the caller
     */
    public DataKey generateDataKey(
            Identity caller, String keyId, Map<String, String> encryptionContext, String viaService) {
        suffer(caller, "GenerateDataKey");
        return cryptographicOperations.generateDataKey(
                onBehalf(caller, viaService),
                "kms:GenerateDataKey",
                keyId,
                CryptographicOperations.AES_256,
                encryptionContext);
    }

    /**
     * Decrypt by a service on behalf of the caller.
     *
     * @throws AwsException as KMS would answer the caller
     */
    public byte[] decrypt(Identity caller, byte[] encrypted, Map<String, String> encryptionContext, String viaService) {
        suffer(caller, "Decrypt");
        return cryptographicOperations
                .decrypt(onBehalf(caller, viaService), "kms:Decrypt", encrypted, Optional.empty(), encryptionContext)
                .plaintext();
    }

    /**
     * ReEncrypt by a service on behalf of the caller: needs ReEncryptFrom and ReEncryptTo.
     *
     * @throws AwsException as KMS would answer the caller
     */
    public byte[] reEncrypt(
            Identity caller,
            byte[] encrypted,
            Map<String, String> sourceContext,
            String destinationKeyId,
            Map<String, String> destinationContext,
            String viaService) {
        suffer(caller, "ReEncrypt");
        return cryptographicOperations
                .reEncrypt(
                        onBehalf(caller, viaService),
                        encrypted,
                        Optional.empty(),
                        sourceContext,
                        destinationKeyId,
                        destinationContext)
                .encrypted();
    }

    /**
     * The AWS managed key of a service, made at its first use. Everybody in the account may use it, through that
     * service only.
     *
     * @param alias for example {@code alias/aws/s3}
     * @return its ARN
     */
    public String awsManagedKey(String alias) {
        return keyOperations.managedByAws(alias).arn();
    }

    /**
     * What EBS needs of a key for a volume on behalf of the caller: rights of the caller to the key, a customer managed
     * one; the AWS managed key of EBS admits everybody in the account.
     *
     * @param keyId ARN, id or alias
     * @param viaService {@code ec2.eu-central-1.amazonaws.com}
     * @throws AwsException as KMS would answer: AccessDeniedException, NotFoundException, DisabledException,
     *     KMSInvalidStateException
     * @see <a href="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html">Requirements for
     *     Amazon EBS encryption</a>
     */
    public void useForVolume(Identity caller, String keyId, String viaService) {
        var key = keyId.equals(EBS) ? keyOperations.managedByAws(EBS) : keys.find(keyId);
        if (keys.aliasesOf(key).stream().anyMatch(alias -> alias.name().equals(EBS))) return;
        var conditions = Map.of("kms:ViaService", viaService, "kms:GrantIsForAWSResource", "true");
        for (var action : VOLUME_ACTIONS) access.require(caller, action, key, conditions);
        cryptography.usable(key);
    }

    /**
     * A service that comes by itself, for nobody of the account, uses a key: the key's own policy must admit it.
     *
     * @param principal for example {@code s3.amazonaws.com}
     * @param keyId ARN, id or alias
     * @throws AwsException AccessDeniedException, NotFoundException, DisabledException, KMSInvalidStateException,
     *     ThrottlingException
     */
    public void useByService(String principal, String action, String keyId, Map<String, String> conditions) {
        var key = keys.find(keyId);
        if (key.policy().document().decide(Set.of(principal), action, key.arn(), conditions) != Decision.ALLOWED) {
            throw AwsException.badRequest(
                    "AccessDeniedException",
                    principal + " is not authorized to perform: " + action + " on resource: " + key.arn()
                            + " because no resource-based policy allows the " + action + " action");
        }
        cryptography.usable(key);
    }

    private static CryptographicOperations.Requester onBehalf(Identity caller, String viaService) {
        return new CryptographicOperations.Requester(caller, Optional.of(viaService), false);
    }

    /** The faults that a call over HTTP would meet at the endpoint; a lost answer is an internal error to the service. */
    private void suffer(Identity caller, String operation) {
        var fault = account.faults().onCall(caller.arn(), "kms", operation);
        if (fault == null) return;
        throw Faults.error(fault == Faults.Kind.THROTTLED ? fault : Faults.Kind.INTERNAL_ERROR, "kms");
    }
}
