package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.events.Look;
import cloudhsm.pipeline.provisioning.events.Observation;
import cloudhsm.pipeline.provisioning.events.SeenStates;
import cloudhsm.pipeline.provisioning.events.StateChanges;
import cloudhsm.pipeline.provisioning.events.Tick;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Waits;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;

/**
 * The health check, every few minutes: looks at the clusters of all deployments, at the health of each RUNNING one, and
 * at waits whose watch has died, says what it comes to as metrics, and tells of clusters that carry the pipeline's tag
 * and belong to no deployment, and of the AWS root's end.
 */
public final class LookAtEverything extends JsonHandler<LookAtEverything.Input, LookAtEverything.Output> {
    /** Detail type of the event that a deployment is not healthy. */
    private static final String HEALTH_CHANGE = "Deployment Health Change";

    private final Look look;
    private final HealthCheck healthCheck;
    private final Deployments deployments;
    private final Healings healings;
    private final Waits waits;
    private final SeenStates seenStates;
    private final StateChanges changes;
    private final Tick tick;
    private final OrphanWatch orphanWatch;
    private final RootWatch rootWatch;
    private final HsmPrice price;
    private final String functionName;
    private final Clock clock;

    /** Nothing can be asked for. */
    public record Input() {}

    /**
     * @param seen how many clusters, HSMs and key stores of the pipeline there are
     * @param degraded RUNNING deployments that are not healthy
     */
    public record Output(int seen, int degraded) {}

    /** Called by Lambda, once per execution environment. */
    public LookAtEverything() {
        this(
                Look.ofFunction(),
                new HealthCheck(Aws.cloudHsm(), Aws.kms()),
                Aws.eventBridge(),
                Aws.dynamoDb(),
                Aws.environment("TABLE_NAME"),
                HsmPrice.ofFunction(),
                Notifications.ofFunction(),
                Aws.environment("AWS_ROOT_CERTIFICATE"),
                Aws.environment("AWS_LAMBDA_FUNCTION_NAME"),
                Clock.systemUTC());
    }

    private LookAtEverything(
            Look look,
            HealthCheck healthCheck,
            EventBridgeClient eventBridge,
            DynamoDbClient dynamoDb,
            String table,
            HsmPrice price,
            Notifications notifications,
            String awsRootCertificate,
            String functionName,
            Clock clock) {
        super(Input.class);
        this.look = look;
        this.healthCheck = healthCheck;
        this.deployments = new Deployments(dynamoDb, table);
        this.healings = new Healings(dynamoDb, table);
        this.waits = new Waits(dynamoDb, table, clock);
        this.seenStates = new SeenStates(dynamoDb, table);
        this.changes = new StateChanges(eventBridge, seenStates, deployments, clock);
        this.tick = new Tick(look, changes, clock);
        this.orphanWatch = new OrphanWatch(dynamoDb, table, notifications, price, clock);
        this.rootWatch = new RootWatch(dynamoDb, table, notifications, awsRootCertificate, clock);
        this.price = price;
        this.functionName = functionName;
        this.clock = clock;
    }

    @Override
    protected Output handle(Input input) {
        waits.all().forEach(wait -> tick.look(wait, Optional.empty()));
        var clusters = look.clusters();
        // Read after that: a cluster is intended by a record before it is made, and named by it at once.
        var known = deployments.all();
        var own = clusters.stream().filter(cluster -> isOfAny(known, cluster)).toList();
        var running = known.stream()
                .filter(deployment -> deployment.phase() == Phase.RUNNING)
                .toList();
        var seen = lookAt(own);
        var degraded = (int) running.stream().filter(this::isFoundDegraded).count();
        tell(own, seen, running, degraded);
        orphanWatch.look(
                clusters.stream().filter(cluster -> !own.contains(cluster)).toList());
        rootWatch.look(functionName).ifPresent(System.out::println);
        return new Output(seen.size(), degraded);
    }

    private static boolean isOfAny(List<Deployment> known, Cluster cluster) {
        return known.stream()
                .anyMatch(deployment ->
                        !Clusters.allOfDeployment(deployment, List.of(cluster)).isEmpty());
    }

    /**
     * By level, not by edge: an event that is lost costs one period of the schedule. Not while a healing, which the event
     * starts, would leave the deployment alone as the last one did.
     */
    private boolean isFoundDegraded(Deployment deployment) {
        var health = healthCheck.of(deployment);
        var now = clock.instant();
        if (health.isDegraded() && !healings.wouldLeaveAlone(health, now)) {
            ObjectNode detail = Json.MAPPER.valueToTree(health);
            detail.put("seen", health.inWords());
            detail.put("observedAt", now.toString());
            changes.publish(HEALTH_CHANGE, detail, "the health of deployment " + health.deployment());
        }
        return health.isDegraded();
    }

    private void tell(List<Cluster> own, List<Observation> seen, List<Deployment> running, int degraded) {
        var hsms =
                own.stream().flatMap(cluster -> Clusters.hsms(cluster).stream()).toList();
        var zones = running.stream()
                .flatMap(deployment ->
                        StreamSupport.stream(deployment.plan().path("zones").spliterator(), false))
                .map(JsonNode::asText)
                .toList();
        HealthMetrics.of(hsms, seen, zones, degraded, price)
                .lines(functionName, clock.instant())
                .forEach(System.out::println);
    }

    private List<Observation> lookAt(List<Cluster> clusters) {
        var present = new HashSet<Resource>();
        var everything = look.at(clusters);
        for (var observation : everything) {
            changes.publishIfChanged(observation);
            present.add(observation.resource());
        }
        for (var resource : seenStates.all()) {
            if (present.contains(resource)) continue;
            switch (resource.type()) {
                case CLUSTER, HSM, KEY_STORE -> changes.publishIfChanged(Observation.of(resource, Resource.ABSENT));
                // What only a wait looks at is not part of the deployment's health.
                case ONE_HSM, CLUSTER_CSR, CLIENT, COMMAND, KEY, INSTANCE, OBJECT -> {}
            }
            seenStates.forget(resource);
        }
        return everything;
    }
}
