package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Optional;

/**
 * What the user asks of a re-encryption of what already lies in a bucket.
 *
 * @param bucket one of a deployment's buckets
 * @param prefix of the keys of objects; "" for all
 * @param versions CURRENT, or ALL for noncurrent ones, too
 * @param inventory S3 URI of an inventory's manifest; "" to list the bucket itself
 * @param dryRun whether everything is read and nothing changed
 * @param pageSize object versions of a page, 1 to 1,000
 * @param concurrency child executions at a time, 1 to 1,000
 * @param toleratedFailurePercentage of the pages, 0 to 100
 * @param release whether objects leave the deployment's keys, which only a teardown may ask for
 */
record ReencryptionRequest(
        String bucket,
        String prefix,
        String versions,
        String inventory,
        boolean dryRun,
        int pageSize,
        int concurrency,
        BigDecimal toleratedFailurePercentage,
        boolean release) {
    private static final int LARGEST_PAGE = 1000;
    private static final int DEFAULT_PAGE = 500;

    /** Concurrent child executions of a distributed Map that are of use. */
    private static final int MOST_CHILDREN = 1000;

    /** Each runs one of the account's Lambda functions, of which a new account may run 10. */
    private static final int DEFAULT_CHILDREN = 3;

    private static final BigDecimal ALL_PERCENT = BigDecimal.valueOf(100);

    /** Reads the execution input. Every problem is reported; what has one falls back to something harmless. */
    static ReencryptionRequest read(JsonNode input, Problems problems) {
        var fields = Fields.of(input, problems);
        var request = new ReencryptionRequest(
                bucket(fields, problems),
                fields.text("prefix").orElse(""),
                versions(fields, problems),
                inventory(fields, problems),
                fields.flag("dryRun").orElse(false),
                number(fields, "pageSize", LARGEST_PAGE, DEFAULT_PAGE, problems),
                number(fields, "concurrency", MOST_CHILDREN, DEFAULT_CHILDREN, problems),
                percentage(fields, problems),
                fields.flag("release").orElse(false));
        fields.refuseOthers();
        return request;
    }

    private static String bucket(Fields fields, Problems problems) {
        var bucket = fields.text("bucket");
        if (bucket.isEmpty() && !problems.concern("bucket")) {
            problems.add("bucket", "is missing: the name of a deployment's bucket");
        }
        bucket.flatMap(BucketName::problem).ifPresent(problem -> problems.add("bucket", problem));
        return bucket.orElse("");
    }

    private static String versions(Fields fields, Problems problems) {
        var versions = fields.text("versions").orElse("CURRENT");
        if (!versions.matches("CURRENT|ALL")) {
            problems.add("versions", "must be CURRENT or ALL, not \"" + versions + "\"");
        }
        return versions;
    }

    private static String inventory(Fields fields, Problems problems) {
        var inventory = fields.text("inventory").orElse("");
        var problem = inventory.isEmpty() || inventory.matches("s3://[^/]+/.+/manifest\\.json")
                ? Optional.<String>empty()
                : Optional.of("must be the S3 URI of an S3 Inventory's manifest.json, s3://BUCKET/…/manifest.json");
        problem.ifPresent(text -> problems.add("inventory", text));
        return inventory;
    }

    private static int number(Fields fields, String name, int most, int otherwise, Problems problems) {
        int number = fields.integer(name).orElse(otherwise);
        if (number < 1 || number > most) problems.add(name, "must be from 1 to " + most + ", not " + number);
        return number;
    }

    private static BigDecimal percentage(Fields fields, Problems problems) {
        var name = "toleratedFailurePercentage";
        var percentage = fields.decimal(name).orElse(BigDecimal.ZERO);
        if (percentage.signum() < 0 || percentage.compareTo(ALL_PERCENT) > 0) {
            problems.add(name, "must be from 0 to 100, not " + percentage.toPlainString());
        }
        return percentage;
    }
}
