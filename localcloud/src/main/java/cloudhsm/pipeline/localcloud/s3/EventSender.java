package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * Sends what happens to objects to the bucket's destinations: at least once, a few seconds late, in no certain order.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html">Event
 *     message structure</a>
 */
final class EventSender {
    /** "Typically delivered in seconds but can sometimes take a minute or longer", EventNotifications. */
    private static final Duration SOONEST = Duration.ofSeconds(1);

    private static final Duration LATEST = Duration.ofSeconds(3);

    private static final String PRINCIPAL = "s3.amazonaws.com";

    /** Of a message to a topic. */
    private static final String SUBJECT = "Amazon S3 Notification";

    private final Account account;
    private final SqsService sqs;
    private final SnsService sns;
    private final EventBridgeService eventBridge;
    private long sequence = 0x62F0_0000L;
    private boolean twice;

    EventSender(Account account, SqsService sqs, SnsService sns, EventBridgeService eventBridge) {
        this.account = account;
        this.sqs = sqs;
        this.sns = sns;
        this.eventBridge = eventBridge;
    }

    /** S3 delivers at least once: from now on every event comes twice. */
    void sendTwice(boolean twice) {
        this.twice = twice;
    }

    /**
     * @param event for example {@code ObjectCreated:Put}
     * @param reason EventBridge's name for the same
     */
    void created(S3Request request, Bucket bucket, ObjectVersion version, String event, String reason) {
        var object = Json.object()
                .put("key", formEncoded(version.key))
                .put("size", version.content.size())
                .put("eTag", version.content.etag());
        if (bucket.everVersioned()) object.put("versionId", version.versionId);
        var sequencer = nextSequencer();
        object.put("sequencer", sequencer);
        send(request, bucket, event, version.key, object);
        if (!bucket.notifications.eventBridge()) return;
        var described = Json.object()
                .put("key", version.key)
                .put("size", version.content.size())
                .put("etag", version.content.etag());
        if (bucket.everVersioned()) described.put("version-id", version.versionId);
        described.put("sequencer", sequencer);
        publish(bucket, "Object Created", detail(request, bucket, described).put("reason", reason));
    }

    /**
     * @param versionId of what was removed or of the new delete marker
     * @param marker whether a delete marker was made, nothing removed
     */
    void removed(S3Request request, Bucket bucket, String key, String versionId, boolean marker) {
        var sequencer = nextSequencer();
        var object = Json.object().put("key", formEncoded(key));
        if (bucket.everVersioned()) object.put("versionId", versionId);
        object.put("sequencer", sequencer);
        send(request, bucket, marker ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete", key, object);
        if (!bucket.notifications.eventBridge()) return;
        var described = Json.object().put("key", key);
        if (bucket.everVersioned()) described.put("version-id", versionId);
        described.put("sequencer", sequencer);
        publish(
                bucket,
                "Object Deleted",
                detail(request, bucket, described)
                        .put("reason", "DeleteObject")
                        .put("deletion-type", marker ? "Delete Marker Created" : "Permanently Deleted"));
    }

    /**
     * Sends the test message that every new destination gets, at once.
     *
     * @throws AwsException where the destination does not exist or does not let the bucket send
     */
    void test(S3Request request, Notifications.Destination destination) {
        var message = Json.object()
                .put("Service", "Amazon S3")
                .put("Event", "s3:TestEvent")
                .put("Time", ObjectVersion.xmlDate(account.time().now()))
                .put("Bucket", request.bucket())
                .put("RequestId", request.request().requestId())
                .put("HostId", account.hex(32));
        send(destination, request.bucketArn(), Json.text(message));
    }

    private void send(Notifications.Destination destination, String bucketArn, String message) {
        switch (destination.kind()) {
            case TOPIC -> sns.publishAs(PRINCIPAL, bucketArn, destination.arn(), SUBJECT, message);
            case QUEUE -> sqs.sendAs(PRINCIPAL, bucketArn, destination.arn(), message);
        }
    }

    private void send(S3Request request, Bucket bucket, String event, String key, ObjectNode object) {
        for (var destination : bucket.notifications.destinations()) {
            if (!destination.wants(event, key)) continue;
            var eventRecord = Json.object()
                    .put("eventVersion", "2.6")
                    .put("eventSource", "aws:s3")
                    .put("awsRegion", account.region())
                    .put("eventTime", ObjectVersion.xmlDate(account.time().now()))
                    .put("eventName", event);
            eventRecord
                    .putObject("userIdentity")
                    .put("principalId", "AWS:" + request.caller().accessKeyId());
            eventRecord.putObject("requestParameters").put("sourceIPAddress", "127.0.0.1");
            eventRecord
                    .putObject("responseElements")
                    .put("x-amz-request-id", request.request().requestId())
                    .put("x-amz-id-2", account.hex(32));
            var s3 = eventRecord.putObject("s3").put("s3SchemaVersion", "1.0").put("configurationId", destination.id());
            var named = s3.putObject("bucket").put("name", bucket.name);
            named.putObject("ownerIdentity").put("principalId", Iam.ACCOUNT);
            named.put("arn", request.bucketArn());
            s3.set("object", object);
            var message = Json.object();
            message.putArray("Records").add(eventRecord);
            deliver(
                    "S3 " + event + " of " + bucket.name + "/" + key,
                    () -> send(destination, request.bucketArn(), Json.text(message)));
        }
    }

    private ObjectNode detail(S3Request request, Bucket bucket, ObjectNode object) {
        var detail = Json.object().put("version", "0").put("event-version", "1.2");
        detail.putObject("bucket").put("name", bucket.name);
        detail.set("object", object);
        return detail.put("request-id", request.request().requestId())
                .put("requester", Iam.ACCOUNT)
                .put("source-ip-address", "127.0.0.1");
    }

    private void publish(Bucket bucket, String detailType, ObjectNode detail) {
        deliver(
                "EventBridge " + detailType + " of " + bucket.name,
                () -> eventBridge.publish("aws.s3", detailType, List.of("arn:aws:s3:::" + bucket.name), detail));
    }

    private void deliver(String label, Runnable delivery) {
        for (int copy = 0; copy < (twice ? 2 : 1); copy++) {
            account.time().schedule(account.between(SOONEST, LATEST), label, () -> {
                try {
                    delivery.run();
                } catch (AwsException destinationGone) {
                    // S3 drops what a destination no longer accepts, and tells no one.
                }
            });
        }
    }

    /** Hex of different lengths: to be compared only after padding on the left. */
    private String nextSequencer() {
        sequence += 1 + account.random().nextInt(0x400);
        var hex = Long.toHexString(sequence).toUpperCase(Locale.ROOT);
        return sequence % 2 == 0 ? "00" + hex + "00" : hex + "00";
    }

    private static String formEncoded(String key) {
        return URLEncoder.encode(key, StandardCharsets.UTF_8).replace("%2F", "/");
    }
}
