package cloudhsm.pipeline.provisioning.bucket;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static cloudhsm.pipeline.provisioning.TestAccount.waiting;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.NotificationConfiguration;

class BucketStagesTest {
    private static final String BUCKET = "cloudhsm-demo-111122223333-eu-central-1";
    private static final String EVIDENCE = "pipeline-evidencebucket-5bd1k2x0";
    private static final String PROBE = ".cloudhsm-pipeline/probe-run-1";

    private final TestAccount aws = new TestAccount();
    private final String queueArn = aws.cloud.sqs().createQueue("uploads", Map.of("Policy", """
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
         "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
        """));
    private final String keyArn = aws.kms.createKey().keyMetadata().arn();
    private final SecureBucket secureBucket =
            new SecureBucket(aws.s3, aws.deployments(), new BucketScope(EVIDENCE, "*"), queueArn, aws.runtime);
    private final ProveEncryption proveEncryption = new ProveEncryption(aws.s3, aws.runtime);
    private final SecureBucket.Input input = new SecureBucket.Input(DEPLOYMENT, BUCKET, false, keyArn);
    private final SecureBucket.Input adopting = new SecureBucket.Input(DEPLOYMENT, BUCKET, true, keyArn);
    private final ProveEncryption.Input proof = new ProveEncryption.Input(
            "arn:aws:states:eu-central-1:111122223333:execution:provision:run-1", BUCKET, keyArn);

    @BeforeEach
    void rememberTheKey() {
        aws.deployments().made(DEPLOYMENT, Made.KEY, keyArn.substring(keyArn.indexOf('/') + 1));
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private SecureBucket.Output secured() {
        return done(secureBucket.run(input, Optional.empty()), SecureBucket.Output.class);
    }

    private SecureBucket.Output adopted() {
        return done(secureBucket.run(adopting, Optional.empty()), SecureBucket.Output.class);
    }

    private void createBucket() {
        aws.s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
    }

    private void reencrypt() {
        aws.s3.updateObjectEncryption(request -> request.bucket(BUCKET)
                .key(PROBE)
                .objectEncryption(encryption -> encryption.ssekms(kms -> kms.kmsKeyArn(keyArn))));
    }

    @Test
    void newBucketEncryptsUnderTheKeyByDefault() {
        assertEquals(new SecureBucket.Output(BUCKET, true), secured());
        aws.s3.putObject(request -> request.bucket(BUCKET).key("report"), RequestBody.fromString("data"));

        var head = aws.s3.headObject(request -> request.bucket(BUCKET).key("report"));
        assertEquals(keyArn, head.ssekmsKeyId());
        assertTrue(head.bucketKeyEnabled(), "a key store answers 1,800 requests a second, no more");
        assertTrue(head.versionId() != null, "an overwritten object must be recoverable");
    }

    @Test
    void runningSecureBucketAgainChangesNothing() {
        assertEquals(secured(), secured());
        assertEquals(1, aws.cloud.calls("PutBucketNotificationConfiguration"), "each call sends a test event");
        assertEquals(1, aws.cloud.calls("PutBucketPolicy"));
    }

    @Test
    void bucketThatIsThereIsTakenOverOnlyWhereTheInputSaysSo() {
        createBucket();
        aws.s3.putBucketTagging(request -> request.bucket(BUCKET)
                .tagging(tags -> tags.tagSet(
                        tag -> tag.key("cloudhsm-pipeline:deployment").value(DEPLOYMENT))));
        var refused = failed(secureBucket.run(input, Optional.empty()));
        assertEquals("BUCKET_NOT_ADOPTED", refused.reason());
        assertTrue(refused.message().contains("\"adopt\": true"), refused.message());
        assertEquals(0, aws.cloud.calls("PutBucketEncryption"), "a tag is anybody's to set");

        assertFalse(adopted().created(), "teardown must leave what it did not make");
        assertEquals(1, aws.cloud.calls("PutBucketTagging"));
        assertFalse(secured().created(), "what was adopted once need not be asked for again");
    }

    @Test
    void aKeyThatTheDeploymentDidNotMakeIsPutOnNoBucket() {
        createBucket();
        var foreign = aws.kms.createKey().keyMetadata().arn();
        assertEquals("KEY_NOT_OURS", reason(DEPLOYMENT, foreign), "its owner could make the bucket unreadable");
        assertEquals("DEPLOYMENT_UNKNOWN", reason("dem", keyArn));
        assertEquals(0, aws.cloud.calls("PutBucketEncryption"));
        adopted();
    }

    /** As reencrypt-existing asks, whose input Preflight has not seen. */
    @Test
    void bucketOfTheEvidenceOrOfAnotherDeploymentIsAdoptedByNobody() {
        createBucket();
        assertEquals(
                "BUCKET_REFUSED",
                failed(secureBucket.run(new SecureBucket.Input(DEPLOYMENT, EVIDENCE, true, keyArn), Optional.empty()))
                        .reason());
        PipelineTable.provisioning(aws.deployments(), "other", Map.of(), aws.cloud.time().now());
        aws.deployments().made("other", Made.BUCKET, BUCKET);
        var refused = failed(secureBucket.run(adopting, Optional.empty()));
        assertEquals("BUCKET_REFUSED", refused.reason());
        assertTrue(refused.message().contains("is the bucket of the deployment \"other\""), refused.message());
        assertEquals(0, aws.cloud.calls("PutBucketEncryption"));

        aws.deployments().remove("other"); // as the last stage of its teardown does
        adopted();
    }

    private String reason(String deployment, String keyArn) {
        var asked = new SecureBucket.Input(deployment, BUCKET, true, keyArn);
        return failed(secureBucket.run(asked, Optional.empty())).reason();
    }

    @Test
    void bucketWhoseMakerDiedIsOurs() {
        aws.cloud.faults().add("s3", "CreateBucket", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> secureBucket.run(input, Optional.empty()));
        assertTrue(secured().created());
        assertEquals(1, aws.cloud.calls("CreateBucket"));
    }

    @Test
    void tagOfAnIntentThatIsClosedMeansNothing() {
        var intent = aws.deployments().intend(DEPLOYMENT, Made.BUCKET);
        secured();
        var other = new SecureBucket.Input(DEPLOYMENT, "photos", false, keyArn);
        aws.s3.createBucket(request -> request.bucket("photos")
                .createBucketConfiguration(configuration -> configuration
                        .locationConstraint("eu-central-1")
                        .tags(tag -> tag.key(Deployments.INTENT_TAG).value(intent))));
        assertEquals(
                "BUCKET_NOT_ADOPTED",
                failed(secureBucket.run(other, Optional.empty())).reason());
    }

    @Test
    void bucketThatDoesNotLetUsInIsLeftForOneOfAnotherName() {
        createBucket();
        aws.s3.putBucketPolicy(request -> request.bucket(BUCKET).policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket",
             "Resource": "arn:aws:s3:::%s"}]}\
            """.formatted(BUCKET)));
        assertEquals(
                "BUCKET_NOT_OURS",
                failed(secureBucket.run(input, Optional.empty())).reason());

        var other = new SecureBucket.Input(DEPLOYMENT, BUCKET + "-2", false, keyArn);
        assertEquals(
                new SecureBucket.Output(BUCKET + "-2", true),
                done(secureBucket.run(other, Optional.empty()), SecureBucket.Output.class));
    }

    @Test
    void notificationOfTheOwnerForTheSameEventsIsNotOverwritten() {
        createBucket();
        aws.s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(
                        queue -> queue.id("theirs").queueArn(queueArn).eventsWithStrings("s3:ObjectCreated:*"))));

        assertEquals(
                "NOTIFICATION_REFUSED",
                failed(secureBucket.run(adopting, Optional.empty())).reason());
        assertEquals(
                "theirs",
                aws.s3
                        .getBucketNotificationConfiguration(request -> request.bucket(BUCKET))
                        .queueConfigurations()
                        .getFirst()
                        .id());
    }

    /** What the failure's advice says, step by step; whoever heard of uploads still does. */
    @Test
    void notificationRefusedGoesAwayOnceTheOwnersQueueHearsThroughEventBridge() {
        createBucket();
        var theirs = aws.cloud.sqs().createQueue("theirs", Map.of("Policy", """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
             "Principal": {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}, "Resource": "*"}]}
            """));
        announceTo(configuration -> configuration.queueConfigurations(
                queue -> queue.id("theirs").queueArn(theirs).eventsWithStrings("s3:ObjectCreated:*")));
        var refused = failed(secureBucket.run(adopting, Optional.empty()));
        assertEquals("NOTIFICATION_REFUSED", refused.reason());
        assertTrue(refused.message().contains("turn on EventBridge"), refused.message());

        var events = aws.cloud.client(EventBridgeClient.builder());
        events.putRule(rule -> rule.name("uploads").eventPattern("""
            {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": ["%s"]}}}
            """.formatted(BUCKET)));
        events.putTargets(targets ->
                targets.rule("uploads").targets(target -> target.id("theirs").arn(theirs)));
        announceTo(configuration -> configuration.eventBridgeConfiguration(on -> {}));
        adopted();

        receive(theirs); // the test message of the notification that is gone
        receive(queueArn);
        aws.s3.putObject(request -> request.bucket(BUCKET).key("report"), RequestBody.fromString("data"));
        aws.cloud.advance(Duration.ofSeconds(20));
        assertEquals(1, receive(theirs));
        assertEquals(1, receive(queueArn));
    }

    @Test
    void topicOfTheOwnerForTheSameEventsIsInTheWayAsWell() {
        createBucket();
        var topic = aws.cloud.sns().createTopic("theirs", Map.of("Policy", """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish",
             "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
            """));
        announceTo(configuration ->
                configuration.topicConfigurations(to -> to.topicArn(topic).eventsWithStrings("s3:ObjectCreated:Copy")));

        assertTrue(
                failed(secureBucket.run(adopting, Optional.empty())).message().contains("Configurations overlap"));
    }

    @Test
    void notificationRefusedGoesAwayOnceTheNotificationToAMissingQueueDoes() {
        createBucket();
        var theirs = aws.cloud.sqs().createQueue("theirs", Map.of("Policy", """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
             "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
            """));
        announceTo(configuration -> configuration.queueConfigurations(
                queue -> queue.id("theirs").queueArn(theirs).eventsWithStrings("s3:ObjectRemoved:*")));
        aws.cloud
                .endpoint()
                .call(
                        aws.cloud.iam().administrator(),
                        "sqs",
                        "DeleteQueue",
                        Json.object().put("QueueUrl", aws.cloud.sqs().queueUrl(theirs)));
        var refused = failed(secureBucket.run(adopting, Optional.empty()));
        assertEquals("NOTIFICATION_REFUSED", refused.reason());
        assertTrue(refused.message().contains("cannot validate a destination"), refused.message());

        announceTo(configuration -> {});
        adopted();
    }

    private void announceTo(Consumer<NotificationConfiguration.Builder> configuration) {
        aws.s3.putBucketNotificationConfiguration(
                request -> request.bucket(BUCKET).notificationConfiguration(configuration));
    }

    private int receive(String queue) {
        return aws.cloud.sqs().receive(queue, 10).size();
    }

    @Test
    void throttledBucketCallMayPass() {
        aws.cloud.faults().add("s3", "PutBucketVersioning", 1, Faults.Kind.THROTTLED);

        assertTrue(Aws.mayPass(assertThrows(SdkException.class, () -> secureBucket.run(input, Optional.empty()))));
        secured();
    }

    @Test
    void probeIsProvenOnceItIsUnderTheKeyAndLeavesNothingBehind() {
        secured();
        var waiting = waiting(proveEncryption.run(proof, Optional.empty()));
        assertEquals(Resource.object(BUCKET, PROBE), waiting.resource());
        assertEquals(Set.of("AES256"), waiting.whileIn());
        reencrypt();

        assertEquals(
                new ProveEncryption.Output(PROBE, "AES256", keyArn, true, 1),
                done(proveEncryption.run(proof, Optional.of(waiting.resource())), ProveEncryption.Output.class));
        assertTrue(
                aws.s3
                        .listObjectVersions(request -> request.bucket(BUCKET).encodingType(EncodingType.URL))
                        .versions()
                        .isEmpty(),
                "the bucket is the user's");
    }

    @Test
    void runningTheProofAgainUploadsNoSecondProbe() {
        secured();
        waiting(proveEncryption.run(proof, Optional.empty()));
        waiting(proveEncryption.run(proof, Optional.empty()));

        assertEquals(1, aws.cloud.calls("PutObject"));
    }

    @Test
    void proofThatDiedBeforeItSaidSoIsMadeAgain() {
        secured();
        var waiting = waiting(proveEncryption.run(proof, Optional.empty()));
        reencrypt();
        done(proveEncryption.run(proof, Optional.of(waiting.resource())), ProveEncryption.Output.class);

        assertEquals(waiting, waiting(proveEncryption.run(proof, Optional.of(waiting.resource()))));
    }

    @Test
    void probeDeletedBySomebodyFailsTheProof() {
        secured();
        var waiting = waiting(proveEncryption.run(proof, Optional.empty()));
        aws.s3.deleteObject(request -> request.bucket(BUCKET).key(PROBE));

        assertEquals(
                "PROOF_FAILED",
                failed(proveEncryption.run(proof, Optional.of(waiting.resource())))
                        .reason());
    }

    @Test
    void probeUnderAnotherKeyFailsTheProof() {
        secured();
        var waiting = waiting(proveEncryption.run(proof, Optional.empty()));
        reencrypt();
        var otherKey = new ProveEncryption.Input(
                proof.execution(), BUCKET, aws.kms.createKey().keyMetadata().arn());

        var failure = failed(proveEncryption.run(otherKey, Optional.of(waiting.resource())));
        assertTrue(failure.message().contains("another key, " + keyArn), failure.message());
    }

    @Test
    void probeThatNobodyReencryptsPointsToTheQueue() {
        secured();
        var waiting = waiting(proveEncryption.run(proof, Optional.empty()));
        aws.cloud.advance(Duration.ofMinutes(21));

        var failure = failed(proveEncryption.run(proof, Optional.of(waiting.resource())));
        assertEquals("PROOF_FAILED", failure.reason());
        assertTrue(failure.message().contains("dead-letter queue"), failure.message());
    }
}
