package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/**
 * Uploads to a provisioned deployment while its key store is disconnected and calls of every service fail, and what has
 * become of them once it is connected again.
 */
final class Outage implements AutoCloseable {
    /** Share of all calls that fail, in all the ways in which calls can. */
    private static final double FAILING = 0.05;

    /** Share of those that take the function with them: one of a thousand calls. */
    private static final double KILLED = 0.02;

    /** As long as a data key's Bucket Key may serve S3 without KMS. */
    private static final Duration BUCKET_KEYS_LIFE = Duration.ofMinutes(10);

    /** Between two looks at the queue; also the longest that this adds to the time that is measured. */
    private static final Duration LOOK = Duration.ofMinutes(15);

    /** Twelve times the longest that a message ever waits for its next turn. */
    private static final Duration PATIENCE = Duration.ofHours(12);

    private final LocalCloud cloud;
    private final Map<String, String> outputs;
    private final String bucket;
    private final String keyArn;
    private final long seed;
    private final S3Client s3;
    private int looks;

    /**
     * What came of it.
     *
     * @param objects that were uploaded under SSE-S3
     * @param early objects that were under the key before it was there again
     * @param underTheKey objects whose current version is under the key at the end
     * @param versions that the bucket has of these objects; a copy is a second one
     * @param mostVersions of any one of the objects
     * @param putAside messages in the dead-letter queue
     * @param waiting messages left in the queue
     * @param drainMinutes simulated, from the connection to the empty queue, to 15 minutes
     */
    record Result(
            int objects,
            long early,
            long underTheKey,
            long versions,
            int mostVersions,
            long putAside,
            long waiting,
            long drainMinutes) {
        /** @param copies whether each object was to be copied, once */
        boolean isLossFree(boolean copies) {
            var each = copies ? 2 : 1;
            return underTheKey == objects
                    && early == 0
                    && versions == (long) each * objects
                    && mostVersions == each
                    && putAside == 0
                    && waiting == 0;
        }
    }

    Outage(LocalDeployment deployment, String bucket, String keyArn, long seed) {
        this.cloud = deployment.cloud();
        this.outputs = deployment.stack().outputs();
        this.bucket = bucket;
        this.keyArn = keyArn;
        this.seed = seed;
        s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    }

    /** Disconnects, uploads, lets the hours pass, connects, and lets the queue drain. */
    Result run(int objects, Duration howLong) {
        var store = keyStore().path("CustomKeyStoreId").asText();
        call("kms", "DisconnectCustomKeyStore", Json.object().put("CustomKeyStoreId", store));
        await("DISCONNECTED");
        cloud.advance(BUCKET_KEYS_LIFE);
        for (int i = 0; i < objects; i++) {
            var key = "outage/object " + i;
            s3.putObject(
                    put -> put.bucket(bucket).key(key).serverSideEncryption(ServerSideEncryption.AES256),
                    RequestBody.fromString("content of " + key));
        }
        advanceWithFaults(howLong);
        var early = underTheKey(objects);
        call("kms", "ConnectCustomKeyStore", Json.object().put("CustomKeyStoreId", store));
        await("CONNECTED");
        var connected = cloud.time().now();
        while (messages("UploadsQueueUrl") > 0 && cloud.time().now().isBefore(connected.plus(PATIENCE))) {
            advanceWithFaults(LOOK);
        }
        var drained = Duration.between(connected, cloud.time().now()).toMinutes();
        var versions = versions();
        return new Result(
                objects,
                early,
                underTheKey(objects),
                versions.values().stream().mapToInt(Integer::intValue).sum(),
                versions.values().stream().mapToInt(Integer::intValue).max().orElse(0),
                messages("UploadsDeadLetterQueueUrl"),
                messages("UploadsQueueUrl"),
                drained);
    }

    private JsonNode call(String service, String operation, ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), service, operation, input);
    }

    private JsonNode keyStore() {
        return call("kms", "DescribeCustomKeyStores", Json.object())
                .path("CustomKeyStores")
                .path(0);
    }

    private void await(String connection) {
        BooleanSupplier reached =
                () -> keyStore().path("ConnectionState").asText().equals(connection);
        cloud.time().runUntil(reached, Duration.ofHours(1));
        if (!reached.getAsBoolean())
            throw new IllegalStateException("The key store was not " + connection + " in an hour");
    }

    private void advanceWithFaults(Duration time) {
        cloud.faults().failAtRandom(FAILING, KILLED, seed + looks++);
        cloud.advance(time);
        cloud.faults().failAtRandom(0, 0);
    }

    private long underTheKey(int objects) {
        long count = 0;
        for (int i = 0; i < objects; i++) {
            var key = "outage/object " + i;
            if (keyArn.equals(
                    s3.headObject(head -> head.bucket(bucket).key(key)).ssekmsKeyId())) count++;
        }
        return count;
    }

    private Map<String, Integer> versions() {
        var versions = new HashMap<String, Integer>();
        s3.listObjectVersionsPaginator(
                        list -> list.bucket(bucket).prefix("outage/").encodingType(EncodingType.URL))
                .versions()
                .forEach(version -> versions.merge(version.key(), 1, Integer::sum));
        return versions;
    }

    /** Visible, waiting for their time, or in work. */
    private long messages(String output) {
        var input = Json.object().put("QueueUrl", outputs.get(output));
        input.putArray("AttributeNames").add("All");
        var attributes = call("sqs", "GetQueueAttributes", input).path("Attributes");
        return attributes.path("ApproximateNumberOfMessages").asLong()
                + attributes.path("ApproximateNumberOfMessagesNotVisible").asLong();
    }

    @Override
    public void close() {
        s3.close();
    }
}
