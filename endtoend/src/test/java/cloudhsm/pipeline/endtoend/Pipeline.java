package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Execution;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.matrix.SecretSearch;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.HistoryEvent;
import software.amazon.awssdk.services.sfn.model.HistoryEventType;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.GetCommandInvocationResponse;

/** The built pipeline, deployed to an embedded AWS of its own, and the administrator's clients to look at it. */
final class Pipeline implements AutoCloseable {
    /** Between two looks while a stage waits. */
    static final Duration TICK = Duration.ofSeconds(10);

    /** The most that passes from one look to the next: the look itself takes some of the time. */
    static final Duration TICK_AND_LOOK = TICK.plusMillis(500);

    /** More than any provisioning takes in simulated time. */
    static final Duration LIMIT = Duration.ofHours(5);

    private final LocalDeployment deployment;
    private final SfnClient states;

    /** Of every execution: the type of a state's event and the state's name. */
    private final Set<String> stateEvents = ConcurrentHashMap.newKeySet();

    private Pipeline(LocalDeployment deployment) {
        this.deployment = deployment;
        this.states = client(SfnClient.builder());
        cloud().states()
                .onTransition(transition -> StateCoverage.WITH_FUNCTIONS.add(StateCoverage.Step.of(transition)));
        cloud().states().onHistoryEvent(new RealResults());
        cloud().states()
                .onHistoryEvent((execution, event) -> event.properties()
                        .forEach(member -> stateEvents.add(event.path("type").asText() + " " + execution.name() + " "
                                + member.getValue().path("name").asText())));
    }

    static Pipeline deploy() {
        return deploy(1, Map.of());
    }

    static Pipeline deploy(long seed, Map<String, String> parameters) {
        return new Pipeline(LocalDeployment.deploy(LocalCloud.start(seed), LocalDeployment.projectRoot(), parameters));
    }

    LocalCloud cloud() {
        return deployment.cloud();
    }

    LocalDeployment deployment() {
        return deployment;
    }

    /** Starts an execution and lets simulated time pass until it has ended. */
    DescribeExecutionResponse provision(String name, String input) {
        return end(start(name, input));
    }

    /** Has the table say that there is such a deployment, and that the bucket was made for it. */
    void record(String name, String bucket) {
        var table = deployment.stack().resource("Table");
        client(DynamoDbClient.builder())
                .putItem(put -> put.tableName(table)
                        .item(Map.of(
                                "pk", AttributeValue.fromS("DEPLOYMENT"),
                                "sk", AttributeValue.fromS(name),
                                "phase", AttributeValue.fromS("PAUSED"),
                                "since",
                                        AttributeValue.fromS(
                                                cloud().time().now().toString()),
                                "madeBUCKET", AttributeValue.fromSs(List.of(bucket)))));
    }

    /**
     * Starts an execution of another state machine and lets simulated time pass until it has ended.
     *
     * @param stateMachine as in the stack's outputs: Pause for PauseStateMachineArn
     */
    DescribeExecutionResponse run(String stateMachine, String name, String input) {
        var arn = deployment.stack().outputs().get(stateMachine + "StateMachineArn");
        return end(states.startExecution(
                        request -> request.stateMachineArn(arn).name(name).input(input))
                .executionArn());
    }

    /** How long HSMs have existed so far, all of them together: what AWS bills, but for its rounding. */
    Duration hsmTime() {
        return cloud().cloudHsm().everCreated().stream()
                .map(hsm -> Duration.between(
                        hsm.createdAt(), hsm.deletedAt().orElse(cloud().time().now())))
                .reduce(Duration.ZERO, Duration::plus);
    }

    /** Lets simulated time pass until the execution has ended. */
    DescribeExecutionResponse end(String executionArn) {
        return end(executionArn, LIMIT);
    }

    private DescribeExecutionResponse end(String executionArn, Duration limit) {
        var execution = cloud().states().execution(executionArn);
        cloud().time().runUntil(() -> execution.status() != Execution.Status.RUNNING, limit);
        return describe(executionArn);
    }

    /** Lets simulated time pass until the execution of this name has entered the task state; nothing of it has run. */
    void runUntilEntered(String execution, String state) {
        cloud().time().runUntil(() -> stateEvents.contains("TaskStateEntered " + execution + " " + state), LIMIT);
    }

    /** Lets simulated time pass until the execution enters a task state that is none of these, or ends: then empty. */
    Optional<String> nextStage(String executionArn, Set<String> known) {
        var execution = cloud().states().execution(executionArn);
        var entered = "TaskStateEntered " + execution.name() + " ";
        Supplier<Optional<String>> next = () -> stateEvents.stream()
                .filter(event -> event.startsWith(entered))
                .map(event -> event.substring(entered.length()))
                .filter(state -> !known.contains(state))
                .findFirst();
        cloud().time()
                .runUntil(
                        () -> execution.status() != Execution.Status.RUNNING
                                || next.get().isPresent(),
                        LIMIT);
        return next.get();
    }

    /** Lets simulated time pass until what somebody sees who asks AWS every two seconds is so. */
    void runUntil(BooleanSupplier condition) {
        var deadline = cloud().time().now().plus(LIMIT);
        while (!condition.getAsBoolean()) {
            if (cloud().time().now().isAfter(deadline)) throw new AssertionError("not within " + LIMIT);
            cloud().advance(Duration.ofSeconds(2));
        }
    }

    /** The whole history, oldest event first. */
    List<HistoryEvent> history(String executionArn) {
        return states
                .getExecutionHistoryPaginator(
                        request -> request.executionArn(executionArn).maxResults(1000))
                .events()
                .stream()
                .toList();
    }

    /** When the task state was left, each time. */
    List<Instant> ends(String executionArn, String state) {
        return history(executionArn).stream()
                .filter(event -> event.type() == HistoryEventType.TASK_STATE_EXITED
                        && event.stateExitedEventDetails().name().equals(state))
                .map(HistoryEvent::timestamp)
                .toList();
    }

    /** Names of the task states in the order in which they were entered. */
    List<String> stages(String executionArn) {
        return history(executionArn).stream()
                .filter(event -> event.type() == HistoryEventType.TASK_STATE_ENTERED)
                .map(event -> event.stateEnteredEventDetails().name())
                .toList();
    }

    /** How much later than AWS was done each stage ended that waits for AWS, the first time it ended. */
    Map<String, Duration> lateness(String executionArn) {
        return Map.of(
                "CreateCluster", late(executionArn, "CreateCluster", "CreateCluster", 0),
                "CreateFirstHsm", late(executionArn, "CreateFirstHsm", "CSR lag", 0),
                "InitializeCluster", late(executionArn, "InitializeCluster", "InitializeCluster", 0),
                "ActivateCluster", late(executionArn, "ActivateCluster", "activation lag", 0),
                "CreateHsms", late(executionArn, "CreateHsms", "CreateHsm", 1),
                "ConnectKeyStore", late(executionArn, "ConnectKeyStore", "ConnectCustomKeyStore", 0));
    }

    private Duration late(String executionArn, String stage, String what, int which) {
        var done = Stream.concat(cloud().cloudHsm().timings().stream(), cloud().kms().timings().stream())
                .filter(timed -> timed.what().equals(what))
                .toList();
        return Duration.between(
                done.get(which).endedAt(), ends(executionArn, stage).getFirst());
    }

    /** The account's only cluster. */
    Cluster cluster() {
        return cloudHsm().describeClusters().clusters().getFirst();
    }

    /** Id of the default VPC's subnet in the zone. */
    String subnet(String zone) {
        return ec2().describeSubnets(request -> request.filters(
                        Filter.builder().name("availability-zone").values(zone).build()))
                .subnets()
                .getFirst()
                .subnetId();
    }

    /** KMS reaches the cluster of the account's only key store no more, though the store goes on being CONNECTED. */
    void loseCluster() {
        cloud().kms()
                .loseCluster(kms().describeCustomKeyStores()
                        .customKeyStores()
                        .getFirst()
                        .customKeyStoreId());
    }

    /** PEM of the root that the cluster was initialized with. */
    String trustAnchor() {
        return cloud().cloudHsm()
                .cluster(cluster().clusterId())
                .orElseThrow()
                .trustAnchorPem()
                .orElseThrow();
    }

    /** Makes a custom key store on the cluster as somebody does by hand; returns its id. */
    String createKeyStore(String name) {
        return kms().createCustomKeyStore(request -> request.customKeyStoreName(name)
                        .cloudHsmClusterId(cluster().clusterId())
                        .trustAnchorCertificate(trustAnchor())
                        .keyStorePassword("kmsPassword1"))
                .customKeyStoreId();
    }

    /** The evidence that a succeeded execution has written. */
    JsonNode evidence(DescribeExecutionResponse execution) {
        var report = Json.parse(execution.output()).path("report");
        return Json.parse(s3().getObjectAsBytes(
                        request -> request.bucket(report.path("bucket").asText())
                                .key(report.path("key").asText()))
                .asUtf8String());
    }

    /** The client that runs; the deployment never has two. */
    Instance client() {
        var running = ec2()
                .describeInstances(request -> request.filters(
                        Filter.builder()
                                .name("tag:cloudhsm-pipeline:role")
                                .values("client")
                                .build(),
                        Filter.builder()
                                .name("instance-state-name")
                                .values("running")
                                .build()))
                .reservations()
                .stream()
                .flatMap(reservation -> reservation.instances().stream())
                .toList();
        if (running.size() != 1) throw new AssertionError("one client runs, but there were " + running);
        return running.getFirst();
    }

    /** Sends the document to the instance and waits until it has ended there. */
    GetCommandInvocationResponse run(String instanceId, String document, Map<String, List<String>> parameters) {
        var command = ssm().sendCommand(request ->
                        request.documentName(document).instanceIds(instanceId).parameters(parameters))
                .command()
                .commandId();
        cloud().advance(Duration.ofMinutes(20));
        return ssm().getCommandInvocation(request -> request.commandId(command).instanceId(instanceId));
    }

    /** Starts an execution and returns its ARN. */
    String start(String name, String input) {
        return states.startExecution(request -> request.stateMachineArn(deployment.provisionStateMachine())
                        .name(name)
                        .input(input))
                .executionArn();
    }

    /** Starts a teardown and lets simulated time pass, days, until it has ended. */
    DescribeExecutionResponse tearDown(String name, String input) {
        return endOfTeardown(startTeardown(name, input));
    }

    /** Starts a teardown and returns the execution's ARN. */
    String startTeardown(String name, String input) {
        return states.startExecution(request -> request.stateMachineArn(deployment.teardownStateMachine())
                        .name(name)
                        .input(input))
                .executionArn();
    }

    /** Lets simulated time pass until the teardown has ended. */
    DescribeExecutionResponse endOfTeardown(String executionArn) {
        return end(executionArn, Duration.ofDays(45));
    }

    DescribeExecutionResponse describe(String executionArn) {
        return states.describeExecution(request -> request.executionArn(executionArn));
    }

    SfnClient states() {
        return states;
    }

    CloudHsmV2Client cloudHsm() {
        return client(CloudHsmV2Client.builder());
    }

    KmsClient kms() {
        return client(KmsClient.builder());
    }

    S3Client s3() {
        return client(S3Client.builder().forcePathStyle(true));
    }

    Ec2Client ec2() {
        return client(Ec2Client.builder());
    }

    SsmClient ssm() {
        return client(SsmClient.builder());
    }

    SqsClient sqs() {
        return client(SqsClient.builder());
    }

    DynamoDbClient dynamoDb() {
        return client(DynamoDbClient.builder());
    }

    SecretsManagerClient secretsManager() {
        return client(SecretsManagerClient.builder());
    }

    private <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder) {
        return cloud().client(builder);
    }

    /** A client of whoever calls; an error is reported at once. */
    <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder, Identity caller) {
        return cloud().client(builder, caller);
    }

    /** Whatever a test did: no secret may lie where it must not, and the embedded AWS must have kept to AWS's models. */
    @Override
    public void close() {
        try (deployment) {
            assertEquals(List.of(), SecretSearch.leaks(cloud()));
        }
    }
}
