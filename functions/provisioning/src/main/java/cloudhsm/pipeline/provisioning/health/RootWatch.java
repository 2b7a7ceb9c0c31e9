package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.pki.AwsRoot;
import cloudhsm.pipeline.provisioning.pki.AwsRoots;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Root;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * Tells that a root which the AWS hardware chains may end in expires: from 90 days before once a week, and once when it
 * has. When somebody was told is in the pipeline's table under the partition key ROOT.
 */
final class RootWatch {
    private static final Duration AHEAD = Duration.ofDays(90);
    private static final Duration BETWEEN_NOTICES = Duration.ofDays(7);
    private static final AttributeValue PARTITION = AttributeValue.fromS("ROOT");

    private final DynamoDbClient dynamoDb;
    private final String table;
    private final Notifications notifications;
    private final String awsRootCertificate;
    private final Clock clock;

    /** @param awsRootCertificate PEM of the AWS CloudHSM roots, or "" for the pinned one */
    RootWatch(
            DynamoDbClient dynamoDb,
            String table,
            Notifications notifications,
            String awsRootCertificate,
            Clock clock) {
        this.dynamoDb = dynamoDb;
        this.table = table;
        this.notifications = notifications;
        this.awsRootCertificate = awsRootCertificate;
        this.clock = clock;
    }

    /**
     * Tells what is due.
     *
     * @return the metric AwsRootDaysLeft, as a line for CloudWatch: of the valid root that expires first; 0 if none is
     *     valid; nothing if the parameter cannot be read, which the next provisioning says
     */
    Optional<String> look(String functionName) {
        AwsRoots roots;
        try {
            roots = AwsRoots.of(AwsRoot.pinned(), awsRootCertificate);
        } catch (MalformedPemException malformed) {
            return Optional.empty();
        }
        var now = clock.instant();
        roots.anchors().stream()
                .filter(root -> !now.isBefore(root.notAfter().minus(AHEAD)))
                .filter(root -> isDue(root, now))
                .forEach(root -> tell(root, roots.isPinned(root), now));
        return Optional.of(HealthMetrics.line(
                now, Map.of("FunctionName", functionName), Map.of("AwsRootDaysLeft", daysLeft(roots.anchors(), now))));
    }

    private static long daysLeft(List<Root> anchors, Instant now) {
        return anchors.stream()
                .filter(root -> !now.isAfter(root.notAfter()))
                .mapToLong(root -> Duration.between(now, root.notAfter()).toDays())
                .min()
                .orElse(0);
    }

    private boolean isDue(Root root, Instant now) {
        var told = told(root);
        return now.isAfter(root.notAfter())
                ? !told.isAfter(root.notAfter())
                : !now.isBefore(told.plus(BETWEEN_NOTICES));
    }

    private void tell(Root root, boolean pinned, Instant now) {
        var expired = now.isAfter(root.notAfter());
        notifications.publish(
                expired
                        ? "The root of the AWS hardware chain has expired"
                        : "The root of the AWS hardware chain expires in "
                                + Duration.between(now, root.notAfter()).toDays() + " days",
                "T" + root.inWords().substring(1) + " (SHA-256 " + root.sha256() + "). From its end on, a provisioning"
                        + " whose HSM could be verified under"
                        + " no other root is refused before"
                        + " anything is created. What runs is not touched: a cluster that is initialized is not"
                        + " verified again, whether it is repaired, paused, brought back or torn down. Next: look at"
                        + " https://docs.aws.amazon.com/cloudhsm/latest/userguide/verify-hsm-identity.html"
                        + " for another root; if there is"
                        + " one, deploy with both in"
                        + " AwsRootCertificate, one PEM block"
                        + " after the other."
                        + (pinned
                                ? " If there is none, give \"hsmIdentity\": {\"expiredRoot\": \"ACCEPT_PINNED\"} in the"
                                        + " input of a provisioning: it trusts this root's key beyond that day."
                                : ""));
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.of(
                        "pk",
                        PARTITION,
                        "sk",
                        AttributeValue.fromS(root.sha256()),
                        "told",
                        AttributeValue.fromS(now.toString()))));
    }

    private Instant told(Root root) {
        var item = dynamoDb.getItem(request -> request.tableName(table)
                        .key(Map.of("pk", PARTITION, "sk", AttributeValue.fromS(root.sha256())))
                        .consistentRead(true))
                .item();
        return item == null || item.isEmpty()
                ? Instant.EPOCH
                : Instant.parse(item.get("told").s());
    }
}
