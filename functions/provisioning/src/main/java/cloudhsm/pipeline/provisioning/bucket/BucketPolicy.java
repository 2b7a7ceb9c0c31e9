package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;

/** The bucket's policy: what its owner wrote, and one statement of ours, known by its Sid. */
final class BucketPolicy {
    static final String SID = "CloudHsmPipelineTlsOnly";

    private BucketPolicy() {}

    /**
     * The policy with every statement it has, and ours added or brought up to date.
     *
     * @param existing the policy document as S3 returns it; empty if the bucket has none
     */
    static String merged(Optional<String> existing, String bucketArn) {
        var policy = existing.map(BucketPolicy::parsed)
                .orElseGet(() -> Json.MAPPER.createObjectNode().put("Version", "2012-10-17"));
        policy.set("Statement", others(policy).add(tlsOnly(bucketArn)));
        return policy.toString();
    }

    /** The policy without the statement of ours; empty where there is no other one. */
    static Optional<String> withoutOurs(String existing) {
        var policy = parsed(existing);
        var others = others(policy);
        policy.set("Statement", others);
        return others.isEmpty() ? Optional.empty() : Optional.of(policy.toString());
    }

    /** One statement may stand for itself, without an array. */
    private static ArrayNode others(ObjectNode policy) {
        var others = Json.MAPPER.createArrayNode();
        var statements = policy.path("Statement");
        if (statements.isObject()) keep(statements, others);
        else statements.forEach(statement -> keep(statement, others));
        return others;
    }

    /** Whether the two documents say the same, whatever their spelling of white space and order of members. */
    static boolean same(Optional<String> existing, String wanted) {
        return existing.filter(policy -> parsed(policy).equals(parsed(wanted))).isPresent();
    }

    private static void keep(JsonNode statement, ArrayNode statements) {
        if (!SID.equals(statement.path("Sid").asText())) statements.add(statement);
    }

    private static ObjectNode tlsOnly(String bucketArn) {
        var statement = Json.MAPPER
                .createObjectNode()
                .put("Sid", SID)
                .put("Effect", "Deny")
                .put("Principal", "*")
                .put("Action", "s3:*");
        statement.putArray("Resource").add(bucketArn).add(bucketArn + "/*");
        statement.putObject("Condition").putObject("Bool").put("aws:SecureTransport", "false");
        return statement;
    }

    private static ObjectNode parsed(String policy) {
        try {
            return Json.MAPPER.readValue(policy, ObjectNode.class);
        } catch (JsonProcessingException malformed) {
            throw new IllegalStateException("S3 returned a bucket policy that is not JSON", malformed);
        }
    }
}
