package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Lists a bucket's objects, or the rows of an S3 Inventory of it, into pages: objects in the evidence bucket that name up
 * to 1,000 object versions each. Lists for as long as an invocation lasts and says where the next one goes on.
 *
 * <p>Refusals that need a person are values, {@code failed}, so that the state machine can end under their name.
 */
public final class ListObjects implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    /** What is left of an invocation when it stops listing: more than one page or inventory file ever takes. */
    private static final int SPARE_MILLISECONDS = 120_000;

    /** Suffixes of access points, of directory buckets and of table buckets. */
    private static final List<String> NO_BUCKETS = List.of("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3");

    private final S3Client s3;
    private final String resultsBucket;

    /** Called by Lambda, once per execution environment. */
    public ListObjects() {
        this(Aws.s3(), System.getenv("RESULTS_BUCKET"));
    }

    ListObjects(S3Client s3, String resultsBucket) {
        this.s3 = s3;
        this.resultsBucket = resultsBucket;
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> input, Context context) {
        var problems = problems(input);
        if (!problems.isEmpty()) return failed("INVALID_INPUT", String.join(" ", problems) + " Nothing was changed.");
        var pages =
                new Pages(s3, resultsBucket, text(input, "folder"), number(input, "pages"), number(input, "objects"));
        var position = text(input, "position");
        try {
            var source = source(input);
            do {
                position = source.list(pages, position);
            } while (!position.isEmpty() && context.getRemainingTimeInMillis() > SPARE_MILLISECONDS);
        } catch (Inventory.UnusableException unusable) {
            return failed("INVENTORY_UNUSABLE", unusable.getMessage());
        } catch (AwsServiceException refused) {
            if (refused.statusCode() >= 500) throw refused;
            return failed(
                    "LISTING_REFUSED",
                    "S3 refuses to list s3://" + text(input, "bucket") + ": " + Decision.code(refused)
                            + ". Nothing was changed. Next: check the bucket's name and Region, its policy, the"
                            + " template's parameter BucketNamePattern and, of an inventory, its URI and key.");
        }
        return Map.of("position", position, "pages", pages.count(), "objects", pages.objects());
    }

    private ObjectSource source(Map<String, Object> input) throws Inventory.UnusableException {
        var bucket = text(input, "bucket");
        var prefix = text(input, "prefix");
        var all = text(input, "versions").equals("ALL");
        var inventory = text(input, "inventory");
        return inventory.isEmpty()
                ? new Listing(s3, bucket, prefix, all, number(input, "pageSize"))
                : Inventory.open(s3, bucket, prefix, all, inventory, number(input, "pageSize"));
    }

    private static List<String> problems(Map<String, Object> input) {
        var problems = new ArrayList<String>();
        bucketProblem(text(input, "bucket")).ifPresent(problem -> problems.add("bucket: " + problem));
        if (!text(input, "versions").matches("CURRENT|ALL")) problems.add("versions: CURRENT or ALL.");
        var inventory = text(input, "inventory");
        if (!inventory.isEmpty() && !inventory.matches("s3://[^/]+/.+/manifest\\.json")) {
            problems.add("inventory: the S3 URI of an S3 Inventory's manifest.json, s3://BUCKET/…/manifest.json.");
        } else if (!inventory.isEmpty()) {
            bucketProblem(inventory.split("/", 4)[2]).ifPresent(problem -> problems.add("inventory: " + problem));
        }
        if (number(input, "pageSize") < 1 || number(input, "pageSize") > 1000) problems.add("pageSize: 1 to 1000.");
        return problems;
    }

    /**
     * What a bucket that exists cannot be called. Those of us-east-1 that were made before March 2018 may have capitals,
     * underscores and 255 characters; what the suffixes name is no general purpose bucket.
     */
    private static Optional<String> bucketProblem(String name) {
        if (!name.matches("[A-Za-z0-9._-]{3,255}")) return Optional.of("needs a bucket's name.");
        return NO_BUCKETS.stream()
                .filter(name::endsWith)
                .findFirst()
                .map(suffix -> "\"" + name + "\" names no general purpose bucket, because it ends with \"" + suffix
                        + "\"; give the bucket's own name.");
    }

    private static Map<String, Object> failed(String error, String cause) {
        return Map.of("failed", Map.of("error", error, "cause", cause));
    }

    private static String text(Map<String, Object> input, String name) {
        return Optional.ofNullable(input.get(name)).map(Object::toString).orElse("");
    }

    private static int number(Map<String, Object> input, String name) {
        return input.get(name) instanceof Number number ? number.intValue() : 0;
    }
}
