package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.JsonService;
import cloudhsm.pipeline.localcloud.iam.Identity;

/** AWS KMS with custom key stores of type AWS_CLOUDHSM. */
public final class KmsService extends JsonService {
    public KmsService(Account account, CloudHsmService cloudHsm, Ec2Service ec2, EventBridgeService events) {
        super("kms", "1.1", "message");
    }

    /** @param plaintext 32 bytes; {@code encrypted} is KMS's ciphertext blob, which names its key */
    public record DataKey(String keyArn, byte[] plaintext, byte[] encrypted) {}

    /**
     * GenerateDataKey (AES_256) by a service on behalf of the caller.
     *
     * @param keyId ARN, id or alias
     * @param viaService for kms:ViaService, for example {@code s3.eu-central-1.amazonaws.com}
     * @throws cloudhsm.pipeline.localcloud.http.AwsException as KMS would answer the caller
     */
    public DataKey generateDataKey(
            Identity caller, String keyId, java.util.Map<String, String> encryptionContext, String viaService) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Decrypt by a service on behalf of the caller. */
    public byte[] decrypt(
            Identity caller, byte[] encrypted, java.util.Map<String, String> encryptionContext, String viaService) {
        throw new UnsupportedOperationException("to be written");
    }

    /** ReEncrypt by a service on behalf of the caller: needs ReEncryptFrom and ReEncryptTo. */
    public byte[] reEncrypt(
            Identity caller,
            byte[] encrypted,
            java.util.Map<String, String> sourceContext,
            String destinationKeyId,
            java.util.Map<String, String> destinationContext,
            String viaService) {
        throw new UnsupportedOperationException("to be written");
    }

    /** The AWS managed key of a service, made at its first use: {@code alias/aws/s3}. Returns its ARN. */
    public String awsManagedKey(String alias) {
        throw new UnsupportedOperationException("to be written");
    }
}
