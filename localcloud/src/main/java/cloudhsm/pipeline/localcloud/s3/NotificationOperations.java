package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** A bucket's notification configuration: written whole, with every destination checked. */
final class NotificationOperations {
    private static final Set<String> EVENTS = Set.of(
            "s3:ObjectCreated:*",
            "s3:ObjectCreated:Put",
            "s3:ObjectCreated:Post",
            "s3:ObjectCreated:Copy",
            "s3:ObjectCreated:CompleteMultipartUpload",
            "s3:ObjectRemoved:*",
            "s3:ObjectRemoved:Delete",
            "s3:ObjectRemoved:DeleteMarkerCreated");

    private final Account account;
    private final Buckets buckets;
    private final EventSender sender;

    NotificationOperations(Account account, Buckets buckets, EventSender sender) {
        this.account = account;
        this.buckets = buckets;
        this.sender = sender;
    }

    AwsResponse putBucketNotificationConfiguration(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketNotification");
        var configuration = Xml.parse(request.body(), "NotificationConfiguration");
        if (configuration.child("CloudFunctionConfiguration").isPresent()) {
            throw S3Errors.notImplemented("CloudFunctionConfiguration of a notification");
        }
        configuration.allowOnly("TopicConfiguration", "QueueConfiguration", "EventBridgeConfiguration");
        var destinations = new ArrayList<Notifications.Destination>();
        for (var kind : Notifications.Kind.values()) {
            for (var each : configuration.children(kind.element + "Configuration"))
                destinations.add(destination(kind, each));
        }
        refuseOverlaps(destinations);
        if (!request.header("x-amz-skip-destination-validation")
                .filter("true"::equalsIgnoreCase)
                .isPresent()) {
            for (var destination : destinations) requireReachable(request, destination);
        }
        bucket.notifications = new Notifications(
                configuration.child("EventBridgeConfiguration").isPresent(), destinations);
        return AwsResponse.empty(200);
    }

    private Notifications.Destination destination(Notifications.Kind kind, Xml configuration) {
        configuration.allowOnly("Id", kind.element, "Event", "Filter");
        var arn = configuration.required(kind.element);
        var parts = arn.split(":", -1);
        if (parts.length != 6 || !parts[2].equals(kind.service)) {
            throw S3Errors.invalidArgument(kind.element, arn, "The ARN could not be parsed");
        }
        if (!parts[3].equals(account.region())) {
            throw S3Errors.invalidArgument(
                    kind.element,
                    arn,
                    "The notification destination service region is not valid for the bucket location constraint");
        }
        if (parts[5].endsWith(".fifo")) {
            throw S3Errors.invalidArgument(
                    kind.element,
                    arn,
                    kind == Notifications.Kind.QUEUE
                            ? "FIFO SQS queues are not supported."
                            : "FIFO SNS topics are not supported.");
        }
        var events = new ArrayList<String>();
        for (var event : configuration.children("Event")) {
            if (!EVENTS.contains(event.text())) {
                throw S3Errors.notImplemented("notifications of the event " + event.text());
            }
            events.add(event.text());
        }
        if (events.isEmpty()) throw Xml.malformed();
        return new Notifications.Destination(
                kind,
                configuration.text("Id").filter(id -> !id.isEmpty()).orElseGet(() -> account.hex(32)),
                arn,
                events,
                filter(configuration, "prefix"),
                filter(configuration, "suffix"));
    }

    private static String filter(Xml configuration, String name) {
        var rules = configuration
                .child("Filter")
                .flatMap(filter -> filter.child("S3Key"))
                .map(key -> key.children("FilterRule"))
                .orElse(List.of());
        String value = null;
        for (var rule : rules) {
            var kind = rule.required("Name").toLowerCase(Locale.ROOT);
            if (!kind.equals("prefix") && !kind.equals("suffix")) {
                throw S3Errors.invalidArgument(
                        "FilterRule.Name", kind, "filter rule name must be either prefix or suffix");
            }
            if (!kind.equals(name)) continue;
            if (value != null) {
                throw S3Errors.invalidArgument(
                        "FilterRule", kind, "Cannot specify more than one " + kind + " rule in a filter.");
            }
            value = rule.text("Value").orElse("");
        }
        return Optional.ofNullable(value).orElse("");
    }

    private static void refuseOverlaps(List<Notifications.Destination> destinations) {
        for (int i = 0; i < destinations.size(); i++) {
            for (int j = i + 1; j < destinations.size(); j++) {
                if (!destinations.get(i).overlaps(destinations.get(j))) continue;
                throw AwsException.badRequest(
                        "InvalidArgument",
                        "Configurations overlap. Configurations on the same bucket cannot share a common event type.");
            }
        }
    }

    /** S3 sends each destination a test message before it accepts the configuration. */
    private void requireReachable(S3Request request, Notifications.Destination destination) {
        try {
            sender.test(request, destination);
        } catch (AwsException refused) {
            var what = "destination " + destination.kind().element.toLowerCase(Locale.ROOT);
            var missing =
                    refused.code().contains("DoesNotExist") || refused.code().equals("NotFound");
            throw S3Errors.invalidArgument(
                    destination.arn(),
                    missing
                            ? "The " + what + " does not exist"
                            : "Permissions on the " + what + " do not allow S3 to publish notifications from this"
                                    + " bucket",
                    "Unable to validate the following destination configurations");
        }
    }

    AwsResponse getBucketNotificationConfiguration(S3Request request) {
        var notifications = buckets.authorized(request, "s3:GetBucketNotification").notifications;
        var answer = XmlText.document("NotificationConfiguration");
        for (var destination : notifications.destinations()) {
            var kind = destination.kind().element;
            answer.open(kind + "Configuration").put("Id", destination.id()).put(kind, destination.arn());
            for (var event : destination.events()) answer.put("Event", event);
            if (!destination.prefix().isEmpty() || !destination.suffix().isEmpty()) {
                answer.open("Filter").open("S3Key");
                rule(answer, "Prefix", destination.prefix());
                rule(answer, "Suffix", destination.suffix());
                answer.close("S3Key").close("Filter");
            }
            answer.close(kind + "Configuration");
        }
        if (notifications.eventBridge()) answer.put("EventBridgeConfiguration", "");
        return answer.response();
    }

    private static void rule(XmlText answer, String name, String value) {
        if (value.isEmpty()) return;
        answer.open("FilterRule").put("Name", name).put("Value", value).close("FilterRule");
    }
}
