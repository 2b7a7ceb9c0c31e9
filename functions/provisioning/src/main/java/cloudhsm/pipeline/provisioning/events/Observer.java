package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.healing.Healings;
import cloudhsm.pipeline.provisioning.healing.HealthCheck;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.lambda.Resource;
import cloudhsm.pipeline.provisioning.lambda.Wait;
import cloudhsm.pipeline.provisioning.lambda.Waits;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.report.Notifications;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Clock;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * AWS tells nobody when an HSM, a cluster or a key store changes, so this function looks and publishes each change.
 * A tick of a watch looks at what one wait is for, and repeats an event until the wait is over: a lost event costs one
 * tick. The schedule of minutes looks at everything that carries the pipeline's tag, at the health of
 * each RUNNING deployment, and at waits whose watch has died, says what it comes to as metrics, and tells of clusters
 * that belong to no deployment and of the AWS root's end.
 */
public final class Observer extends JsonHandler<Observer.Input, Observer.Output> {
    private final Look look;
    private final HealthCheck healthCheck;
    private final Deployments deployments;
    private final Healings healings;
    private final Waits waits;
    private final SeenStates seenStates;
    private final OrphanWatch orphanWatch;
    private final RootWatch rootWatch;
    private final StateChanges changes;
    private final HsmPrice price;
    private final String functionName;
    private final Clock clock;

    /**
     * @param waitId the wait to look at; null for everything
     * @param seen what the tick before this one of the same watch answered; "" in its first, null for everything
     */
    public record Input(String waitId, String seen) {}

    /**
     * @param pending whether the wait goes on; always false for everything
     * @param seen the resource and its state, for the next tick; "" for everything
     */
    public record Output(boolean pending, String seen) {}

    /** Called by Lambda, once per execution environment. */
    public Observer() {
        this(
                new Look(Aws.cloudHsm(), Aws.kms(), Aws.ssm(), Aws.ec2(), Aws.s3()),
                new HealthCheck(Aws.cloudHsm(), Aws.kms()),
                Aws.dynamoDb(),
                Aws.environment("TABLE_NAME"),
                new StateChanges(Aws.eventBridge()),
                HsmPrice.ofFunction(),
                Notifications.ofFunction(),
                Aws.environment("AWS_ROOT_CERTIFICATE"),
                Aws.environment("AWS_LAMBDA_FUNCTION_NAME"),
                Clock.systemUTC());
    }

    Observer(
            Look look,
            HealthCheck healthCheck,
            DynamoDbClient dynamoDb,
            String table,
            StateChanges changes,
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
        this.orphanWatch = new OrphanWatch(dynamoDb, table, notifications, price, clock);
        this.rootWatch = new RootWatch(dynamoDb, table, notifications, awsRootCertificate, clock);
        this.changes = changes;
        this.price = price;
        this.functionName = functionName;
        this.clock = clock;
    }

    @Override
    protected Output handle(Input input) {
        if (input.waitId() != null) {
            return waits.find(input.waitId())
                    .map(wait -> new Output(true, lookFor(wait, input.seen())))
                    .orElse(new Output(false, ""));
        }
        waits.all().forEach(wait -> lookFor(wait, ""));
        var running = deployments.all().stream()
                .filter(deployment -> deployment.phase() == Phase.RUNNING)
                .toList();
        var seen = lookAtEverything(running);
        var degraded = running.stream().filter(this::isFoundDegraded).toList();
        tell(seen, running, degraded.size());
        orphanWatch.look(seen, this::deploymentNames);
        rootWatch.look(functionName).ifPresent(System.out::println);
        return new Output(false, "");
    }

    private Set<String> deploymentNames() {
        return deployments.all().stream().map(Deployment::name).collect(Collectors.toSet());
    }

    /**
     * Most looks see what the look before saw, so the state remembered in the table is read only if something is new.
     *
     * @param seenBefore what this answered to the tick before
     */
    private String lookFor(Wait wait, String seenBefore) {
        var observation = look.at(wait.resource());
        var seen = observation.resource() + " " + observation.state();
        var over = wait.isOver(observation.state(), clock.instant());
        if (over || !seen.equals(seenBefore)) publish(observation, over);
        return seen;
    }

    /**
     * By level, not by edge: an event that is lost costs one period of the schedule. Not while a healing, which the event
     * starts, would leave the deployment alone as the last one did.
     */
    private boolean isFoundDegraded(Deployment deployment) {
        var health = healthCheck.of(deployment);
        var now = clock.instant();
        if (health.isDegraded() && !healings.wouldLeaveAlone(health, now)) changes.publish(health, now);
        return health.isDegraded();
    }

    private void tell(List<Observation> seen, List<Deployment> running, int degraded) {
        var zones = running.stream()
                .flatMap(deployment ->
                        StreamSupport.stream(deployment.plan().path("zones").spliterator(), false))
                .map(JsonNode::asText)
                .toList();
        HealthMetrics.of(seen, zones, degraded, price)
                .lines(functionName, clock.instant())
                .forEach(System.out::println);
    }

    private List<Observation> lookAtEverything(List<Deployment> running) {
        var present = new HashSet<Resource>();
        var everything = look.atEverything();
        for (var observation : everything) {
            publish(observation.within(running), false);
            present.add(observation.resource());
        }
        for (var resource : seenStates.all()) {
            if (present.contains(resource)) continue;
            switch (resource.type()) {
                case CLUSTER, HSM, KEY_STORE ->
                    publish(Observation.of(resource, Resource.ABSENT).within(running), false);
                // What only a wait looks at is not part of the deployment's health.
                case CLUSTER_CSR, CLIENT, COMMAND, KEY, INSTANCE, OBJECT -> {}
            }
            seenStates.forget(resource);
        }
        return everything;
    }

    /** Publishes first and remembers then, so that a change is never lost between the two. */
    private void publish(Observation observation, boolean evenUnchanged) {
        Optional<String> previous = seenStates.of(observation.resource());
        var changed = !previous.equals(Optional.of(observation.state()));
        if (!changed && !evenUnchanged) return;
        var now = clock.instant();
        changes.publish(observation, previous.orElse(Resource.ABSENT), now);
        if (changed) seenStates.put(observation.resource(), observation.state(), now);
    }
}
