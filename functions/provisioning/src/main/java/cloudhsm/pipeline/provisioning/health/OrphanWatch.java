package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.events.Observation;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.report.Notifications;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Tells of clusters that carry the pipeline's tag but belong to no deployment: when one is first seen, and every day
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

    /**
     * @param seen everything that carries the pipeline's tag
     * @param deployments the names of all, read after that: a deployment is recorded before its cluster is created
     */
    void look(List<Observation> seen, Supplier<Set<String>> deployments) {
        var clusters = seen.stream()
                .filter(observation -> switch (observation.resource().type()) {
                    case CLUSTER -> !observation.state().equals(ClusterState.DELETE_IN_PROGRESS.toString());
                    case HSM, KEY_STORE, CLUSTER_CSR, CLIENT, COMMAND, KEY, INSTANCE, OBJECT -> false;
                })
                .toList();
        if (clusters.isEmpty()) return;
        var known = deployments.get();
        clusters.stream()
                .filter(cluster -> !known.contains(cluster.ids().get("deployment")))
                .forEach(cluster -> keepAccount(cluster, hsmsOf(cluster, seen)));
    }

    private static List<Observation> hsmsOf(Observation cluster, List<Observation> seen) {
        return seen.stream()
                .filter(observation -> observation.ids().containsKey("hsmId"))
                .filter(hsm -> hsm.resource().parent().equals(cluster.resource().id()))
                .toList();
    }

    private void keepAccount(Observation cluster, List<Observation> hsms) {
        var now = clock.instant();
        var ids = hsms.stream().map(hsm -> hsm.ids().get("hsmId")).toList();
        var orphan = orphans.find(cluster.resource().id())
                .orElse(new Orphan(cluster.resource().id(), Instant.EPOCH, new TreeMap<>()))
                .seen(ids, now);
        var due = !now.isBefore(orphan.told().plus(BETWEEN_NOTICES));
        if (due) tell(cluster, hsms, orphan);
        orphans.put(due ? orphan.toldAt(now) : orphan, now);
    }

    private void tell(Observation cluster, List<Observation> hsms, Orphan orphan) {
        var deployment = cluster.ids().get("deployment");
        var perHour = price.perHour(hsms.size());
        var perDay = price.perDay(hsms.size());
        notifications.publish(
                "Orphaned: " + cluster.resource().id() + ", " + hsms.size() + " HSMs, $" + perDay + " a day",
                "Cluster " + cluster.resource().id() + " (" + cluster.state() + ") carries the tag of deployment "
                        + deployment + ", which this stack does not know. Its HSMs: " + inWords(hsms) + ". They have"
                        + " run for " + orphan.hsmHours() + " HSM-hours since they were first seen, $"
                        + price.ofHsmHours(orphan.hsmHours())
                        + "; AWS does not say for how long before. They"
                        + " go on costing $" + perHour + " an hour, $" + perDay + " a day. " + price.basis()
                        + " Next: if nobody uses them,"
                        + " start a teardown of deployment " + deployment + ", which takes what carries its tag. If"
                        + " another stack of this account made them, nothing is wrong.");
    }

    private static String inWords(List<Observation> hsms) {
        if (hsms.isEmpty()) return "none";
        return String.join(
                ", ",
                hsms.stream()
                        .map(hsm -> hsm.ids().get("hsmId") + " (" + hsm.state() + ", "
                                + hsm.ids().get("availabilityZone") + ")")
                        .toList());
    }
}
