package cloudhsm.pipeline.reencryption;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What the listing needs of an execution's input. The whole input is read, also what later states use, so that
 * everything that is wrong is told before anything is changed.
 *
 * @param all whether noncurrent versions are listed, too
 * @param inventory S3 URI of an inventory's manifest; "" to list the bucket itself
 * @param pageSize object versions of a page, 1 to 1,000
 */
record ReencryptionRequest(String bucket, String prefix, boolean all, String inventory, int pageSize) {
    /** Suffixes of access points, of directory buckets and of table buckets. */
    private static final List<String> NO_BUCKETS = List.of("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3");

    private static final int LARGEST_PAGE = 1000;
    private static final int DEFAULT_PAGE = 500;

    /** Concurrent child executions of a distributed Map that are of use. */
    private static final int MOST_CHILDREN = 1000;

    private static final String KEY_ARN = "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+";

    /**
     * Reads an execution's input.
     *
     * @param input as Lambda reads JSON; null if there is none
     * @param problems gets a sentence for everything that is wrong; then the record is not to be used
     */
    static ReencryptionRequest read(Object input, List<String> problems) {
        if (!(input instanceof Map<?, ?>)) {
            problems.add("input: the execution input must be a JSON object.");
            return new ReencryptionRequest("", "", false, "", DEFAULT_PAGE);
        }
        var fields = new Fields(input, "", problems);
        var bucket = fields.text("bucket", "");
        bucketProblem(bucket).ifPresent(problem -> problems.add("bucket: " + problem));
        var prefix = fields.text("prefix", "");
        var versions = fields.text("versions", "CURRENT");
        if (!versions.matches("CURRENT|ALL")) problems.add("versions: CURRENT or ALL.");
        var inventory = fields.text("inventory", "");
        inventoryProblem(inventory).ifPresent(problem -> problems.add("inventory: " + problem));
        fields.flag("dryRun");
        var pageSize = fields.number("pageSize", 1, LARGEST_PAGE, true).orElse(DEFAULT_PAGE);
        fields.number("concurrency", 1, MOST_CHILDREN, true);
        fields.number("toleratedFailurePercentage", 0, 100, false);
        fields.object("release").ifPresent(ReencryptionRequest::checkRelease);
        fields.object("adopt").ifPresent(ReencryptionRequest::checkAdoption);
        fields.refuseOthers();
        return new ReencryptionRequest(bucket, prefix, versions.equals("ALL"), inventory, pageSize.intValue());
    }

    private static void checkRelease(Fields release) {
        release.check("keyIds", "an array of the ids of KMS keys", ReencryptionRequest::areTexts);
        release.check(
                "returnTo",
                "the full ARN of a KMS key, or empty for SSE-S3",
                value -> value instanceof String text && text.matches("|" + KEY_ARN));
        release.refuseOthers();
    }

    private static boolean areTexts(Object value) {
        return value instanceof List<?> list && list.stream().allMatch(String.class::isInstance);
    }

    private static void checkAdoption(Fields adoption) {
        adoption.check(
                "deployment",
                "a deployment's name",
                value -> value instanceof String text && text.matches("[a-z0-9-]{1,32}"));
        adoption.check(
                "keyArn", "the full ARN of a KMS key", value -> value instanceof String text && text.matches(KEY_ARN));
        adoption.refuseOthers();
    }

    private static Optional<String> inventoryProblem(String inventory) {
        if (inventory.isEmpty()) return Optional.empty();
        return inventory.matches("s3://[^/]+/.+/manifest\\.json")
                ? bucketProblem(inventory.split("/", 4)[2])
                : Optional.of("the S3 URI of an S3 Inventory's manifest.json, s3://BUCKET/…/manifest.json.");
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

    private interface Test {
        boolean accepts(Object value);
    }

    /** One JSON object, member by member; what is not as it should be becomes a problem and counts as absent. */
    private static final class Fields {
        private final Map<?, ?> object;
        private final String path;
        private final List<String> problems;
        private final TreeSet<String> known = new TreeSet<>();

        Fields(Object value, String path, List<String> problems) {
            this.object = value instanceof Map<?, ?> map ? map : Map.of();
            this.path = path;
            this.problems = problems;
        }

        String text(String name, String otherwise) {
            return member(name, "text", String.class::isInstance)
                    .map(String.class::cast)
                    .orElse(otherwise);
        }

        void flag(String name) {
            member(name, "true or false", Boolean.class::isInstance);
        }

        Optional<Number> number(String name, int least, int most, boolean whole) {
            return member(
                            name,
                            (whole ? "a whole number from " : "a number from ") + least + " to " + most,
                            value -> value instanceof Number number
                                    && number.doubleValue() >= least
                                    && number.doubleValue() <= most
                                    && (!whole || number.doubleValue() == Math.rint(number.doubleValue())))
                    .map(Number.class::cast);
        }

        Optional<Fields> object(String name) {
            return member(name, "an object", Map.class::isInstance)
                    .map(value -> new Fields(value, path + name + ".", problems));
        }

        /** For a member that has to be there. */
        void check(String name, String wanted, Test test) {
            if (!object.containsKey(name)) problems.add(path + name + ": is missing: " + wanted + ".");
            member(name, wanted, test);
        }

        private Optional<Object> member(String name, String wanted, Test test) {
            known.add(name);
            if (!object.containsKey(name)) return Optional.empty();
            if (test.accepts(object.get(name))) return Optional.of(object.get(name));
            problems.add(path + name + ": must be " + wanted + ".");
            return Optional.empty();
        }

        /** Reports every member that was not asked for. */
        void refuseOthers() {
            var others = new ArrayList<String>();
            object.keySet().forEach(name -> others.add(name.toString()));
            others.removeAll(known);
            others.stream()
                    .sorted()
                    .forEach(name -> problems.add(
                            path + name + ": is not a known field; here are " + String.join(", ", known) + "."));
        }
    }
}
