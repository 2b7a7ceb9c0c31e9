package cloudhsm.pipeline.reencryption;

import java.time.Clock;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Brings one object version under its bucket's key: a look with HeadObject, and UpdateObjectEncryption where it is
 * needed. No data moves, no version is made, no event follows.
 */
final class Reencryption {
    private final S3Client s3;
    private final Clock clock;
    private final TargetKeys targetKeys;

    Reencryption(S3Client s3, Clock clock) {
        this.s3 = s3;
        this.clock = clock;
        targetKeys = new TargetKeys(s3, clock);
    }

    Outcome reencrypt(UploadedObject upload) {
        try {
            return switch (targetKeys.of(upload.bucket())) {
                case TargetKeys.Target.Key key -> reencrypt(upload, key.arn());
                case TargetKeys.Target.None none -> new Outcome.Left(none.reason());
            };
        } catch (AwsServiceException refused) {
            return Decision.refused(refused);
        } catch (SdkClientException unreachable) {
            return new Outcome.Retry("S3_NOT_REACHED");
        }
    }

    private Outcome reencrypt(UploadedObject upload, String targetKeyArn) {
        try {
            var object = s3.headObject(request -> request.bucket(upload.bucket())
                    .key(upload.key())
                    .versionId(upload.versionId().orElse(null)));
            var settled = Decision.settled(object, upload, targetKeyArn, clock.instant());
            return settled.isPresent() ? settled.get() : update(upload, targetKeyArn, "REFUSED_BY_S3");
        } catch (AwsServiceException refused) {
            // SSE-C: S3 answers HEAD only to those who have the key, with a bare 400. So does it to expired
            // credentials, so let the update, whose answer has a body, say which it is.
            if (refused.statusCode() == 400) return update(upload, targetKeyArn, "SSE_C");
            return Decision.refused(refused);
        }
    }

    private Outcome update(UploadedObject upload, String targetKeyArn, String reasonIfInvalid) {
        try {
            s3.updateObjectEncryption(request -> request.bucket(upload.bucket())
                    .key(upload.key())
                    .versionId(upload.versionId().orElse(null))
                    .objectEncryption(encryption ->
                            encryption.ssekms(kms -> kms.kmsKeyArn(targetKeyArn).bucketKeyEnabled(true))));
            return new Outcome.Reencrypted();
        } catch (AwsServiceException refused) {
            return Decision.updateRefused(refused, reasonIfInvalid);
        }
    }
}
