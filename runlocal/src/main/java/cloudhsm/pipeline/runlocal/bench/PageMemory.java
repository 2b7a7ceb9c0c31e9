package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of the function that re-encrypts pages: one execution environment under Lambda's real runtime client, that
 * the pages of a bucket go through one after the other.
 *
 * @param objects that it had brought under the key
 * @param peakMemory that it had held by then, in bytes
 */
public record PageMemory(int objects, long peakMemory) {
    /** @throws IllegalStateException where a page failed, or not every object of it came under the key */
    static List<PageMemory> measure(LocalDeployment deployment, String bucket, int largest) {
        var folder = "reencrypt-existing/" + bucket + "/";
        var pages = list(deployment, bucket, folder);
        var measured = new ArrayList<PageMemory>();
        try (var process = deployment.cloud().lambda().separateProcess(name(deployment, "ReencryptPageFunction"))) {
            long objects = 0;
            int next = Math.max(1, largest / 100);
            for (int page = 0; page < pages; page++) {
                var input = Json.object()
                        .put("bucket", bucket)
                        .put("page", "%spages/%09d.jsonl".formatted(folder, page))
                        .put("dryRun", false)
                        .put("lastAttempt", true);
                input.putObject("release");
                objects += Function.answer(process.invoke(Json.bytes(input)))
                        .path("outcomes")
                        .path("REENCRYPTED:UPDATE")
                        .asLong();
                for (; next <= objects && next <= largest; next *= 10) {
                    measured.add(new PageMemory(next, process.peakMemory()));
                }
            }
            if (objects != largest)
                throw new IllegalStateException("Of " + largest + " objects, " + objects + " came under the key");
        }
        return measured;
    }

    /** How many pages the bucket has. */
    private static int list(LocalDeployment deployment, String bucket, String folder) {
        ObjectNode listed = Json.object().put("position", "").put("pages", 0).put("objects", 0);
        try (var process = deployment.cloud().lambda().separateProcess(name(deployment, "ListObjectsFunction"))) {
            do {
                listed.put("folder", folder).putObject("request").put("bucket", bucket);
                listed = (ObjectNode) Function.answer(process.invoke(Json.bytes(listed)));
            } while (!listed.path("position").asText().isEmpty());
        }
        return listed.path("pages").asInt();
    }

    private static String name(LocalDeployment deployment, String logicalId) {
        return deployment.stack().resource(logicalId);
    }
}
