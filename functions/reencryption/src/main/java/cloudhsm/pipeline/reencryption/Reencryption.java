package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/**
 * Brings object versions under their bucket's key: a look with HeadObject, then UpdateObjectEncryption or a copy where
 * {@link Decision} says so. One request for an object that is done already, two for one that is not; only in a copy
 * that UpdateObjectEncryption left over, above 5 GB or with ACLs there are more. May be repeated at any time.
 *
 * <p>It cannot loop: an update causes no event, and a copy's own event finds the object under the target key.
 */
final class Reencryption {
    private final S3Client s3;
    private final Settings settings;
    private final Clock clock;
    private final TargetKeys targetKeys;
    private final Copies copies;

    Reencryption(S3Client s3, Settings settings, Clock clock) {
        this.s3 = s3;
        this.settings = settings;
        this.clock = clock;
        targetKeys = new TargetKeys(s3, clock);
        copies = new Copies(s3, settings, clock);
    }

    /**
     * Works on many objects at the same time, at most {@link Settings#concurrency} of them.
     *
     * @param deadline what has not begun by then, or a long copy that has not ended, is given up cleanly
     * @return one outcome for each object, in their order; no outcome is an exception
     */
    List<Outcome> reencrypt(List<ObjectReference> objects, Instant deadline) {
        return Parallel.map(objects, settings.concurrency(), object -> reencrypt(object, deadline));
    }

    /** Brings one object version under the key. */
    Outcome reencrypt(ObjectReference object, Instant deadline) {
        if (clock.instant().isAfter(deadline)) return new Outcome.Retry("OUT_OF_TIME");
        return outcome(object, true, deadline);
    }

    /** What {@link #reencrypt} would do, found by reading only. */
    Outcome preview(ObjectReference object) {
        return outcome(object, false, Instant.MAX);
    }

    private Outcome outcome(ObjectReference object, boolean act, Instant deadline) {
        try {
            return switch (targetKeys.of(object.bucket())) {
                case TargetKeys.Target.Key key -> new Attempt(object, key.arn(), act, deadline).outcome();
                case TargetKeys.Target.None none -> new Outcome.Left(none.reason());
            };
        } catch (AwsServiceException refused) {
            return Decision.refused(refused);
        } catch (SdkClientException unreachable) {
            return new Outcome.Retry("S3_NOT_REACHED");
        } catch (RuntimeException defect) {
            // One object that this function cannot cope with must not hold up the others of its batch.
            return new Outcome.Refused(defect.getClass().getSimpleName());
        }
    }

    /** One run for one object. */
    private final class Attempt {
        private final ObjectReference meant;
        private final String targetKeyArn;
        private final boolean act;
        private final Instant deadline;

        private Attempt(ObjectReference meant, String targetKeyArn, boolean act, Instant deadline) {
            this.meant = meant;
            this.targetKeyArn = targetKeyArn;
            this.act = act;
            this.deadline = deadline;
        }

        private Outcome outcome() {
            // Only the current version can be copied, so in COPY mode that is the one to look at.
            var looked = settings.mode() == Mode.COPY ? meant.current() : meant;
            HeadObjectResponse object;
            try {
                object = head(looked);
            } catch (AwsServiceException refused) {
                return refused.statusCode() == 400 ? whyNoHead(looked, refused) : Decision.refused(refused);
            }
            return switch (decide(object)) {
                case Decision.Settled settled -> settled.outcome();
                case Decision.Act(var way) when way == Way.UPDATE -> update(object);
                case Decision.Act(var way) -> copy(object, looked, way);
            };
        }

        private Decision decide(HeadObjectResponse object) {
            return Decision.of(object, meant, targetKeyArn, settings, clock.instant());
        }

        private HeadObjectResponse head(ObjectReference object) {
            return s3.headObject(request -> request.bucket(object.bucket())
                    .key(object.key())
                    .versionId(object.versionId().orElse(null)));
        }

        /**
         * SSE-C: S3 answers HEAD only to those who have the key, with a bare 400. So does it to expired credentials,
         * therefore GET, whose refusal has a body, says which it is. On the condition that no ETag fits, it never
         * answers with data.
         */
        private Outcome whyNoHead(ObjectReference object, AwsServiceException bare) {
            try {
                s3.getObject(request -> request.bucket(object.bucket())
                                .key(object.key())
                                .versionId(object.versionId().orElse(null))
                                .ifNoneMatch("*"))
                        .abort();
            } catch (AwsServiceException refused) {
                if (Decision.code(refused).equals("InvalidRequest")) return new Outcome.Left("SSE_C");
                if (refused.statusCode() == 400) return Decision.refused(refused);
            }
            return new Outcome.Retry(Decision.code(bare));
        }

        private Outcome update(HeadObjectResponse object) {
            if (!act) return new Outcome.Reencrypted(Way.UPDATE, object.contentLength());
            try {
                s3.updateObjectEncryption(request -> request.bucket(meant.bucket())
                        .key(meant.key())
                        .versionId(meant.versionId().orElse(null))
                        .objectEncryption(encryption -> encryption.ssekms(
                                kms -> kms.kmsKeyArn(targetKeyArn).bucketKeyEnabled(true))));
                return new Outcome.Reencrypted(Way.UPDATE, object.contentLength());
            } catch (AwsServiceException refused) {
                if (!Decision.isNotUpdatable(refused)) return Decision.refused(refused);
                return switch (Decision.copy(object)) {
                    case Decision.Settled settled -> settled.outcome();
                    case Decision.Act(var way) -> copy(object, meant, way);
                };
            }
        }

        /** @param looked what the object was asked by; a version looked at by its id need not be the current one */
        private Outcome copy(HeadObjectResponse object, ObjectReference looked, Way way) {
            if (looked.versionId().isPresent()
                    && decide(head(meant.current())) instanceof Decision.Settled(var outcome)) {
                return outcome;
            }
            if (!act) return new Outcome.Reencrypted(way, object.contentLength());
            return copies.copy(meant, object, way, targetKeyArn, deadline);
        }
    }
}
