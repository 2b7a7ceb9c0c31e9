package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.EncryptionType;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** Buckets that were there before: taken over only when asked for, never deleted, and never the stack's own. */
class AdoptedBucketTest {
    private static final String PHOTOS = "cloudhsm-photos-of-the-department";

    private static Pipeline pipeline;

    @BeforeAll
    static void makeTheOwnersBucket() {
        pipeline = Pipeline.deploy(1, TeardownTest.SELDOM);
        pipeline.s3()
                .createBucket(request -> request.bucket(PHOTOS)
                        .createBucketConfiguration(configuration -> configuration
                                .locationConstraint("eu-central-1")
                                .tags(tag ->
                                        tag.key("cloudhsm-pipeline:deployment").value("default"))));
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    private static String input(String bucket, boolean adopt) {
        return "{\"bucket\": {\"name\": \"" + bucket + "\", \"adopt\": " + adopt + "}}";
    }

    @Test
    void evidenceBucketIsRefusedWithEveryInput() {
        var evidence = pipeline.deployment().stack().outputs().get("EvidenceBucketName");
        for (var adopt : new boolean[] {false, true}) {
            var ended = pipeline.provision("evidence-" + adopt, input(evidence, adopt));
            assertEquals("INVALID_INPUT", ended.error());
            assertTrue(ended.cause().contains("is the bucket of the stack's evidence"), ended::cause);
        }
        var artifacts = pipeline.provision("artifacts", input("aws-sam-cli-managed-default-samclisourcebucket", true));
        assertTrue(artifacts.cause().contains("is the bucket of the SAM CLI's artifacts"), artifacts::cause);
    }

    /** Everything of a bucket that the pipeline changes, as S3 answers it. */
    private static List<Object> settings() {
        var s3 = pipeline.s3();
        return List.of(
                s3.getBucketEncryption(of -> of.bucket(PHOTOS)).serverSideEncryptionConfiguration(),
                s3.getBucketPolicy(of -> of.bucket(PHOTOS)).policy(),
                s3.getBucketNotificationConfiguration(of -> of.bucket(PHOTOS)).topicConfigurations(),
                s3.getBucketNotificationConfiguration(of -> of.bucket(PHOTOS)).queueConfigurations(),
                s3.getPublicAccessBlock(of -> of.bucket(PHOTOS)).publicAccessBlockConfiguration(),
                s3.getBucketOwnershipControls(of -> of.bucket(PHOTOS)).ownershipControls(),
                s3.getBucketVersioning(of -> of.bucket(PHOTOS)).statusAsString());
    }

    /** Nothing is as S3 has it by default. */
    private static void configure(String theirKey) {
        var s3 = pipeline.s3();
        s3.putBucketEncryption(put -> put.bucket(PHOTOS)
                .serverSideEncryptionConfiguration(encryption -> encryption.rules(rule -> rule.bucketKeyEnabled(false)
                        .blockedEncryptionTypes(blocked -> blocked.encryptionType(EncryptionType.NONE))
                        .applyServerSideEncryptionByDefault(
                                by -> by.sseAlgorithm("aws:kms").kmsMasterKeyID(theirKey)))));
        s3.putBucketPolicy(put -> put.bucket(PHOTOS).policy("""
            {"Version": "2012-10-17", "Statement": {"Sid": "Theirs", "Effect": "Deny", "Principal": "*",
             "Action": "s3:PutBucketWebsite", "Resource": "arn:aws:s3:::%s"}}\
            """.formatted(PHOTOS)));
        var topic = pipeline.cloud().sns().createTopic("deletions", Map.of("Policy", """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish",
             "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
            """));
        s3.putBucketNotificationConfiguration(put -> put.bucket(PHOTOS)
                .notificationConfiguration(configuration -> configuration.topicConfigurations(
                        to -> to.topicArn(topic).id("deletions").eventsWithStrings("s3:ObjectRemoved:*"))));
        s3.putPublicAccessBlock(put -> put.bucket(PHOTOS)
                .publicAccessBlockConfiguration(
                        block -> block.blockPublicAcls(true).ignorePublicAcls(true)));
        s3.putBucketOwnershipControls(put -> put.bucket(PHOTOS)
                .ownershipControls(controls ->
                        controls.rules(rule -> rule.objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED))));
        s3.putBucketVersioning(put -> put.bucket(PHOTOS)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
        s3.putObject(put -> put.bucket(PHOTOS).key("a"), RequestBody.fromString("theirs"));
    }

    private static DescribeExecutionResponse succeeded(DescribeExecutionResponse ended) {
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        return ended;
    }

    private static String key(String bucket, String key) {
        return pipeline.s3().headObject(head -> head.bucket(bucket).key(key)).ssekmsKeyId();
    }

    private static void uploadUnderSseS3(String bucket) {
        pipeline.s3()
                .putObject(
                        put -> put.bucket(bucket).key("upload").serverSideEncryption(ServerSideEncryption.AES256),
                        RequestBody.fromString("uploaded"));
    }

    /** What has changed anything so far, but for the reports of executions. */
    private static List<String> changes() {
        return pipeline.cloud().endpoint().calls().stream()
                .filter(call -> Set.of("s3", "kms", "cloudhsmv2", "ec2", "secretsmanager")
                        .contains(call.service()))
                .map(Call::operation)
                .filter(operation -> operation.matches(
                        "(Put|Create|Delete|Update|Run|Terminate|Connect|Disconnect|Schedule|Copy).*"))
                .filter(operation -> !operation.equals("PutObject"))
                .toList();
    }

    @Test
    void aBucketIsAddedAndProvenAndGivenBackAsItWasFound() {
        var theirKey = pipeline.kms().createKey().keyMetadata().arn();
        configure(theirKey);
        var before = settings();
        var first = Json.parse(succeeded(pipeline.provision("first", "{}")).output());
        var ours = first.at("/buckets/0").asText();
        var keyArn = first.path("keyArn").asText();

        var refused = pipeline.provision("not-asked", "{\"buckets\": [{\"name\": \"" + PHOTOS + "\"}]}");
        assertEquals("INVALID_INPUT", refused.error(), "its tag is anybody's to set");
        assertTrue(refused.cause().contains("buckets[0].name: \"" + PHOTOS + "\" is there already"), refused::cause);
        assertEquals(before, settings());

        var clients = pipeline.cloud().calls("RunInstances");
        var second = pipeline.provision("second", "{\"buckets\": [{\"name\": \"" + PHOTOS + "\", \"adopt\": true}]}");
        assertEquals(
                List.of(PHOTOS, ours),
                List.of(
                        Json.parse(succeeded(second).output()).at("/buckets/0").asText(),
                        Json.parse(second.output()).at("/buckets/1").asText()),
                "leaving a bucket out takes nothing away");
        for (var bucket : pipeline.evidence(second).path("buckets")) {
            assertEquals(keyArn, bucket.at("/proof/after").asText(), bucket::toString);
        }
        assertEquals(clients, pipeline.cloud().calls("RunInstances"), "another bucket needs no client");

        for (var bucket : List.of(ours, PHOTOS)) uploadUnderSseS3(bucket);
        pipeline.cloud().advance(Duration.ofMinutes(5));
        for (var bucket : List.of(ours, PHOTOS)) assertEquals(keyArn, key(bucket, "upload"), bucket);
        assertEquals(theirKey, key(PHOTOS, "a"));
        succeeded(pipeline.run("ReencryptExisting", "photos", "{\"bucket\": \"" + PHOTOS + "\"}"));
        assertEquals(keyArn, key(PHOTOS, "a"));

        var changes = changes();
        succeeded(pipeline.provision("third", "{}"));
        assertEquals(changes, changes(), "everything is as it should be");

        var down =
                pipeline.tearDown("down", TeardownTest.input("default", "\"data\":\"DELETE\",\"evenIfShared\":true"));
        assertTrue(
                Json.parse(succeeded(down).output())
                        .at("/report/keptByChoice")
                        .toString()
                        .contains("s3://" + PHOTOS + " and its objects, readable; it was there before"),
                down::output);
        assertThrows(NoSuchBucketException.class, () -> pipeline.s3().headBucket(head -> head.bucket(ours)));
        assertEquals(before, settings());
        assertEquals("theirs", content("a"));
        assertEquals("uploaded", content("upload"));
        assertEquals(theirKey, key(PHOTOS, "a"), "what was its default before takes every version");
    }

    private static String content(String key) {
        return pipeline.s3()
                .getObjectAsBytes(get -> get.bucket(PHOTOS).key(key))
                .asUtf8String();
    }
}
