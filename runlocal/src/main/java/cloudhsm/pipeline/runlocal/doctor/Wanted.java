package cloudhsm.pipeline.runlocal.doctor;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * What is looked at of an input of the provisioning, with the defaults that it has there. The input is judged whole by
 * the first stage, Preflight, before anything bills.
 *
 * @param vpc empty for the default VPC
 * @param subnets empty for one in each zone that offers CloudHSM
 */
record Wanted(
        String deployment,
        Optional<String> vpc,
        List<String> subnets,
        boolean adoptsCluster,
        int hsms,
        String keyStore,
        String keyAlias,
        List<Bucket> buckets) {
    /** @param name empty for the one that provisioning makes by default */
    record Bucket(Optional<String> name, boolean adopt) {
        private static Bucket of(JsonNode bucket) {
            return new Bucket(text(bucket, "name"), bucket.path("adopt").asBoolean(false));
        }
    }

    private static final int DEFAULT_HSMS = 2;

    static Wanted of(JsonNode input) {
        var deployment = input.path("deployment").asText("default");
        var subnets = new ArrayList<String>();
        input.path("network").path("subnetIds").forEach(id -> subnets.add(id.asText()));
        return new Wanted(
                deployment,
                text(input.path("network"), "vpcId"),
                List.copyOf(subnets),
                input.has("cluster"),
                input.path("hsm").path("count").asInt(DEFAULT_HSMS),
                text(input.path("keyStore"), "name").orElse("cloudhsm-" + deployment),
                text(input.path("key"), "alias").orElse("alias/cloudhsm-" + deployment),
                input.has("buckets")
                        ? StreamSupport.stream(input.path("buckets").spliterator(), false)
                                .map(Bucket::of)
                                .toList()
                        : List.of(Bucket.of(input.path("bucket"))));
    }

    private static Optional<String> text(JsonNode node, String member) {
        return Optional.of(node.path(member).asText()).filter(text -> !text.isEmpty());
    }

    String nameOf(Bucket bucket, Caller caller, String region) {
        return bucket.name().orElse("cloudhsm-" + deployment + "-" + caller.account() + "-" + region);
    }
}
