package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.HistoryEvent;

/** What one state machine does from each state of a deployment, and how much longer than AWS it takes; in this order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RoadTest {
    private static final String NAME_ALONE = "{\"deployment\": \"default\"}";

    /** Services of the pipeline itself: its record and waits, its state machines, events, queue, and mails. */
    private static final Set<String> ITS_OWN = Set.of("dynamodb", "states", "lambda", "events", "sqs", "sns", "logs");

    /** What AWS takes its time for, one after the other as long as it makes one HSM at a time. */
    private static final List<String> OF_AWS = List.of(
            "CreateCluster",
            "CSR lag",
            "InitializeCluster",
            "activation lag",
            "CreateHsm",
            "DisconnectCustomKeyStore",
            "ConnectCustomKeyStore");

    private static Pipeline pipeline;
    private static String bucket;

    @BeforeAll
    static void deploy() {
        // What is lost here is brought back by hand, so that nothing else is at work.
        pipeline = Pipeline.deploy(1, Map.of("SelfHealing", "disabled"));
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    private static DescribeExecutionResponse provisioned(String name, String input) {
        var execution = pipeline.provision(name, input);
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        assertEquals("text", read());
        tell(execution);
        return execution;
    }

    /** The figures of docs/architecture.md. */
    private static void tell(DescribeExecutionResponse execution) {
        System.out.println(
                "road: " + execution.name() + " took " + took(execution) + ", of that AWS " + ofAws(execution));
    }

    private static Duration ofAws(DescribeExecutionResponse execution) {
        return inAll(OF_AWS.stream().flatMap(what -> ofAws(what, execution)));
    }

    private static Duration took(DescribeExecutionResponse execution) {
        return Duration.between(execution.startDate(), execution.stopDate());
    }

    private static void atMost(Duration most, DescribeExecutionResponse execution) {
        assertTrue(
                took(execution).compareTo(most) <= 0,
                () -> execution.name() + " took " + took(execution) + ", more than " + most + ": "
                        + pipeline.stages(execution.executionArn()));
    }

    /** Of that kind, since the execution began. */
    private static Stream<Duration> ofAws(String what, DescribeExecutionResponse execution) {
        return Stream.concat(pipeline.cloud().cloudHsm().timings().stream(), pipeline.cloud().kms().timings().stream())
                .filter(timed -> timed.what().equals(what))
                .filter(timed -> !timed.startedAt().isBefore(execution.startDate()))
                .map(timed -> Duration.between(timed.startedAt(), timed.endedAt()));
    }

    private static Duration inAll(Stream<Duration> durations) {
        return durations.reduce(Duration.ZERO, Duration::plus);
    }

    private static List<Hsm> active() {
        return pipeline.cluster().hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .toList();
    }

    private static String read() {
        return pipeline.s3()
                .getObjectAsBytes(get -> get.bucket(bucket).key("report"))
                .asUtf8String();
    }

    private static long clients() {
        return pipeline.ec2().describeInstances().reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .filter(instance -> Set.of(InstanceStateName.PENDING, InstanceStateName.RUNNING)
                        .contains(instance.state().name()))
                .count();
    }

    @Test
    @Order(1)
    void anEmptyAccountTakesWhatAwsTakesAndLeavesNoClient() {
        var first = pipeline.provision("first", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, first.status(), () -> first.error() + ": " + first.cause());
        tell(first);
        atMost(ofAws(first).multipliedBy(103).dividedBy(100), first);
        bucket = Json.parse(first.output()).path("buckets").path(0).asText();
        pipeline.s3().putObject(put -> put.bucket(bucket).key("report"), RequestBody.fromString("text"));
        assertEquals(0, clients(), "it can read the admin's password, so it goes with the execution");
    }

    @Test
    @Order(2)
    void whereNothingIsToDoNothingIsChangedWithinAMinute() {
        var before = pipeline.cloud().endpoint().calls().size();
        var second = provisioned("second", NAME_ALONE);
        atMost(Duration.ofMinutes(1), second);
        var calls = pipeline.cloud().endpoint().calls();
        assertEquals(
                List.of(),
                calls.subList(before, calls.size()).stream()
                        .filter(RoadTest::changesSomething)
                        .map(call -> call.service() + ":" + call.operation())
                        .toList());
    }

    /** Evidence is written of every execution, and a limit that is not there is removed in vain. */
    private static boolean changesSomething(Call call) {
        return !ITS_OWN.contains(call.service())
                && call.errorCode().isEmpty()
                && !call.operation().matches("(Describe|List|Get|Head).*|GenerateDataKeyWithoutPlaintext|AssumeRole")
                && !(call.operation().equals("PutObject") && call.callerArn().contains("-ReportFunction"));
    }

    @Test
    @Order(3)
    void anHsmThatIsLostCostsItsCreationAndAMinuteAndAHalf() {
        var lost = active().getLast();
        pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(lost.clusterId()).hsmId(lost.hsmId()));
        pipeline.runUntil(() -> active().size() == 1);
        var execution = provisioned("lost", NAME_ALONE);
        atMost(ofAws(execution).plusSeconds(90), execution);
        assertEquals(2, active().size());
        assertEquals(0, clients());
    }

    @Test
    @Order(4)
    void aPauseEndsWithTheDeploymentsNameAndTwoCreations() {
        assertEquals(
                ExecutionStatus.SUCCEEDED,
                pipeline.run("Pause", "pause", NAME_ALONE).status());
        var execution = provisioned("back", NAME_ALONE);
        assertEquals(0, ofAws("ConnectCustomKeyStore", execution).count(), "KMS serves by itself");
        atMost(ofAws(execution).plusMinutes(3), execution);
    }

    @Test
    @Order(5)
    void kmsThatDoesNotServeByItselfIsConnectedAnewOnce() {
        assertEquals(
                ExecutionStatus.SUCCEEDED,
                pipeline.run("Pause", "pause-2", NAME_ALONE).status());
        pipeline.loseCluster();
        var execution = provisioned("not-served", NAME_ALONE);
        assertEquals(1, ofAws("ConnectCustomKeyStore", execution).count());
        assertTrue(
                pipeline.history(execution.executionArn()).stream()
                        .map(HistoryEvent::taskFailedEventDetails)
                        .anyMatch(failed -> failed != null && failed.error().equals("KEY_UNUSABLE")),
                "the proof says why the store was connected anew");
        atMost(ofAws(execution).plusMinutes(3), execution);
    }

    @Test
    @Order(6)
    void aThirdHsmIsAskedForByTheInputAndRememberedWithIt() {
        var execution = provisioned("three", "{\"hsm\": {\"count\": 3}}");
        assertEquals(1, ofAws("CreateHsm", execution).count());
        assertEquals(3, active().size());
        provisioned("still-three", NAME_ALONE);
        assertEquals(3, active().size());
    }

    @Test
    @Order(7)
    void aClientThatIsKeptOnRequestGoesWhenTheRequestDoes() {
        pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(active().getLast().clusterId())
                        .hsmId(active().getLast().hsmId()));
        provisioned("kept", "{\"client\": {\"keep\": true}}");
        assertEquals(1, clients());
        provisioned("not-kept", "{\"client\": {\"keep\": false}}");
        assertEquals(0, clients());
    }

    @Test
    @Order(8)
    void aFailedExecutionLeavesNoClientEither() {
        pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(active().getLast().clusterId())
                        .hsmId(active().getLast().hsmId()));
        var failing = pipeline.start("fails", NAME_ALONE);
        pipeline.runUntilEntered("fails", "CreateKmsUser");
        assertEquals(1, clients());
        var keyId = pipeline.kms().listAliases().aliases().stream()
                .filter(alias -> alias.aliasName().equals("alias/cloudhsm-default"))
                .findFirst()
                .orElseThrow()
                .targetKeyId();
        pipeline.kms().disableKey(request -> request.keyId(keyId));
        var failed = pipeline.end(failing);
        assertEquals("KEY_DISABLED", failed.error(), failed::cause);
        assertEquals(0, clients());
        pipeline.kms().enableKey(request -> request.keyId(keyId));
        provisioned("mended", NAME_ALONE);
    }

    @ParameterizedTest
    @CsvSource({
        "INVALID_CREDENTIALS, PT0S",
        "USER_LOCKED_OUT, PT0S",
        "USER_NOT_FOUND, PT0S",
        "INSUFFICIENT_CLOUDHSM_HSMS, PT0S",
        "USER_LOGGED_IN, PT5M",
        "NETWORK_ERRORS, PT5M",
        "INTERNAL_ERROR, PT5M"
    })
    @Order(9)
    void aStoreThatFailedToConnectCostsADisconnectionAndAConnectionAndWhatMayHelp(String code, Duration letPass) {
        failToConnect(code);
        var execution = provisioned("failed-" + code, NAME_ALONE);
        atMost(ofAws(execution).plus(letPass).plusMinutes(5), execution);
    }

    private static void failToConnect(String code) {
        var store = pipeline.kms()
                .describeCustomKeyStores()
                .customKeyStores()
                .getFirst()
                .customKeyStoreId();
        pipeline.kms().disconnectCustomKeyStore(disconnect -> disconnect.customKeyStoreId(store));
        pipeline.runUntil(() -> connection() == ConnectionStateType.DISCONNECTED);
        pipeline.cloud().kms().failNextConnection(code);
        pipeline.kms().connectCustomKeyStore(connect -> connect.customKeyStoreId(store));
        pipeline.runUntil(() -> connection() == ConnectionStateType.FAILED);
    }

    private static ConnectionStateType connection() {
        return pipeline.kms()
                .describeCustomKeyStores()
                .customKeyStores()
                .getFirst()
                .connectionState();
    }

    @Test
    @Order(10)
    void aClusterThatIsGoneCostsAnotherOneItsHsmsAndAConnection() {
        var clusterId = pipeline.cluster().clusterId();
        active().forEach(hsm -> pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(clusterId).hsmId(hsm.hsmId())));
        pipeline.runUntil(() -> pipeline.cluster().hsms().isEmpty());
        pipeline.cloudHsm().deleteCluster(request -> request.clusterId(clusterId));
        pipeline.runUntil(
                () -> pipeline.cloudHsm().describeClusters().clusters().isEmpty());
        var execution = provisioned("cluster-gone", "{\"hsm\": {\"count\": 2}}");
        assertEquals(1, ofAws("CreateCluster", execution).count());
        assertEquals(1, ofAws("ConnectCustomKeyStore", execution).count(), "KMS's own password is in the backup");
        atMost(ofAws(execution).plusMinutes(3), execution);
    }
}
