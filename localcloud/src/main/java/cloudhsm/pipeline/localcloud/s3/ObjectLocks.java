package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.Set;

/**
 * S3 Object Lock.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html">Locking objects</a>
 */
final class ObjectLocks {
    private static final Set<String> MODES = Set.of("GOVERNANCE", "COMPLIANCE");

    private final Account account;
    private final Buckets buckets;
    private final ObjectOperations objects;

    /** What new objects get; days only, a year counts 365. */
    record DefaultRetention(String mode, int days) {}

    ObjectLocks(Account account, Buckets buckets, ObjectOperations objects) {
        this.account = account;
        this.buckets = buckets;
        this.objects = objects;
    }

    AwsResponse putObjectLockConfiguration(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketObjectLockConfiguration");
        if (bucket.versioning != Bucket.Versioning.ENABLED) {
            throw new AwsException(
                    "InvalidBucketState",
                    409,
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
        }
        var configuration = Xml.parse(request.body(), "ObjectLockConfiguration");
        if (!configuration.text("ObjectLockEnabled").equals(Optional.of("Enabled"))) throw Xml.malformed();
        bucket.defaultRetention = configuration
                .child("Rule")
                .flatMap(rule -> rule.child("DefaultRetention"))
                .map(ObjectLocks::defaultRetention);
        bucket.objectLock = true;
        return AwsResponse.empty(200);
    }

    private static DefaultRetention defaultRetention(Xml retention) {
        if (retention.child("Days").isPresent() == retention.child("Years").isPresent()) throw Xml.malformed();
        try {
            var days = retention.child("Days").isPresent()
                    ? Integer.parseInt(retention.required("Days"))
                    : 365 * Integer.parseInt(retention.required("Years"));
            return new DefaultRetention(mode(retention.required("Mode")), days);
        } catch (NumberFormatException noNumber) {
            throw Xml.malformed();
        }
    }

    private static String mode(String mode) {
        if (!MODES.contains(mode)) throw Xml.malformed();
        return mode;
    }

    AwsResponse getObjectLockConfiguration(S3Request request) {
        var bucket = buckets.authorized(request, "s3:GetBucketObjectLockConfiguration");
        if (!bucket.objectLock) {
            throw new AwsException(
                    "ObjectLockConfigurationNotFoundError",
                    404,
                    "Object Lock configuration does not exist for this bucket");
        }
        var answer = XmlText.document("ObjectLockConfiguration").put("ObjectLockEnabled", "Enabled");
        bucket.defaultRetention.ifPresent(retention -> answer.open("Rule")
                .open("DefaultRetention")
                .put("Mode", retention.mode())
                .put("Days", retention.days())
                .close("DefaultRetention")
                .close("Rule"));
        return answer.response();
    }

    AwsResponse putObjectRetention(S3Request request) {
        var version = lockable(request, "s3:PutObjectRetention");
        var retention = Xml.parse(request.body(), "Retention");
        var now = account.time().now();
        var mode = retention.text("Mode").map(ObjectLocks::mode).orElse("");
        var until = retention.text("RetainUntilDate").map(ObjectLocks::date).orElse(Instant.EPOCH);
        if (mode.isEmpty() != until.equals(Instant.EPOCH)) throw Xml.malformed();
        if (!mode.isEmpty() && !until.isAfter(now)) {
            throw S3Errors.invalidArgument(
                    "RetainUntilDate", until.toString(), "The retain until date must be in the future!");
        }
        var weaker = until.isBefore(version.lock.retainUntil())
                || version.lock.mode().equals("COMPLIANCE") && !mode.equals("COMPLIANCE");
        if (version.lock.retains(now) && weaker && !bypasses(request, version, buckets)) throw locked();
        version.lock = new ObjectVersion.Lock(mode, until, version.lock.legalHold());
        return AwsResponse.empty(200);
    }

    private static Instant date(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException noDate) {
            throw Xml.malformed();
        }
    }

    AwsResponse getObjectRetention(S3Request request) {
        var version = lockable(request, "s3:GetObjectRetention");
        if (version.lock.mode().isEmpty()) throw noConfiguration();
        return XmlText.document("Retention")
                .put("Mode", version.lock.mode())
                .put("RetainUntilDate", ObjectVersion.xmlDate(version.lock.retainUntil()))
                .response();
    }

    AwsResponse putObjectLegalHold(S3Request request) {
        var version = lockable(request, "s3:PutObjectLegalHold");
        var status = Xml.parse(request.body(), "LegalHold").required("Status");
        if (!status.equals("ON") && !status.equals("OFF")) throw Xml.malformed();
        version.lock = new ObjectVersion.Lock(version.lock.mode(), version.lock.retainUntil(), status.equals("ON"));
        return AwsResponse.empty(200);
    }

    AwsResponse getObjectLegalHold(S3Request request) {
        var version = lockable(request, "s3:GetObjectLegalHold");
        return XmlText.document("LegalHold")
                .put("Status", version.lock.legalHold() ? "ON" : "OFF")
                .response();
    }

    private ObjectVersion lockable(S3Request request, String action) {
        var bucket = buckets.find(request);
        var version = objects.readable(request, bucket, action, action);
        if (!bucket.objectLock) throw S3Errors.invalidRequest("Bucket is missing Object Lock Configuration");
        return version;
    }

    private static AwsException noConfiguration() {
        return new AwsException(
                "NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration");
    }

    /** The lock of a new object: what its headers say, or else the bucket's default. */
    static ObjectVersion.Lock ofUpload(S3Request request, Bucket bucket, Buckets buckets, Instant now) {
        var mode = request.header("x-amz-object-lock-mode");
        var until = request.header("x-amz-object-lock-retain-until-date");
        var hold = request.header("x-amz-object-lock-legal-hold");
        if ((mode.isPresent() || hold.isPresent()) && !bucket.objectLock) {
            throw S3Errors.invalidRequest("Bucket is missing Object Lock Configuration");
        }
        if (mode.isPresent() != until.isPresent()) {
            throw S3Errors.invalidArgument(
                    "x-amz-object-lock-mode",
                    mode.orElse(""),
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
        }
        if (mode.isPresent()) buckets.authorize(request, "s3:PutObjectRetention", request.objectArn());
        if (hold.isPresent()) buckets.authorize(request, "s3:PutObjectLegalHold", request.objectArn());
        var held = hold.equals(Optional.of("ON"));
        if (mode.isPresent()) {
            if (!MODES.contains(mode.get())) {
                throw S3Errors.invalidArgument("x-amz-object-lock-mode", mode.get(), "Unknown wormMode directive.");
            }
            return new ObjectVersion.Lock(mode.get(), date(until.orElseThrow()), held);
        }
        return bucket.defaultRetention
                .map(standard ->
                        new ObjectVersion.Lock(standard.mode(), now.plus(Duration.ofDays(standard.days())), held))
                .orElse(new ObjectVersion.Lock("", Instant.EPOCH, held));
    }

    /** @throws AwsException AccessDenied where Object Lock protects the version */
    static void requireDeletable(S3Request request, ObjectVersion version, Buckets buckets, Instant now) {
        if (!version.lock.holdsAt(now)) return;
        if (version.lock.legalHold() || !bypasses(request, version, buckets)) throw locked();
    }

    private static boolean bypasses(S3Request request, ObjectVersion version, Buckets buckets) {
        return version.lock.mode().equals("GOVERNANCE")
                && request.header("x-amz-bypass-governance-retention")
                        .filter("true"::equalsIgnoreCase)
                        .isPresent()
                && buckets.allows(request, "s3:BypassGovernanceRetention", request.objectArn());
    }

    static AwsException locked() {
        return S3Errors.accessDenied("Access Denied because object protected by object lock.");
    }
}
