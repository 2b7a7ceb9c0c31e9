package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;

/**
 * What it takes to bring a whole bucket under its key by the deployed state machine {@code reencrypt-existing}: listing,
 * distributed Map, summary. Handlers, state machine and S3 run in this JVM, in simulated time.
 *
 * @param objects in the bucket
 * @param seconds of real time
 */
public record Growth(int objects, double seconds) {
    /** Simulated; far more than any number of objects takes. */
    private static final Duration LIMIT = Duration.ofDays(1);

    public double microsecondsPerObject() {
        return seconds * 1e6 / objects;
    }

    /** @throws IllegalStateException where not every object came under the key */
    static Growth measure(LocalDeployment deployment, String bucket, int objects) {
        var stateMachine = deployment.stack().outputs().get("ReencryptExistingStateMachineArn");
        var start = Json.object().put("stateMachineArn", stateMachine).put("name", bucket);
        start.put("input", Json.text(Json.object().put("bucket", bucket)));
        var started = System.nanoTime();
        var execution =
                call(deployment, "StartExecution", start).path("executionArn").asText();
        deployment.cloud().time().runUntil(() -> !status(deployment, execution).equals("RUNNING"), LIMIT);
        var seconds = (System.nanoTime() - started) / 1e9;
        var ended = describe(deployment, execution);
        var updated = ended.path("status").asText().equals("SUCCEEDED")
                ? Json.parse(ended.path("output").asText())
                        .path("outcomes")
                        .path("REENCRYPTED:UPDATE")
                        .asInt()
                : 0;
        if (updated != objects) {
            throw new IllegalStateException("Of " + objects + " objects, " + updated + " came under the key: " + ended);
        }
        return new Growth(objects, seconds);
    }

    private static String status(LocalDeployment deployment, String execution) {
        return describe(deployment, execution).path("status").asText();
    }

    private static JsonNode describe(LocalDeployment deployment, String execution) {
        return call(deployment, "DescribeExecution", Json.object().put("executionArn", execution));
    }

    private static JsonNode call(LocalDeployment deployment, String operation, ObjectNode input) {
        var cloud = deployment.cloud();
        return cloud.endpoint().call(cloud.iam().administrator(), "states", operation, input);
    }
}
