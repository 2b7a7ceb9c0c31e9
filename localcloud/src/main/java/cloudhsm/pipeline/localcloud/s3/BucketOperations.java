package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Making, finding and deleting buckets. */
final class BucketOperations {
    /**
     * 3 to 63 lower-case letters, digits, dots and hyphens; no IP address, no reserved prefix or suffix.
     *
     * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html">Naming rules</a>
     */
    private static final Pattern NAME = Pattern.compile(
            "(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)$)(?!.*\\.\\.)(?!\\d+\\.\\d+\\.\\d+\\.\\d+$)"
                + "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");

    /** Some account's regional namespace: prefix, account, Region. */
    private static final Pattern IN_A_NAMESPACE = Pattern.compile(".+-\\d{12}-[a-z]{2,}(-[a-z]+)+-\\d+-an");

    private static final String NAMESPACE = "x-amz-bucket-namespace";

    private final Account account;
    private final Buckets buckets;

    BucketOperations(Account account, Buckets buckets) {
        this.account = account;
        this.buckets = buckets;
    }

    AwsResponse createBucket(S3Request request) {
        var name = request.bucket();
        if (!NAME.matcher(name).matches()) throw invalidName(name);
        var namespace = request.header(NAMESPACE);
        requireNamespace(name, namespace);
        requireLocation(request.body());
        buckets.authorize(
                request,
                "s3:CreateBucket",
                request.bucketArn(),
                namespace
                        .map(value -> Map.of("s3:x-amz-bucket-namespace", value))
                        .orElse(Map.of()));
        var tags = Tags.ofNewBucket(request.body());
        if (!tags.isEmpty()) buckets.authorize(request, "s3:TagResource", request.bucketArn());
        AccessControl.refuse(request);
        if (buckets.byName().containsKey(name)) {
            if (buckets.areGlobal() && namespace.isEmpty()) return created(name);
            throw new AwsException(
                    "BucketAlreadyOwnedByYou",
                    409,
                    "Your previous request to create the named bucket succeeded and you already own it.",
                    Map.of("BucketName", name));
        }
        var bucket = new Bucket(name, account.time().now());
        bucket.tags = tags;
        if (request.header("x-amz-bucket-object-lock-enabled")
                .filter("true"::equalsIgnoreCase)
                .isPresent()) {
            buckets.authorize(request, "s3:PutBucketObjectLockConfiguration", request.bucketArn());
            buckets.authorize(request, "s3:PutBucketVersioning", request.bucketArn());
            bucket.objectLock = true;
            bucket.versioning = Bucket.Versioning.ENABLED;
        }
        request.header("x-amz-object-ownership").ifPresent(ownership -> {
            buckets.authorize(request, "s3:PutBucketOwnershipControls", request.bucketArn());
            bucket.objectOwnership = Optional.of(BucketConfiguration.ownership(ownership));
        });
        buckets.byName().put(name, bucket);
        return created(name);
    }

    private AwsResponse created(String name) {
        var location = buckets.areGlobal() ? "/" + name : "http://" + name + ".s3.amazonaws.com/";
        return new AwsResponse(200, Map.of("Location", location), new byte[0]);
    }

    private static AwsException invalidName(String name) {
        return new AwsException(
                "InvalidBucketName", 400, "The specified bucket is not valid.", Map.of("BucketName", name));
    }

    /**
     * A name of an account's regional namespace needs the header, the header needs a name of the caller's own, and no
     * other name ends as they do.
     *
     * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html">Namespaces</a>
     */
    private void requireNamespace(String name, Optional<String> namespace) {
        var suffix = "-" + Iam.ACCOUNT + "-" + account.region() + "-an";
        if (namespace.equals(Optional.of("account-regional"))) {
            if (name.endsWith(suffix) && name.length() > suffix.length()) return;
            throw AwsException.badRequest(
                    "InvalidNamespaceHeader",
                    "The requested bucket name did not include the account-regional namespace suffix, but the provided "
                            + NAMESPACE + " header value is account-regional. Specify " + suffix
                            + " as the bucket name suffix to create a bucket in your account-regional namespace, or"
                            + " remove the header.");
        }
        if (!name.endsWith("-an")) return;
        // Assumed: bucket-namespace
        if (!IN_A_NAMESPACE.matcher(name).matches()) throw invalidName(name);
        if (namespace.isPresent()) {
            throw AwsException.badRequest(
                    "InvalidNamespaceHeader",
                    "The requested bucket is an account-regional namespace bucket, but the provided " + NAMESPACE
                            + " header value is " + namespace.get() + ".");
        }
        throw new AwsException(
                "MissingNamespaceHeader",
                400,
                "The requested bucket is an account-regional namespace bucket, but your request is missing the"
                        + " required "
                        + NAMESPACE + " header.",
                Map.of("Header", NAMESPACE));
    }

    /** Outside us-east-1 the Region must be said, and be the endpoint's; there it must not be said. */
    private void requireLocation(byte[] body) {
        var location = body.length == 0
                ? Optional.<String>empty()
                : Xml.parse(body, "CreateBucketConfiguration").text("LocationConstraint");
        if (buckets.areGlobal()) {
            if (location.isEmpty()) return;
            // AWS makes a bucket of another Region there; the embedded AWS has one Region.
            throw S3Errors.invalidLocation(location.get());
        }
        if (location.equals(Optional.of(account.region()))) return;
        throw AwsException.badRequest(
                "IllegalLocationConstraintException",
                "The " + location.filter(text -> !text.isEmpty()).orElse("unspecified")
                        + " location constraint is incompatible for the region specific endpoint this request was sent"
                        + " to.");
    }

    AwsResponse headBucket(S3Request request) {
        buckets.authorized(request, "s3:ListBucket");
        return new AwsResponse(200, Map.of("x-amz-bucket-region", account.region()), new byte[0]);
    }

    AwsResponse deleteBucket(S3Request request) {
        var bucket = buckets.authorized(request, "s3:DeleteBucket");
        if (!bucket.objects.isEmpty()) {
            throw new AwsException(
                    "BucketNotEmpty",
                    409,
                    bucket.everVersioned()
                            ? "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                            : "The bucket you tried to delete is not empty",
                    Map.of("BucketName", bucket.name));
        }
        buckets.byName().remove(bucket.name);
        return AwsResponse.empty(204);
    }

    AwsResponse listBuckets(S3Request request) {
        buckets.authorize(request, "s3:ListAllMyBuckets", "*");
        var answer = XmlText.document("ListAllMyBucketsResult");
        answer.open("Owner").put("ID", Iam.ACCOUNT).close("Owner");
        answer.open("Buckets");
        var prefix = request.query("prefix").orElse("");
        var after = request.query("continuation-token").orElse("");
        int most = request.number("max-buckets", 10_000, 1, 10_000);
        String last = null;
        for (var bucket : buckets.byName().values()) {
            if (!bucket.name.startsWith(prefix) || bucket.name.compareTo(after) <= 0) continue;
            if (most-- == 0) {
                answer.close("Buckets").put("ContinuationToken", last);
                return answer.put("Prefix", request.query("prefix").orElse(null))
                        .response();
            }
            answer.open("Bucket").put("Name", bucket.name);
            answer.put("CreationDate", ObjectVersion.xmlDate(bucket.created))
                    .put("BucketRegion", account.region())
                    .close("Bucket");
            last = bucket.name;
        }
        return answer.close("Buckets")
                .put("Prefix", request.query("prefix").orElse(null))
                .response();
    }

    AwsResponse getBucketLocation(S3Request request) {
        buckets.authorized(request, "s3:GetBucketLocation");
        return XmlText.document("LocationConstraint")
                .append(buckets.areGlobal() ? "" : account.region())
                .response();
    }

    AwsResponse getBucketAcl(S3Request request) {
        buckets.authorized(request, "s3:GetBucketAcl");
        return AccessControl.PRIVATE.response();
    }
}
