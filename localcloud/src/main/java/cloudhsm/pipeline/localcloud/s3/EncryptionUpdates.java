package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * UpdateObjectEncryption: puts a version's data key under another KMS key. The data, the version, its ETag, dates and
 * metadata stay; no event tells of it.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html">UpdateObjectEncryption</a>
 */
final class EncryptionUpdates {
    private static final Pattern KEY_ARN =
            Pattern.compile("arn:aws[a-zA-Z0-9-]*:kms:([a-z0-9-]+):([0-9]{12}):key/[a-zA-Z0-9-]+");

    private final Account account;
    private final Buckets buckets;
    private final ObjectOperations objects;
    private final DataKeys dataKeys;
    private boolean refused;

    EncryptionUpdates(Account account, Buckets buckets, ObjectOperations objects, DataKeys dataKeys) {
        this.account = account;
        this.buckets = buckets;
        this.objects = objects;
        this.dataKeys = dataKeys;
    }

    /** While this is on, the operation serves no object. */
    void refuse(boolean all) {
        refused = all;
    }

    AwsResponse updateObjectEncryption(S3Request request) {
        var bucket = buckets.find(request);
        if (refused) throw S3Errors.invalidRequest("UpdateObjectEncryption does not serve this key");
        Checksums.verify(request, request.body());
        var target = target(Xml.parse(request.body(), "ObjectEncryption"));
        // AWS's list of permissions names both.
        buckets.authorize(request, "s3:UpdateObjectEncryption", request.objectArn());
        buckets.authorize(request, "s3:PutObject", request.objectArn(), Map.of(Buckets.KMS_KEY_ID, target.keyArn()));
        var version = objects.existing(request, bucket);
        if (version.lock.holdsAt(objects.now())) throw ObjectLocks.locked();
        switch (version.encryption.type()) {
            case UNENCRYPTED -> throw refused("is not encrypted");
            case DSSE_KMS -> throw refused("is encrypted with DSSE-KMS");
            case SSE_C -> throw refused("is encrypted with SSE-C");
            case SSE_S3, SSE_KMS -> {
                var sealed = dataKeys.rewrap(request.caller(), request, version.encryption, version.dataKey, target);
                version.encryption = sealed.encryption();
                version.dataKey = sealed.key();
            }
        }
        return AwsResponse.empty(200);
    }

    private Encryption target(Xml objectEncryption) {
        objectEncryption.allowOnly("SSE-KMS");
        var kms = objectEncryption.child("SSE-KMS").orElseThrow(Xml::malformed);
        kms.allowOnly("KMSKeyArn", "BucketKeyEnabled");
        var keyArn = kms.required("KMSKeyArn");
        var matcher = KEY_ARN.matcher(keyArn);
        if (!matcher.matches()) {
            throw S3Errors.invalidRequest("The KMS key must be given by its full ARN, arn:aws:kms:…:key/…; key ids and"
                    + " aliases are not supported");
        }
        if (!matcher.group(1).equals(account.region()) || !matcher.group(2).equals(Iam.ACCOUNT)) {
            throw S3Errors.invalidRequest(
                    "The KMS key must be in the bucket's Region and in the bucket owner's account");
        }
        return Encryption.kms(
                keyArn, kms.text("BucketKeyEnabled").filter("true"::equals).isPresent());
    }

    private static RuntimeException refused(String why) {
        return S3Errors.invalidRequest("The object " + why + "; UpdateObjectEncryption changes objects that are"
                + " encrypted with SSE-S3 or SSE-KMS");
    }
}
