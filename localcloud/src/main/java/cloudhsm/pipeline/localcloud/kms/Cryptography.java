package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.Map;
import javax.crypto.SecretKey;

/** Encrypts and decrypts under KMS keys that may be used at this moment. */
final class Cryptography {
    private final KeyStoreClusters clusters;
    private final Throttle throttle;
    private int brokenCalls;

    Cryptography(KeyStoreClusters clusters, Throttle throttle) {
        this.clusters = clusters;
        this.throttle = throttle;
    }

    /** The next so many uses of a custom key store's keys fail as if the connection had dropped for a moment. */
    void breakNext(int calls) {
        brokenCalls = calls;
    }

    CiphertextBlob encrypt(KmsKey key, byte[] plaintext, Map<String, String> encryptionContext) {
        return CiphertextBlob.encrypt(key.keyId(), usable(key), plaintext, encryptionContext);
    }

    byte[] decrypt(KmsKey key, CiphertextBlob blob, Map<String, String> encryptionContext) {
        return blob.decrypt(usable(key), encryptionContext);
    }

    /** @throws AwsException DisabledException, KMSInvalidStateException or ThrottlingException */
    SecretKey usable(KmsKey key) {
        switch (key.state()) {
            case ENABLED -> throttle.admitCryptography(key);
            case DISABLED -> throw AwsException.badRequest("DisabledException", key.arn() + " is disabled.");
            case UNAVAILABLE -> throw invalidState(key.arn() + " is unavailable.");
            case PENDING_DELETION -> throw invalidState(key.arn() + " is pending deletion.");
        }
        return key.secretKey().orElseGet(() -> inCluster(key));
    }

    private SecretKey inCluster(KmsKey key) {
        var store = key.store().orElseThrow();
        var clusterId = store.clusterId();
        var cluster =
                clusters.find(clusterId).filter(found -> !found.activeHsms().isEmpty());
        if (brokenCalls > 0 || store.lost() || cluster.isEmpty()) {
            if (brokenCalls > 0) brokenCalls--;
            throw invalidState(
                    "KMS cannot communicate with your CloudHSM cluster. This can be a transient network issue. If you"
                        + " see this error repeatedly, verify that the Network ACLs and the security group rules for"
                        + " the VPC of your CloudHSM cluster are correct.");
        }
        return cluster.get()
                .key(key.arn())
                .orElseThrow(() -> invalidState(
                        "The key material of " + key.arn() + " is not in CloudHSM cluster " + clusterId + "."));
    }

    static AwsException invalidState(String message) {
        return AwsException.badRequest("KMSInvalidStateException", message);
    }
}
