package cloudhsm.pipeline.provisioning.preflight;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The rules for names of general purpose buckets.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html">Bucket naming rules</a>
 */
final class BucketName {
    private static final Pattern CHARACTERS = Pattern.compile("[a-z0-9.-]*");
    private static final Pattern IP_ADDRESS = Pattern.compile("[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+");
    private static final List<String> RESERVED_PREFIXES = List.of("xn--", "sthree-", "amzn-s3-demo-");
    private static final List<String> RESERVED_SUFFIXES =
            List.of("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3");

    private BucketName() {}

    /** The first rule that the name breaks, as what must be; empty if it breaks none. */
    static Optional<String> problem(String name) {
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
        for (var prefix : RESERVED_PREFIXES) {
            if (name.startsWith(prefix)) return Optional.of("must not begin with \"" + prefix + "\": reserved by S3");
        }
        for (var suffix : RESERVED_SUFFIXES) {
            if (name.endsWith(suffix)) return Optional.of("must not end with \"" + suffix + "\": reserved by S3");
        }
        return Optional.empty();
    }

    private static boolean isLetterOrDigit(char character) {
        return character != '-' && character != '.';
    }
}
