package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/**
 * Brings object versions under their bucket's key: a look with HeadObject, then UpdateObjectEncryption or a copy where
 * {@link Decision} says so. One request for an object that needs nothing, two for one that does. There are more for a
 * copy that UpdateObjectEncryption left over, above 5 GB or with an ACL, for a version that was overwritten since it was
 * listed, and to find out that an object is under SSE-C. May be repeated at any time.
 *
 * <p>It cannot loop: an update causes no event, and a copy's own event finds the object under the target key, with one
 * request.
 */
final class Reencryption {
    /** What became of one object. */
    record Result(ObjectReference object, Outcome outcome) {}

    private final S3Client s3;
    private final Settings settings;
    private final Clock clock;
    private final TargetKeys targetKeys;
    private final Copies copies;
    private final Optional<Release> release;

    Reencryption(S3Client s3, Settings settings, Clock clock) {
        this(s3, settings, clock, Optional.empty());
    }

    /** @param release if given, objects do not come under their bucket's key but leave those of the release */
    Reencryption(S3Client s3, Settings anySettings, Clock clock, Optional<Release> release) {
        this.s3 = s3;
        this.settings = release.isPresent() ? anySettings.keepingVersions() : anySettings;
        this.clock = clock;
        this.release = release;
        targetKeys = new TargetKeys(s3, clock);
        copies = new Copies(s3, settings, clock);
    }

    /**
     * Works on many objects at the same time, at most {@link Settings#concurrency} of them.
     *
     * @param deadline what has not begun by then, or a long copy that has not ended, is given up cleanly
     * @return one for each object, in their order; no outcome is an exception
     */
    List<Result> reencrypt(List<ObjectReference> objects, Instant deadline) {
        return Parallel.map(objects, settings.concurrency(), object -> new Result(object, reencrypt(object, deadline)));
    }

    /** What {@link #reencrypt(List, Instant)} would do, found by reading only. */
    List<Result> preview(List<ObjectReference> objects) {
        return Parallel.map(objects, settings.concurrency(), object -> new Result(object, preview(object)));
    }

    /** Brings one object version under the key. */
    Outcome reencrypt(ObjectReference object, Instant deadline) {
        if (clock.instant().isAfter(deadline)) return new Outcome.Retry("OUT_OF_TIME");
        return outcome(object, false, deadline);
    }

    /** What {@link #reencrypt(ObjectReference, Instant)} would do, found by reading only. */
    Outcome preview(ObjectReference object) {
        return outcome(object, true, Instant.MAX);
    }

    private Outcome outcome(ObjectReference object, boolean preview, Instant deadline) {
        try {
            if (release.isPresent()) return new Attempt(object, release.get().returnTo(), preview, deadline).outcome();
            return switch (targetKeys.of(object.bucket())) {
                case TargetKeys.Target.Key key -> new Attempt(object, key.arn(), preview, deadline).outcome();
                case TargetKeys.Target.None none -> new Outcome.Left(none.reason());
            };
        } catch (AwsServiceException refused) {
            return Decision.refused(refused);
        } catch (SdkClientException failed) {
            return Aws.isUnreadable(failed)
                    ? new Outcome.Refused("S3_ANSWER_NOT_READABLE")
                    : new Outcome.Retry("S3_NOT_REACHED");
        } catch (RuntimeException defect) {
            // One object that this function cannot cope with must not hold up the others of its batch.
            return new Outcome.Refused(defect.getClass().getSimpleName());
        }
    }

    /** One run for one object. */
    private final class Attempt {
        private final ObjectReference meant;
        private final String targetKeyArn; // "" for SSE-S3
        private final boolean preview; // reads only
        private final Instant deadline;

        private Attempt(ObjectReference meant, String targetKeyArn, boolean preview, Instant deadline) {
            this.meant = meant;
            this.targetKeyArn = targetKeyArn;
            this.preview = preview;
            this.deadline = deadline;
        }

        private Outcome outcome() {
            if (!looksAtCurrentFirst()) return look(meant);
            if (settings.mode() == Mode.COPY) return look(meant.current());
            try {
                var current = head(meant.current());
                if (meant.hasId(current.versionId())) return decide(new Decision.Seen(current, true));
            } catch (AwsServiceException notSeen) {
                // Deleted since, or a newer version that is under SSE-C.
            }
            return look(meant);
        }

        /** A copy takes the current version's place, so what may have to be copied is looked at as the current version. */
        private boolean looksAtCurrentFirst() {
            if (meant.versionId().isEmpty() || meant.latest() == ObjectReference.Latest.NO) return false;
            return settings.mode() == Mode.COPY || meant.latest() == ObjectReference.Latest.YES;
        }

        private Outcome look(ObjectReference looked) {
            HeadObjectResponse object;
            try {
                object = head(looked);
            } catch (AwsServiceException refused) {
                return refused.statusCode() == 400 ? whyNoHead(looked, refused) : Decision.refused(refused);
            }
            return decide(new Decision.Seen(object, looked.versionId().isEmpty()));
        }

        private Outcome decide(Decision.Seen seen) {
            var asked = meant.hasId(seen.object().versionId());
            if (asked && release.filter(keys -> !keys.concerns(seen.object())).isPresent()) {
                return new Outcome.AlreadyDone();
            }
            return carryOut(seen, Decision.of(seen, meant, targetKeyArn, settings, clock.instant()));
        }

        private Outcome carryOut(Decision.Seen seen, Decision decision) {
            return switch (decision) {
                case Decision.Settled(var outcome) -> outcome;
                case Decision.LookAtCurrent look -> copyIfCurrent();
                case Decision.Act(var way) when way == Way.UPDATE -> update(seen);
                case Decision.Act(var way) -> copy(seen, way);
            };
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

        private Outcome update(Decision.Seen seen) {
            if (release.filter(Release::isToSseS3).isPresent()) return carryOut(seen, Decision.copy(seen, meant));
            var object = seen.object();
            if (preview) return new Outcome.Reencrypted(Way.UPDATE, object.contentLength());
            try {
                s3.updateObjectEncryption(request -> request.bucket(meant.bucket())
                        .key(meant.key())
                        .versionId(meant.versionId().orElse(null))
                        .objectEncryption(encryption -> encryption.ssekms(
                                kms -> kms.kmsKeyArn(targetKeyArn).bucketKeyEnabled(true))));
                return new Outcome.Reencrypted(Way.UPDATE, object.contentLength());
            } catch (AwsServiceException refused) {
                if (!Decision.isNotUpdatable(refused)) return Decision.refused(refused);
                return carryOut(seen, Decision.copy(seen, meant));
            }
        }

        /** The version was looked at by its id and can only be copied. */
        private Outcome copyIfCurrent() {
            HeadObjectResponse current;
            try {
                current = head(meant.current());
            } catch (AwsServiceException refused) {
                return Decision.refusedAsCurrent(refused);
            }
            var seen = new Decision.Seen(current, true);
            var decision = Decision.of(seen, meant, targetKeyArn, settings, clock.instant());
            return carryOut(seen, decision instanceof Decision.Act ? Decision.copy(seen, meant) : decision);
        }

        private Outcome copy(Decision.Seen seen, Way way) {
            if (preview) return new Outcome.Reencrypted(way, seen.object().contentLength());
            try {
                return copies.copy(meant, seen.object(), way, targetKeyArn, deadline);
            } catch (AwsServiceException refused) {
                return seen.current() ? Decision.refused(refused) : Decision.refusedAsCurrent(refused);
            }
        }
    }
}
