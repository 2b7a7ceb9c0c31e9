package cloudhsm.pipeline.provisioning.bucket;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Made;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.EncryptionType;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.QueueConfiguration;

/** What an adopted bucket was like is remembered once, and put back where nobody has changed it since. */
class AdoptedSettingsTest {
    private static final String BUCKET = "photos";
    private static final String THEIRS = """
        {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
         "Resource": "arn:aws:s3:::photos"}\
        """;
    private static final String POLICY = "{\"Version\": \"2012-10-17\", \"Statement\": " + THEIRS + "}";

    private final TestAccount aws = new TestAccount();
    private final S3Client s3 = aws.s3;
    private final String queueArn = aws.cloud.sqs().createQueue("uploads", Map.of("Policy", """
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
         "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
        """));
    private final String keyArn = aws.kms.createKey().keyMetadata().arn();
    private final String theirKeyArn = aws.kms.createKey().keyMetadata().arn();
    private final SecureBucket secureBucket =
            new SecureBucket(s3, aws.deployments(), new BucketScope("evidence", "*"), queueArn, aws.runtime);
    private final BucketSettings settings = new BucketSettings(s3, "aws", "111122223333", BUCKET);

    @BeforeEach
    void createTheOwnersBucket() {
        aws.deployments().made(DEPLOYMENT, Made.KEY, keyId());
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private String keyId() {
        return keyArn.substring(keyArn.indexOf('/') + 1);
    }

    /** Nothing is as S3 has it by default. */
    private void configure() {
        s3.putBucketOwnershipControls(put -> put.bucket(BUCKET)
                .ownershipControls(controls ->
                        controls.rules(rule -> rule.objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED))));
        s3.putPublicAccessBlock(put -> put.bucket(BUCKET)
                .publicAccessBlockConfiguration(
                        block -> block.blockPublicAcls(true).restrictPublicBuckets(true)));
        s3.putBucketVersioning(put -> put.bucket(BUCKET)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.SUSPENDED)));
        s3.putBucketEncryption(put -> put.bucket(BUCKET)
                .serverSideEncryptionConfiguration(encryption -> encryption.rules(rule -> rule.bucketKeyEnabled(false)
                        .blockedEncryptionTypes(blocked -> blocked.encryptionType(EncryptionType.NONE))
                        .applyServerSideEncryptionByDefault(
                                by -> by.sseAlgorithm("aws:kms").kmsMasterKeyID(theirKeyArn)))));
        s3.putBucketPolicy(put -> put.bucket(BUCKET).policy(POLICY));
        var topic = aws.cloud.sns().createTopic("deletions", Map.of("Policy", """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish",
             "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
            """));
        s3.putBucketNotificationConfiguration(put -> put.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration
                        .topicConfigurations(to -> to.topicArn(topic)
                                .id("deletions")
                                .eventsWithStrings("s3:ObjectRemoved:*")
                                .filter(filter -> filter.key(key -> key.filterRules(
                                        rule -> rule.name("prefix").value("raw/")))))
                        .eventBridgeConfiguration(on -> {})));
    }

    private void adopt() {
        done(
                secureBucket.run(new SecureBucket.Input(DEPLOYMENT, BUCKET, true, keyArn), Optional.empty()),
                SecureBucket.Output.class);
    }

    private List<String> giveBack() {
        var found = found();
        return Stream.concat(
                        settings.giveBackUploads(found, List.of(keyId())).stream(),
                        settings.giveBackAccess(found).stream())
                .toList();
    }

    private JsonNode found() {
        return aws.deployments().found(DEPLOYMENT, BUCKET);
    }

    @Test
    void everySettingIsPutBackAsItWasFound() {
        configure();
        var before = settings.found();
        adopt();
        var secured = settings.found();
        for (var setting : before.properties()) {
            assertNotEquals(setting.getValue(), secured.get(setting.getKey()), setting.getKey());
        }
        assertEquals(6, secured.size());
        assertEquals(List.of(), giveBack());
        assertEquals(before, settings.found());
        assertEquals(List.of(), giveBack(), "a teardown that is started again finds it done");
        assertEquals(before, settings.found());
        assertEquals(Optional.of(theirKeyArn), BucketSettings.formerKey(found()));
    }

    @Test
    void theBucketGoesOnToTakeWhatItTook() {
        configure();
        adopt();
        assertEquals(
                List.of(EncryptionType.NONE),
                s3.getBucketEncryption(get -> get.bucket(BUCKET))
                        .serverSideEncryptionConfiguration()
                        .rules()
                        .getFirst()
                        .blockedEncryptionTypes()
                        .encryptionType(),
                "uploads with SSE-C are its owner's to refuse");
    }

    @Test
    void whatWasNotSetIsNotSetAgain() {
        s3.deletePublicAccessBlock(of -> of.bucket(BUCKET));
        s3.deleteBucketOwnershipControls(of -> of.bucket(BUCKET));
        var before = settings.found();
        assertEquals(2, before.size(), "every bucket has an encryption, and notifications if only none");
        adopt();
        assertEquals(List.of("its versions, suspended: S3 does not go back to having none"), giveBack());
        var after = settings.found().deepCopy();
        ((ObjectNode) after).remove("Versioning");
        assertEquals(before, after);
        assertEquals(Optional.empty(), BucketSettings.formerKey(found()));
    }

    @Test
    void whatWasFoundIsRememberedBeforeTheFirstChangeAndNeverAgain() {
        configure();
        var before = settings.found();
        adopt();
        adopt();
        assertEquals(before, found(), "the second time it would be the pipeline's own settings");
    }

    private static Arguments since(String told, Consumer<S3Client> change) {
        return Arguments.of(told, change);
    }

    private static Stream<Arguments> changesOfOthers() {
        return Stream.of(
                since(
                        "its default encryption, which somebody has changed since",
                        s3 -> s3.putBucketEncryption(put -> put.bucket(BUCKET)
                                .serverSideEncryptionConfiguration(encryption -> encryption.rules(rule ->
                                        rule.applyServerSideEncryptionByDefault(by -> by.sseAlgorithm("AES256")))))),
                since(
                        "its public access, which somebody has changed since",
                        s3 -> s3.deletePublicAccessBlock(of -> of.bucket(BUCKET))),
                since(
                        "its object ownership, which somebody has changed since",
                        s3 -> s3.putBucketOwnershipControls(put -> put.bucket(BUCKET)
                                .ownershipControls(controls ->
                                        controls.rules(rule -> rule.objectOwnership(ObjectOwnership.OBJECT_WRITER))))),
                since(
                        "its policy, which somebody has changed since",
                        s3 -> s3.deleteBucketPolicy(of -> of.bucket(BUCKET))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("changesOfOthers")
    void whatSomebodyHasChangedSinceStaysAndIsTold(String told, Consumer<S3Client> change) {
        configure();
        adopt();
        change.accept(s3);
        assertEquals(List.of(told), giveBack());
    }

    @Test
    void aStatementAddedSinceStaysAndOursGoes() {
        configure();
        adopt();
        var policy = s3.getBucketPolicy(get -> get.bucket(BUCKET)).policy();
        var added = THEIRS.replace("Theirs", "Added").replace("s3:DeleteBucket", "s3:PutBucketWebsite");
        s3.putBucketPolicy(
                put -> put.bucket(BUCKET).policy(policy.replace("\"Statement\":[", "\"Statement\":[" + added + ",")));
        assertEquals(
                List.of("its policy, which somebody has changed since, but for the statement CloudHsmPipelineTlsOnly"),
                giveBack());
        var left = s3.getBucketPolicy(get -> get.bucket(BUCKET)).policy();
        assertTrue(left.contains("Theirs") && left.contains("Added"), left);
        assertFalse(left.contains("CloudHsmPipelineTlsOnly"), left);
    }

    @Test
    void aNotificationAddedSinceStays() {
        configure();
        adopt();
        var theirs = aws.cloud.sqs().createQueue("tags", Map.of("Policy", """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
             "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
            """));
        var now = BucketNotification.of(s3.getBucketNotificationConfiguration(get -> get.bucket(BUCKET)));
        s3.putBucketNotificationConfiguration(put -> put.bucket(BUCKET)
                .notificationConfiguration(now.toBuilder()
                        .queueConfigurations(
                                now.queueConfigurations().getFirst(),
                                QueueConfiguration.builder()
                                        .id("tags")
                                        .queueArn(theirs)
                                        .eventsWithStrings("s3:ObjectRemoved:Delete")
                                        .filter(filter -> filter.key(key -> key.filterRules(
                                                rule -> rule.name("prefix").value("tags/"))))
                                        .build())
                        .build()));
        assertEquals(List.of(), giveBack());
        var left = s3.getBucketNotificationConfiguration(get -> get.bucket(BUCKET));
        assertEquals(
                List.of("tags"),
                left.queueConfigurations().stream().map(queue -> queue.id()).toList());
        assertEquals(1, left.topicConfigurations().size());
    }

    @Test
    void aDefaultUnderTheDeploymentsOwnKeyIsNotPutBack() {
        s3.putBucketEncryption(put -> put.bucket(BUCKET)
                .serverSideEncryptionConfiguration(
                        encryption -> encryption.rules(rule -> rule.applyServerSideEncryptionByDefault(
                                by -> by.sseAlgorithm("aws:kms").kmsMasterKeyID(keyArn)))));
        adopt();
        assertEquals(
                List.of(
                        "its default encryption, SSE-S3 now: it was under the deployment's key before",
                        "its versions, suspended: S3 does not go back to having none"),
                giveBack());
        assertEquals(
                "AES256",
                s3.getBucketEncryption(get -> get.bucket(BUCKET))
                        .serverSideEncryptionConfiguration()
                        .rules()
                        .getFirst()
                        .applyServerSideEncryptionByDefault()
                        .sseAlgorithmAsString(),
                "the key goes with the deployment");
    }
}
