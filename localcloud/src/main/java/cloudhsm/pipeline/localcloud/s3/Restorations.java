package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Map;

/**
 * RestoreObject: brings archived data back, for some days, or, out of the tiers of INTELLIGENT_TIERING, for good. It takes
 * as long as S3 says that it takes at most.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html">RestoreObject</a>
 */
final class Restorations {
    /** [S3:restoring-objects-retrieval-options], by storage class or tier. */
    private static final Map<String, Map<String, Duration>> LONGEST = Map.of(
            "GLACIER",
            Map.of(
                    "Expedited", Duration.ofMinutes(5),
                    "Standard", Duration.ofHours(5),
                    "Bulk", Duration.ofHours(12)),
            "DEEP_ARCHIVE",
            Map.of("Standard", Duration.ofHours(12), "Bulk", Duration.ofHours(48)),
            "ARCHIVE_ACCESS",
            Map.of(
                    "Expedited", Duration.ofMinutes(5),
                    "Standard", Duration.ofHours(5),
                    "Bulk", Duration.ofHours(12)),
            "DEEP_ARCHIVE_ACCESS",
            Map.of("Standard", Duration.ofHours(12), "Bulk", Duration.ofHours(48)));

    private final Account account;
    private final Buckets buckets;
    private final ObjectOperations objects;

    Restorations(Account account, Buckets buckets, ObjectOperations objects) {
        this.account = account;
        this.buckets = buckets;
        this.objects = objects;
    }

    AwsResponse restoreObject(S3Request request) {
        var bucket = buckets.find(request);
        buckets.authorize(request, "s3:RestoreObject", request.objectArn());
        Checksums.verify(request, request.body());
        var restore = Xml.parse(request.body(), "RestoreRequest");
        restore.allowOnly("Days", "GlacierJobParameters");
        var version = objects.existing(request, bucket);
        if (version.restore.equals(ObjectVersion.RESTORE_IN_PROGRESS)) {
            throw new AwsException("RestoreAlreadyInProgress", 409, "Object restore is already in progress");
        }
        if (!version.isArchived()) {
            if (!version.restore.isEmpty())
                throw S3Errors.notImplemented("a second RestoreObject of a restored object");
            throw new AwsException(
                    "InvalidObjectState", 403, "Restore is not allowed for the object's current storage class");
        }
        var tiered = !version.archiveStatus.isEmpty();
        var days = restore.text("Days");
        if (tiered == days.isPresent()) throw Xml.malformed();
        var tier = restore.child("GlacierJobParameters")
                .map(parameters -> parameters.required("Tier"))
                .orElse("Standard");
        var takes = LONGEST.get(tiered ? version.archiveStatus : version.content.storageClass())
                .get(tier);
        if (takes == null) throw S3Errors.invalidArgument("Tier", tier, "Retrieval option is not supported here");
        version.restore = ObjectVersion.RESTORE_IN_PROGRESS;
        var what = "restoration of s3://" + request.bucket() + "/" + request.key();
        if (tiered) {
            account.time().schedule(takes, what, () -> {
                version.archiveStatus = "";
                version.restore = "";
            });
        } else {
            restoreFor(version, takes, days(days.get()), what);
        }
        return AwsResponse.empty(202);
    }

    /** The copy is there until the midnight after the last of the days [S3:restoring-objects]. */
    private void restoreFor(ObjectVersion version, Duration takes, int days, String what) {
        var ready = account.time().now().plus(takes);
        var end = ready.plus(days + 1L, ChronoUnit.DAYS).truncatedTo(ChronoUnit.DAYS);
        account.time().schedule(takes, what, () -> version.restore = ObjectVersion.restoredUntil(end));
        account.time()
                .schedule(
                        Duration.between(account.time().now(), end), "end of the " + what, () -> version.restore = "");
    }

    private static int days(String text) {
        if (!text.matches("[1-9][0-9]{0,5}")) throw Xml.malformed();
        return Integer.parseInt(text);
    }
}
