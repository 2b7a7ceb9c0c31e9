package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Tells of clusters that carry the pipeline's tag but are in no deployment's record: when one is first seen, and every day
 * after. AWS does not say when an HSM was created, so what the HSMs have cost is counted from when they were first seen.
 */
final class OrphanWatch {
    private static final Duration BETWEEN_NOTICES = Duration.ofDays(1);

    private final Orphans orphans;
    private final Notifications notifications;
    private final HsmPrice price;
    private final Clock clock;

    OrphanWatch(DynamoDbClient dynamoDb, String table, Notifications notifications, HsmPrice price, Clock clock) {
        this.orphans = new Orphans(dynamoDb, table);
        this.notifications = notifications;
        this.price = price;
        this.clock = clock;
    }

    /** @param others clusters that no deployment's record names or intends */
    void look(List<Cluster> others) {
        others.stream()
                .filter(cluster -> cluster.state() != ClusterState.DELETE_IN_PROGRESS)
                .forEach(cluster -> tag(cluster).ifPresent(deployment -> keepAccount(cluster, deployment)));
    }

    private static Optional<String> tag(Cluster cluster) {
        return cluster.tagList().stream()
                .filter(tag -> tag.key().equals(Clusters.DEPLOYMENT_TAG))
                .map(Tag::value)
                .findFirst();
    }

    private void keepAccount(Cluster cluster, String deployment) {
        var now = clock.instant();
        var hsms = Clusters.hsms(cluster);
        var orphan = orphans.find(cluster.clusterId())
                .orElse(new Orphan(cluster.clusterId(), Instant.EPOCH, new TreeMap<>()))
                .seen(hsms.stream().map(Hsm::hsmId).toList(), now);
        var due = !now.isBefore(orphan.told().plus(BETWEEN_NOTICES));
        if (due) tell(cluster, deployment, hsms, orphan);
        orphans.put(due ? orphan.toldAt(now) : orphan, now);
    }

    private void tell(Cluster cluster, String deployment, List<Hsm> hsms, Orphan orphan) {
        var perHour = price.perHour(hsms.size());
        var perDay = price.perDay(hsms.size());
        notifications.publish(
                "Orphaned: " + cluster.clusterId() + ", " + hsms.size() + " HSMs, $" + perDay + " a day",
                "Cluster " + cluster.clusterId() + " (" + cluster.stateAsString() + ") carries the tag of deployment "
                        + deployment + ", but no record of this stack names it. Its HSMs: " + inWords(hsms)
                        + ". They have"
                        + " run for " + orphan.hsmHours() + " HSM-hours since they were first seen, $"
                        + price.ofHsmHours(orphan.hsmHours())
                        + "; AWS does not say for how long before. They"
                        + " go on costing $" + perHour + " an hour, $" + perDay + " a day. " + price.basis()
                        + " Next: if another stack of this account made them, nothing is wrong. If this stack, or one"
                        + " before it, did and its record was lost, put the record back into the table, as the runbook"
                        + " says, and a teardown of deployment " + deployment + " takes the cluster. If nobody uses"
                        + " them, delete the HSMs, then the cluster. No execution touches it for the sake of its tag.");
    }

    private static String inWords(List<Hsm> hsms) {
        if (hsms.isEmpty()) return "none";
        return String.join(
                ", ",
                hsms.stream()
                        .map(hsm -> hsm.hsmId() + " (" + hsm.stateAsString() + ", " + hsm.availabilityZone() + ")")
                        .toList());
    }
}
