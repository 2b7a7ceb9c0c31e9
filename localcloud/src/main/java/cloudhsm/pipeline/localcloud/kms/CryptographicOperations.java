package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The operations that use keys: for callers over HTTP, and for services that call on a caller's behalf. */
final class CryptographicOperations {
    private static final SecureRandom RANDOM = new SecureRandom();

    /** Bytes of an AES_256 data key. */
    static final int AES_256 = 32;

    private final Keys keys;
    private final Access access;
    private final Cryptography cryptography;

    CryptographicOperations(Keys keys, Access access, Cryptography cryptography) {
        this.keys = keys;
        this.access = access;
        this.cryptography = cryptography;
    }

    /**
     * Who asks, and in what circumstances.
     *
     * @param viaService the service that calls on the caller's behalf, for example
     *     {@code s3.eu-central-1.amazonaws.com}; empty for a direct call
     */
    record Requester(Identity caller, Optional<String> viaService, boolean dryRun) {}

    JsonNode generateDataKey(ObjectNode input, AwsRequest request) {
        var answer = generateDataKey(input, request, "kms:GenerateDataKey");
        return Json.object()
                .put("CiphertextBlob", answer.encrypted())
                .put("Plaintext", answer.plaintext())
                .put("KeyId", answer.keyArn());
    }

    JsonNode generateDataKeyWithoutPlaintext(ObjectNode input, AwsRequest request) {
        var answer = generateDataKey(input, request, "kms:GenerateDataKeyWithoutPlaintext");
        return Json.object().put("CiphertextBlob", answer.encrypted()).put("KeyId", answer.keyArn());
    }

    private KmsService.DataKey generateDataKey(ObjectNode input, AwsRequest request, String action) {
        var keyId = Members.keyId(input);
        var length = Members.number(input, "NumberOfBytes", 1, 1024);
        var spec = Members.text(input, "KeySpec", 1, 64);
        if (length.isPresent() == spec.isPresent()) {
            throw Members.invalid("Please specify either number of bytes or key spec.");
        }
        var bytes = length.orElseGet(() -> bytesOf(spec.orElseThrow()));
        return generateDataKey(
                requester(input, request), action, keyId, bytes, encryptionContext(input, "EncryptionContext"));
    }

    private static int bytesOf(String spec) {
        return spec.equals("AES_256") ? AES_256 : 16;
    }

    KmsService.DataKey generateDataKey(
            Requester requester, String action, String keyId, int bytes, Map<String, String> context) {
        var key = authorized(requester, action, keyId, context);
        var plaintext = new byte[bytes];
        RANDOM.nextBytes(plaintext);
        return new KmsService.DataKey(
                key.arn(),
                plaintext,
                cryptography.encrypt(key, plaintext, context).bytes());
    }

    JsonNode encrypt(ObjectNode input, AwsRequest request) {
        var keyId = Members.keyId(input);
        var plaintext = Members.requiredBlob(input, "Plaintext", 4096);
        Members.onlyAccepts(input, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
        var context = encryptionContext(input, "EncryptionContext");
        var key = authorized(requester(input, request), "kms:Encrypt", keyId, context);
        return Json.object()
                .put(
                        "CiphertextBlob",
                        cryptography.encrypt(key, plaintext, context).bytes())
                .put("KeyId", key.arn())
                .put("EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
    }

    JsonNode decrypt(ObjectNode input, AwsRequest request) {
        var encrypted = Members.requiredBlob(input, "CiphertextBlob", 6144);
        Members.onlyAccepts(input, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
        var keyId = Members.text(input, "KeyId", 1, 2048);
        var context = encryptionContext(input, "EncryptionContext");
        var decrypted = decrypt(requester(input, request), "kms:Decrypt", encrypted, keyId, context);
        return Json.object()
                .put("KeyId", decrypted.key().arn())
                .put("Plaintext", decrypted.plaintext())
                .put("EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
    }

    /** A plaintext, and the key that its ciphertext named. */
    record Decrypted(KmsKey key, byte[] plaintext) {}

    /** @param expectedKeyId the key that must have made the ciphertext; empty to go by the ciphertext alone */
    Decrypted decrypt(
            Requester requester,
            String action,
            byte[] encrypted,
            Optional<String> expectedKeyId,
            Map<String, String> context) {
        var blob = CiphertextBlob.parse(encrypted);
        var expected = expectedKeyId.map(keys::find);
        if (expected.isPresent() && !expected.get().keyId().equals(blob.keyId())) {
            throw AwsException.badRequest(
                    "IncorrectKeyException",
                    "The key ID in the request does not identify a CMK that can perform this operation.");
        }
        var arn = keys.arn("key/" + blob.keyId());
        if (keys.byId(blob.keyId()).isEmpty()) {
            throw AwsException.badRequest(
                    "AccessDeniedException",
                    "The ciphertext refers to a customer master key that does not exist, does not exist in this region,"
                            + " or you are not allowed to access.");
        }
        var key = authorized(requester, action, expectedKeyId.orElse(arn), context);
        return new Decrypted(key, cryptography.decrypt(key, blob, context));
    }

    JsonNode reEncrypt(ObjectNode input, AwsRequest request) {
        var encrypted = Members.requiredBlob(input, "CiphertextBlob", 6144);
        var destinationKeyId = Members.required(input, "DestinationKeyId", 1, 2048);
        Members.onlyAccepts(input, "SourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT");
        Members.onlyAccepts(input, "DestinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT");
        var reEncrypted = reEncrypt(
                requester(input, request),
                encrypted,
                Members.text(input, "SourceKeyId", 1, 2048),
                encryptionContext(input, "SourceEncryptionContext"),
                destinationKeyId,
                encryptionContext(input, "DestinationEncryptionContext"));
        return Json.object()
                .put("CiphertextBlob", reEncrypted.encrypted())
                .put("SourceKeyId", reEncrypted.sourceKeyArn())
                .put("KeyId", reEncrypted.keyArn())
                .put("SourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT")
                .put("DestinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT");
    }

    /** A ciphertext under another key or context than before. */
    record ReEncrypted(String sourceKeyArn, String keyArn, byte[] encrypted) {}

    ReEncrypted reEncrypt(
            Requester requester,
            byte[] encrypted,
            Optional<String> sourceKeyId,
            Map<String, String> sourceContext,
            String destinationKeyId,
            Map<String, String> destinationContext) {
        // A dry run ends where the last right is checked, so the source's check must not end it.
        var real = new Requester(requester.caller(), requester.viaService(), false);
        var source = decrypt(real, "kms:ReEncryptFrom", encrypted, sourceKeyId, sourceContext);
        var destination = authorized(requester, "kms:ReEncryptTo", destinationKeyId, destinationContext);
        var blob = cryptography.encrypt(destination, source.plaintext(), destinationContext);
        return new ReEncrypted(source.key().arn(), destination.arn(), blob.bytes());
    }

    private KmsKey authorized(Requester requester, String action, String keyId, Map<String, String> context) {
        var key = keys.find(keyId);
        var conditions = new HashMap<>(keys.requestAlias(keyId));
        context.forEach((name, value) -> conditions.put("kms:EncryptionContext:" + name, value));
        requester.viaService().ifPresent(service -> {
            conditions.put("kms:ViaService", service);
            conditions.put("aws:ViaAWSService", "true");
        });
        access.require(requester.caller(), action, key, conditions);
        if (requester.dryRun()) {
            cryptography.usable(key);
            throw new AwsException(
                    "DryRunOperationException", 412, "The request would have succeeded, but the DryRun option is set.");
        }
        return key;
    }

    private static Requester requester(ObjectNode input, AwsRequest request) {
        if (input.hasNonNull("Recipient")) {
            throw AwsException.badRequest(
                    "UnsupportedOperationException",
                    "The embedded KMS knows no Nitro Enclaves: Recipient is not accepted.");
        }
        if (!input.path("GrantTokens").isEmpty()) {
            throw AwsException.badRequest(
                    "InvalidGrantTokenException", "Invalid grant token: the embedded KMS has no grants.");
        }
        return new Requester(request.caller(), Optional.empty(), Members.flag(input, "DryRun"));
    }

    private static Map<String, String> encryptionContext(ObjectNode input, String member) {
        var context = Members.map(input, member);
        if (context.keySet().stream().anyMatch(String::isEmpty)) throw Members.invalid(member + " has an empty key.");
        return context;
    }
}
