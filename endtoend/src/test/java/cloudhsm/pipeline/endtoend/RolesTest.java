package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CreateTagsRequest;
import software.amazon.awssdk.services.ec2.model.HttpTokensState;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.ssm.SsmClient;

/** What somebody gets who has taken over one of the stack's roles, and does not get: docs/security.md says it in words. */
class RolesTest {
    private static final String OTHERS_ACCOUNT = "999900001111";

    private static LocalDeployment deployment;

    @BeforeAll
    static void deploy() {
        deployment = LocalDeployment.deploy(LocalCloud.start(), LocalDeployment.projectRoot(), TeardownTest.SELDOM);
    }

    @AfterAll
    static void close() {
        deployment.close();
    }

    private static LocalCloud cloud() {
        return deployment.cloud();
    }

    /** By logical id of the function or role. */
    private static Role role(String logicalId) {
        var id = logicalId.endsWith("Role") ? logicalId : logicalId + "Role";
        return cloud().iam().roles().stream()
                .filter(role -> role.name()
                        .startsWith(("cloudhsm-pipeline-" + id).substring(0, Math.min(51, 18 + id.length()))))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no role " + id));
    }

    private static Identity as(String logicalId) {
        return cloud().iam().session(role(logicalId), "taken-over");
    }

    private static void assertRefused(Executable call) {
        var refused = assertThrows(AwsServiceException.class, call);
        var code = refused.awsErrorDetails().errorCode();
        assertTrue(
                Set.of("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
                        .contains(code),
                refused::getMessage);
    }

    private static Decision decide(Identity caller, String action, String resource, Map<String, String> context) {
        return cloud().iam().decide(caller, action, resource, context);
    }

    // ---------------------------------------------------------------- evidence

    /** Those that work on deployments' buckets, whatever their input names; BucketNamePattern lets them near it. */
    @Test
    void noFunctionChangesTheEvidenceBucket() {
        var evidence = deployment.stack().outputs().get("EvidenceBucketName");
        var s3 = cloud().client(S3Client.builder().forcePathStyle(true));
        var version = s3.putObject(put -> put.bucket(evidence).key("report.json"), RequestBody.fromString("{}"))
                .versionId();
        try (var secure = s3("SecureBucketFunction");
                var empty = s3("EmptyBucketFunction");
                var delete = s3("DeleteBucketFunction");
                var release = s3("ReleaseBucketFunction")) {
            assertRefused(() -> secure.putBucketVersioning(put -> put.bucket(evidence)
                    .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.SUSPENDED))));
            assertRefused(() -> empty.deleteObject(
                    object -> object.bucket(evidence).key("report.json").versionId(version)));
            assertRefused(() -> delete.deleteBucket(bucket -> bucket.bucket(evidence)));
            assertRefused(() -> release.putBucketNotificationConfiguration(
                    put -> put.bucket(evidence).notificationConfiguration(none -> {})));
        }
        s3.headObject(head -> head.bucket(evidence).key("report.json").versionId(version));
    }

    private static S3Client s3(String function) {
        return cloud().client(S3Client.builder().forcePathStyle(true), as(function));
    }

    // ---------------------------------------------------------------- tokens

    @Test
    void noFunctionReadsTheTokenOfAnotherStage() {
        var dynamoDb = cloud().client(DynamoDbClient.builder());
        var table = deployment.stack().resource("Table");
        dynamoDb.putItem(put -> put.tableName(table)
                .item(Map.of(
                        "pk", AttributeValue.fromS("WAIT#CreateFirstHsm"),
                        "sk", AttributeValue.fromS("id"),
                        "token", AttributeValue.fromS("secret"))));
        var readers = new ArrayList<String>();
        for (var function : deployment.stack().functions().keySet()) {
            try (var taken = cloud().client(DynamoDbClient.builder(), as(function))) {
                if (reads(taken, table)) readers.add(function);
            }
        }
        assertEquals(List.of("CreateFirstHsmFunction"), readers);
    }

    private static boolean reads(DynamoDbClient dynamoDb, String table) {
        var key = Map.of("pk", AttributeValue.fromS("WAIT#CreateFirstHsm"), "sk", AttributeValue.fromS("id"));
        return List.<Executable>of(
                        () -> dynamoDb.getItem(get -> get.tableName(table).key(key)),
                        () -> dynamoDb.query(query -> query.tableName(table)
                                .keyConditionExpression("pk = :pk")
                                .expressionAttributeValues(Map.of(":pk", key.get("pk")))),
                        () -> dynamoDb.scan(scan -> scan.tableName(table)),
                        () -> dynamoDb.updateItem(update -> update.tableName(table)
                                .key(key)
                                .updateExpression("SET seen = :now")
                                .expressionAttributeValues(Map.of(":now", AttributeValue.fromN("1")))
                                .returnValues("ALL_OLD")))
                .stream()
                .anyMatch(RolesTest::isAllowed);
    }

    private static boolean isAllowed(Executable call) {
        try {
            call.execute();
            return true;
        } catch (AwsServiceException refused) {
            assertEquals("AccessDeniedException", refused.awsErrorDetails().errorCode());
            return false;
        } catch (Throwable unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    // ---------------------------------------------------------------- the client

    @Test
    void theClientReadsNoParameterAndStillTakesCommands() {
        var client = as("ClientRole");
        var parameter = "arn:aws:ssm:eu-central-1:111122223333:parameter/database/password";
        for (var action :
                List.of("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetDocument")) {
            assertNotEquals(Decision.ALLOWED, decide(client, action, parameter, Map.of()), action);
        }
        var itself = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0";
        assertEquals(Decision.ALLOWED, decide(client, "ssm:UpdateInstanceInformation", itself, Map.of()));
        for (var action : List.of("ssmmessages:OpenControlChannel", "ec2messages:GetMessages")) {
            assertEquals(Decision.ALLOWED, decide(client, action, "*", Map.of()), action);
        }
    }

    @Test
    void onlyAClientAsThePipelineLaunchesItIsLaunched() {
        var ec2 = cloud().client(Ec2Client.builder(), as("LaunchClientFunction"));
        assertDoesNotThrow(() -> ec2.runInstances(launch(1, HttpTokensState.REQUIRED, "client")));
        assertRefused(() -> ec2.runInstances(launch(2, HttpTokensState.REQUIRED, "client")));
        assertRefused(() -> ec2.runInstances(launch(1, HttpTokensState.OPTIONAL, "client")));
        assertRefused(() -> ec2.runInstances(launch(1, HttpTokensState.REQUIRED, "bastion")));
        assertRefused(() -> ec2.runInstances(launch(1, HttpTokensState.REQUIRED, "client").toBuilder()
                .metadataOptions(metadata -> metadata.httpTokens(HttpTokensState.REQUIRED))
                .build()));
        assertRefused(() -> ec2.runInstances(launch(1, HttpTokensState.REQUIRED, "client").toBuilder()
                .iamInstanceProfile(profile -> {})
                .build()));
    }

    private static RunInstancesRequest launch(int hops, HttpTokensState tokens, String role) {
        return RunInstancesRequest.builder()
                .imageId(image())
                .instanceType(InstanceType.T4_G_SMALL)
                .minCount(1)
                .maxCount(1)
                .iamInstanceProfile(
                        profile -> profile.arn(deployment.stack().attribute("ClientInstanceProfile", "Arn")))
                .metadataOptions(metadata -> metadata.httpTokens(tokens).httpPutResponseHopLimit(hops))
                .tagSpecifications(
                        List.of(ResourceType.INSTANCE, ResourceType.VOLUME, ResourceType.NETWORK_INTERFACE).stream()
                                .map(type -> TagSpecification.builder()
                                        .resourceType(type)
                                        .tags(tag("cloudhsm-pipeline:role", role))
                                        .build())
                                .toList())
                .build();
    }

    private static String image() {
        return cloud().client(SsmClient.builder())
                .getParameter(get -> get.name("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"))
                .parameter()
                .value();
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    @Test
    void anImageOfAnotherOwnerIsNotLaunched() {
        var launcher = as("LaunchClientFunction");
        var image = "arn:aws:ec2:eu-central-1::image/ami-0123456789abcdef0";
        assertEquals(Decision.ALLOWED, decide(launcher, "ec2:RunInstances", image, Map.of("ec2:Owner", "amazon")));
        for (var owner : List.of("self", "aws-marketplace", OTHERS_ACCOUNT, Iam.ACCOUNT)) {
            assertNotEquals(
                    Decision.ALLOWED, decide(launcher, "ec2:RunInstances", image, Map.of("ec2:Owner", owner)), owner);
        }
    }

    @Test
    void whatIsThereAlreadyCannotBeTaggedToPassForTheClients() {
        var ec2 = cloud().client(Ec2Client.builder(), as("LaunchClientFunction"));
        var group = ec2.describeSecurityGroups().securityGroups().getFirst();
        for (var resource : List.of(group.groupId(), group.vpcId())) {
            assertRefused(() -> ec2.createTags(CreateTagsRequest.builder()
                    .resources(resource)
                    .tags(tag("cloudhsm-pipeline:role", "client"))
                    .build()));
        }
    }

    // ---------------------------------------------------------------- keys

    @Test
    void keysOutsideTheHsmsAreOutOfReach() {
        var key = cloud().client(KmsClient.builder()).createKey().keyMetadata().keyId();
        var creator = cloud().client(KmsClient.builder(), as("CreateKeyFunction"));
        assertRefused(() -> creator.putKeyPolicy(put -> put.keyId(key).policy(openPolicy())));
        assertRefused(() -> creator.tagResource(tag -> tag.keyId(key)
                .tags(one -> one.tagKey("cloudhsm-pipeline:deployment").tagValue("default"))));
        assertRefused(
                () -> creator.createAlias(alias -> alias.aliasName("alias/mine").targetKeyId(key)));
        var remover = cloud().client(KmsClient.builder(), as("ScheduleKeyDeletionFunction"));
        assertRefused(() -> remover.scheduleKeyDeletion(schedule -> schedule.keyId(key)));
        var waiter = cloud().client(KmsClient.builder(), as("AwaitKeyDeletionFunction"));
        assertRefused(() -> waiter.enableKey(enable -> enable.keyId(key)));
    }

    private static String openPolicy() {
        return """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*",
             "Resource": "*"}]}
            """;
    }

    /** A key in a CloudHSM key store that has a name is in use: only the new one has none. */
    @Test
    void aKeyThatHasANameKeepsItsPolicyAndItsTags() {
        var creator = as("CreateKeyFunction");
        var key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        var fresh = Map.of("kms:KeyOrigin", "AWS_CLOUDHSM", "aws:RequestTag/cloudhsm-pipeline:deployment", "default");
        var named = new TreeMap<>(fresh);
        named.put("kms:ResourceAliases", "alias/payroll");
        for (var action : List.of("kms:PutKeyPolicy", "kms:TagResource")) {
            assertEquals(Decision.ALLOWED, decide(creator, action, key, fresh), action);
            assertNotEquals(Decision.ALLOWED, decide(creator, action, key, named), action);
        }
    }

    // ---------------------------------------------------------------- who may act as a role

    /** Lambda and EC2 name no source; SAM makes the role of a rule that starts a state machine. */
    @Test
    void servicesThatNameTheirSourceMustActForThisAccount() {
        var checked = new TreeMap<String, Boolean>();
        for (var service : List.of("states.amazonaws.com", "scheduler.amazonaws.com")) {
            for (var role : cloud().iam().roles()) {
                if (!role.trust().statements().getFirst().principals().contains(service)) continue;
                var source = service.startsWith("states")
                        ? "arn:aws:states:eu-central-1:%s:stateMachine:any"
                        : "arn:aws:scheduler:eu-central-1:%s:schedule-group/default";
                assertTrue(Iam.mayAssume(service, role, Optional.of(source.formatted(Iam.ACCOUNT))), role.name());
                assertFalse(Iam.mayAssume(service, role, Optional.empty()), role.name());
                var foreign =
                        Map.of("aws:SourceArn", source.formatted(OTHERS_ACCOUNT), "aws:SourceAccount", OTHERS_ACCOUNT);
                assertNotEquals(
                        Decision.ALLOWED,
                        role.trust().decide(Set.of(service), "sts:AssumeRole", role.arn(), foreign),
                        role.name());
                checked.put(service, true);
            }
        }
        assertEquals(2, checked.size(), "a state machine's role and the schedules' role");
    }

    // ---------------------------------------------------------------- queues and topics

    @Test
    void queuesAndTheTopicTakeNothingWithoutTls() {
        var open = new ArrayList<String>();
        var sqs = cloud().client(SqsClient.builder());
        for (var queue : sqs.listQueues().queueUrls()) {
            var attributes = sqs.getQueueAttributes(get ->
                            get.queueUrl(queue).attributeNames(QueueAttributeName.POLICY, QueueAttributeName.QUEUE_ARN))
                    .attributes();
            var arn = attributes.get(QueueAttributeName.QUEUE_ARN);
            if (!deniesPlainText(attributes.getOrDefault(QueueAttributeName.POLICY, ""), arn)) open.add(queue);
        }
        assertEquals(List.of(), open);
        assertFalse(sqs.listQueues().queueUrls().isEmpty());
        assertEquals(Decision.DENIED, publish(administrator(), Map.of("aws:SecureTransport", "false")));
    }

    /** The topic's own policy takes the place of one that would admit them. */
    @Test
    void alarmsOfThisAccountStillReachTheTopicAndThoseOfOthersDoNot() {
        var topic = deployment.stack().resource("Notifications");
        assertDoesNotThrow(() -> cloud().sns()
                .publishAs(
                        "cloudwatch.amazonaws.com",
                        "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:NobodyLooks",
                        topic,
                        "",
                        "ALARM"));
        assertNotEquals(
                Decision.ALLOWED,
                publish(
                        Set.of("cloudwatch.amazonaws.com"),
                        Map.of("aws:SourceAccount", OTHERS_ACCOUNT, "aws:SecureTransport", "true")));
    }

    /** What the policy of the notifications' topic says of a message. */
    private static Decision publish(Set<String> callers, Map<String, String> context) {
        return cloud().sns().policyOf(deployment.stack().resource("Notifications"), callers, "sns:Publish", context);
    }

    private static Set<String> administrator() {
        return Iam.namesOf(cloud().iam().administrator());
    }

    private static boolean deniesPlainText(String policy, String arn) {
        if (policy.isEmpty()) return false;
        return PolicyDocument.parse(Json.parse(policy))
                        .decide(administrator(), "sqs:SendMessage", arn, Map.of("aws:SecureTransport", "false"))
                == Decision.DENIED;
    }
}
