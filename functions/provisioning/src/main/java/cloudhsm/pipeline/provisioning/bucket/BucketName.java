package cloudhsm.pipeline.provisioning.bucket;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The rules for names of general purpose buckets: those that every bucket keeps, and those that only matter where one is
 * made. A bucket that is there already may have a name that S3 gives to nobody any more.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html">Bucket naming rules</a>
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html">Namespaces</a>
 */
public final class BucketName {
    private static final Pattern CHARACTERS = Pattern.compile("[a-z0-9.-]*");
    private static final Pattern IP_ADDRESS = Pattern.compile("[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+");
    private static final List<String> RESERVED_PREFIXES = List.of("xn--", "sthree-", "amzn-s3-demo-");

    /** What has such a name is an access point, a directory bucket or a table bucket. */
    private static final List<String> NO_BUCKETS = List.of("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3");

    private static final String OF_NAMESPACES = "-an";
    private static final Set<String> REGIONS_WITHOUT_NAMESPACES = Set.of("me-south-1", "me-central-1");

    private BucketName() {}

    /** The first rule that the name breaks, whether the bucket is there or not, as what must be; empty if none. */
    public static Optional<String> problem(String name) {
        if (name.length() < 3 || name.length() > 63) {
            return Optional.of("must have 3 to 63 characters; it has " + name.length());
        }
        if (!CHARACTERS.matcher(name).matches()) {
            return Optional.of("must consist of lower-case letters, digits, hyphens and dots");
        }
        if (!isLetterOrDigit(name.charAt(0)) || !isLetterOrDigit(name.charAt(name.length() - 1))) {
            return Optional.of("must begin and end with a letter or a digit");
        }
        if (name.contains("..")) return Optional.of("must not have two dots in a row");
        if (IP_ADDRESS.matcher(name).matches()) return Optional.of("must not look like an IP address");
        for (var suffix : NO_BUCKETS) {
            if (name.endsWith(suffix)) return Optional.of("must not end with \"" + suffix + "\": reserved by S3");
        }
        return Optional.empty();
    }

    /** Why S3 would not make a bucket of this name for the account in the Region; empty if nothing is known. */
    public static Optional<String> creationProblem(String name, String account, String region) {
        for (var prefix : RESERVED_PREFIXES) {
            if (name.startsWith(prefix)) return Optional.of("must not begin with \"" + prefix + "\": reserved by S3");
        }
        if (!name.endsWith(OF_NAMESPACES)) return Optional.empty();
        if (REGIONS_WITHOUT_NAMESPACES.contains(region)) {
            return Optional.of("must not end with \"-an\": that names a bucket of an account's regional namespace, and "
                    + region + " has none");
        }
        if (isInNamespace(name, account, region)) return Optional.empty();
        return Optional.of("must not end with \"-an\", unless it is with \"" + suffix(account, region)
                + "\": S3 keeps that for buckets of the account's regional namespace");
    }

    /** Whether the name is one of the account's regional namespace, which CreateBucket has to be told. */
    static boolean isInNamespace(String name, String account, String region) {
        var suffix = suffix(account, region);
        return name.endsWith(suffix) && name.length() > suffix.length();
    }

    private static String suffix(String account, String region) {
        return "-" + account + "-" + region + OF_NAMESPACES;
    }

    private static boolean isLetterOrDigit(char character) {
        return character != '-' && character != '.';
    }
}
