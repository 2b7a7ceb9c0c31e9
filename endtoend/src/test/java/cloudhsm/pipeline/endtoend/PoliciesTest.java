package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * The template's policies grant what the functions use, and nothing else. Each action that no run uses stands, with its
 * reason, in {@code unused-grants.txt}.
 */
class PoliciesTest {
    private static Pipeline pipeline;

    /** A run with an input that names principals and an HSM and a connection that fail, a second run on what the first made, a refused one, uploads, an HSM that is lost, and a cluster of no deployment. */
    private static final String ADOPTED = "cloudhsm-adopted";

    @BeforeAll
    static void useEverything() {
        pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(1 hour)"));
        pipeline.cloud().iam().createRole("KeyAdministrator", trustingTheAccount());
        pipeline.cloud().cloudHsm().nextHsmDegrades("eu-central-1a");
        pipeline.cloud().kms().failNextConnection("INVALID_CREDENTIALS");
        var input = """
            {"deployment": "policies", "teardownAfter": "PT9H", "client": {"keep": true}, "network": {"subnetIds": %s},
             "key": {"administrators": ["arn:aws:iam::111122223333:role/KeyAdministrator"],
                     "users": ["arn:aws:iam::111122223333:user/administrator"]}}\
            """.formatted(threeSubnets());
        var first = provisionWhileAnHsmIsLost(input);
        assertEquals(ExecutionStatus.SUCCEEDED, first.status(), () -> first.error() + ": " + first.cause());
        var output = Json.parse(first.output());
        uploadUnderAnotherKey(output.path("buckets").path(0).asText());
        terminateTheClient();
        pipeline.s3()
                .deletePublicAccessBlock(
                        request -> request.bucket(output.path("buckets").path(0).asText()));
        makeABucketToAdopt();
        var second = pipeline.provision(
                "second",
                input.replace(
                        "\"teardownAfter\"",
                        "\"buckets\": [{\"name\": \"" + ADOPTED + "\", \"adopt\": true}], \"teardownAfter\""));
        assertEquals(ExecutionStatus.SUCCEEDED, second.status(), () -> second.error() + ": " + second.cause());
        reencryptExisting(
                "current", """
                    {"bucket": "%s"}\
                    """.formatted(output.path("buckets").path(0).asText()));
        reencryptExisting(
                "all",
                "{\"bucket\": \"%s\", \"versions\": \"ALL\"}"
                        .formatted(output.path("buckets").path(0).asText()));
        pipeline.provision("refused", "{\"deployment\": \"Not A Name\"}");
        pauseWhileAnExecutionIsAtWork(input);
        var resumed = pipeline.provision("resumed", "{\"deployment\": \"policies\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, resumed.status(), () -> resumed.error() + ": " + resumed.cause());
        loseAnHsm();
        leaveAClusterBehind();
        tearDown(output.path("buckets").path(0).asText());
    }

    /** Nothing that the pipeline sets is so already. */
    private static void makeABucketToAdopt() {
        var s3 = pipeline.s3();
        s3.createBucket(create -> create.bucket(ADOPTED)
                .objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED)
                .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
        s3.deletePublicAccessBlock(of -> of.bucket(ADOPTED));
        s3.putBucketPolicy(put -> put.bucket(ADOPTED).policy("""
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
             "Action": "s3:PutBucketWebsite", "Resource": "arn:aws:s3:::%s"}}\
            """.formatted(ADOPTED)));
    }

    private static void tearDown(String bucket) {
        pipeline.s3().createMultipartUpload(request -> request.bucket(bucket).key("unfinished"));
        pipeline.tearDown("typo", "{\"deployment\": \"p\", \"confirm\": \"p\", \"data\": \"DELETE\"}");
        var ended = pipeline.tearDown(
                "down", "{\"deployment\": \"policies\", \"confirm\": \"policies\", \"data\": \"DELETE\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
    }

    private static void pauseWhileAnExecutionIsAtWork(String input) {
        deleteAnHsm();
        pipeline.start("interrupted", input);
        pipeline.runUntilEntered("interrupted", "CreateHsms");
        pipeline.cloud().advance(Duration.ofSeconds(1));
        var paused = pipeline.run("Pause", "paused", "{\"deployment\": \"policies\", \"interrupt\": true}");
        assertEquals(ExecutionStatus.SUCCEEDED, paused.status(), () -> paused.error() + ": " + paused.cause());
    }

    private static void reencryptExisting(String name, String input) {
        var execution = pipeline.end(pipeline.states()
                .startExecution(start -> start.stateMachineArn(
                                pipeline.deployment().stack().outputs().get("ReencryptExistingStateMachineArn"))
                        .name(name)
                        .input(input))
                .executionArn());
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    void everyGrantIsUsedOrItsReasonIsWrittenDown() throws IOException {
        var unused = own(pipeline.cloud().iam().granted());
        unused.removeAll(own(pipeline.cloud().iam().used()));
        assertEquals(
                String.join("\n", justified().keySet()),
                String.join("\n", unused),
                "take the action out of template.yaml, or write its reason into unused-grants.txt");
    }

    @Test
    void everyReasonIsMoreThanAWord() throws IOException {
        justified().forEach((grant, reason) -> assertTrue(reason.split(" ").length >= 3, grant));
    }

    @Test
    void takingAnyUsedActionAwayIsDeniedByNameOfFunctionAndAction() {
        var redundant = new ArrayList<String>();
        for (var grant : pipeline.cloud().iam().used()) {
            if (isAwsOwn(grant.policy())) continue;
            var role = pipeline.cloud().iam().role(grant.role()).orElseThrow();
            var before = role.policies().get(grant.policy());
            role.policies().put(grant.policy(), before.without(grant.sid(), grant.action()));
            try {
                var denied = deniedOf(grant.role());
                if (denied.isEmpty()) redundant.add(named(grant));
                denied.forEach(message -> assertTrue(message.contains(logicalId(grant.role())), message));
            } finally {
                role.policies().put(grant.policy(), before);
            }
        }
        assertEquals(List.of(), redundant, "granted twice: one of the two is too many");
    }

    /** The messages of the calls, allowed before, that the role may not make any more. */
    private static List<String> deniedOf(String role) {
        var iam = pipeline.cloud().iam();
        return iam.allowed().stream()
                .filter(request -> request.caller().role().orElseThrow().name().equals(role))
                .filter(request -> iam.decide(request.caller(), request.action(), request.resource(), request.context())
                        != PolicyDocument.Decision.ALLOWED)
                .map(request -> Iam.denied(request.caller(), request.action(), request.resource(), "")
                        .getMessage())
                .toList();
    }

    private static Set<String> own(Set<Iam.Grant> grants) {
        return grants.stream()
                .filter(grant -> !isAwsOwn(grant.policy()))
                .map(PoliciesTest::named)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Policies that SAM adds from AWS's own, such as AWSLambdaBasicExecutionRole. */
    private static boolean isAwsOwn(String policy) {
        return policy.startsWith("AWS") || policy.startsWith("Amazon");
    }

    /** A policy that several roles share is one policy in the template: it is named itself, not its roles. */
    private static String named(Iam.Grant grant) {
        var shared = grant.policy().startsWith("cloudhsm-pipeline-");
        return logicalId(shared ? grant.policy() : grant.role()) + " " + grant.sid() + " " + grant.action();
    }

    /** The logical id in a generated name; long ones are cut as CloudFormation cuts them. */
    private static String logicalId(String name) {
        return name.replaceFirst("^cloudhsm-pipeline-", "").replaceFirst("-[a-z0-9]+$", "");
    }

    private static Map<String, String> justified() throws IOException {
        var justified = new java.util.TreeMap<String, String>();
        try (var file = PoliciesTest.class.getResourceAsStream("/unused-grants.txt")) {
            for (var line : new String(file.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                if (line.isBlank() || line.startsWith("#")) continue;
                var parts = line.split(": ", 2);
                justified.put(parts[0], parts[1]);
            }
        }
        return justified;
    }

    private static PolicyDocument trustingTheAccount() {
        return PolicyDocument.parse(Json.parse("""
            {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}]}\
            """));
    }

    private static String threeSubnets() {
        return pipeline.ec2().describeSubnets().subnets().stream()
                .filter(subnet -> !subnet.availabilityZone().endsWith("c"))
                .map(subnet -> "\"" + subnet.subnetId() + "\"")
                .toList()
                .toString();
    }

    private static void uploadUnderAnotherKey(String bucket) {
        var other = pipeline.kms().createKey(request -> {}).keyMetadata().arn();
        var s3 = pipeline.s3();
        s3.putObject(
                request -> request.bucket(bucket)
                        .key("other-key")
                        .serverSideEncryption("aws:kms")
                        .ssekmsKeyId(other),
                RequestBody.fromString("text"));
        s3.putObject(
                request -> request.bucket(bucket).key("soon-gone").serverSideEncryption("AES256"),
                RequestBody.fromString("text"));
        s3.deleteObject(request -> request.bucket(bucket).key("soon-gone"));
        pipeline.cloud().advance(Duration.ofMinutes(1));
    }

    /** An HSM is deleted during a connection that fails, and its first successor turns DEGRADED. */
    private static DescribeExecutionResponse provisionWhileAnHsmIsLost(String input) {
        var execution = pipeline.start("first", input);
        pipeline.runUntilEntered("first", "ConnectKeyStore");
        var cluster = pipeline.cluster();
        var lost = cluster.hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .findFirst()
                .orElseThrow();
        pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(cluster.clusterId()).hsmId(lost.hsmId()));
        pipeline.cloud().cloudHsm().nextHsmDegrades(lost.availabilityZone());
        pipeline.runUntil(() -> pipeline.cloud().calls("ConnectCustomKeyStore") == 2);
        pipeline.cloud().kms().failNextConnection("NETWORK_ERRORS");
        return pipeline.end(execution);
    }

    private static void loseAnHsm() {
        deleteAnHsm();
        pipeline.cloud().advance(Duration.ofMinutes(105));
    }

    private static void deleteAnHsm() {
        var hsm = pipeline.cluster().hsms().stream()
                .filter(any -> any.state() == HsmState.ACTIVE)
                .findFirst()
                .orElseThrow();
        pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(hsm.clusterId()).hsmId(hsm.hsmId()));
    }

    private static void leaveAClusterBehind() {
        var subnets = pipeline.ec2().describeSubnets().subnets();
        var cluster = pipeline.cloudHsm()
                .createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(subnets.getFirst().subnetId())
                        .tagList(Tag.builder()
                                .key("cloudhsm-pipeline:deployment")
                                .value("forgotten")
                                .build()))
                .cluster()
                .clusterId();
        pipeline.cloud().advance(Duration.ofMinutes(90));
        pipeline.cloudHsm().deleteCluster(request -> request.clusterId(cluster));
    }

    private static void terminateTheClient() {
        var client = pipeline.ec2()
                .describeInstances()
                .reservations()
                .getFirst()
                .instances()
                .getFirst();
        pipeline.ec2().stopInstances(request -> request.instanceIds(client.instanceId()));
        pipeline.cloud().advance(Duration.ofMinutes(5));
    }
}
