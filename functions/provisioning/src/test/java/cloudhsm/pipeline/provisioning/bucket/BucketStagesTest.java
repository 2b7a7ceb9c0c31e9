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
import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.NotificationConfiguration;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;

class BucketStagesTest {
    private static final String BUCKET = "cloudhsm-demo-111122223333-eu-central-1";
    private static final String EVIDENCE = "pipeline-evidencebucket-5bd1k2x0";
    private static final List<String> HSMS = List.of("hsm-aaaaaaaaaaa", "hsm-bbbbbbbbbbb");
    private static final String PROBE = ".cloudhsm-pipeline/probe-run-1";

    private final TestAccount aws = new TestAccount();
    private final String queueArn = aws.cloud.sqs().createQueue("uploads", Map.of("Policy", """
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
         "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
        """));
    private final String keyArn = aws.kms.createKey().keyMetadata().arn();
    private final SecureBucket secureBucket =
            new SecureBucket(aws.s3, aws.deployments(), new BucketScope(EVIDENCE, "*"), queueArn, aws.runtime);
    private final ProveEncryption proveEncryption =
            new ProveEncryption(aws.s3, aws.kms, aws.deployments(), aws.runtime);
    private final SecureBucket.Input input = new SecureBucket.Input(DEPLOYMENT, BUCKET, false, keyArn);
    private final SecureBucket.Input adopting = new SecureBucket.Input(DEPLOYMENT, BUCKET, true, keyArn);
    private final ProveEncryption.Input proof = proofOf(keyArn, HSMS, true);

    @BeforeEach
    void rememberTheKey() {
        aws.deployments().made(DEPLOYMENT, Made.KEY, keyArn.substring(keyArn.indexOf('/') + 1));
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private static ProveEncryption.Input proofOf(String keyArn, List<String> hsms, boolean changed) {
        return new ProveEncryption.Input(
                "arn:aws:states:eu-central-1:111122223333:execution:provision:run-1",
                DEPLOYMENT,
                BUCKET,
                keyArn,
                hsms,
                changed);
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
        assertEquals(new SecureBucket.Output(BUCKET, true, true), secured());
        aws.s3.putObject(request -> request.bucket(BUCKET).key("report"), RequestBody.fromString("data"));

        var head = aws.s3.headObject(request -> request.bucket(BUCKET).key("report"));
        assertEquals(keyArn, head.ssekmsKeyId());
        assertTrue(head.bucketKeyEnabled(), "a key store answers 1,800 requests a second, no more");
        assertTrue(head.versionId() != null, "an overwritten object must be recoverable");
    }

    @Test
    void runningSecureBucketAgainChangesNothing() {
        secured();
        var before = puts();
        assertEquals(new SecureBucket.Output(BUCKET, true, false), secured());
        assertEquals(before, puts());
    }

    /** Every call so far that has changed something in S3, in their order. */
    private List<String> puts() {
        return aws.cloud.endpoint().calls().stream()
                .filter(call -> call.service().equals("s3"))
                .map(Call::operation)
                .filter(operation -> !operation.startsWith("Get") && !operation.startsWith("Head"))
                .toList();
    }

    /** Everything that can be undone of what the stage does, by the call that puts it back. */
    private static Stream<Arguments> undone() {
        return Stream.of(
                undone("PutBucketOwnershipControls", s3 -> s3.deleteBucketOwnershipControls(of -> of.bucket(BUCKET))),
                undone(
                        "PutBucketOwnershipControls",
                        s3 -> s3.putBucketOwnershipControls(of -> of.bucket(BUCKET)
                                .ownershipControls(controls -> controls.rules(
                                        rule -> rule.objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED))))),
                undone("PutPublicAccessBlock", s3 -> s3.deletePublicAccessBlock(of -> of.bucket(BUCKET))),
                undone(
                        "PutPublicAccessBlock",
                        s3 -> s3.putPublicAccessBlock(of -> of.bucket(BUCKET)
                                .publicAccessBlockConfiguration(block -> block.blockPublicAcls(true)
                                        .ignorePublicAcls(true)
                                        .blockPublicPolicy(false)
                                        .restrictPublicBuckets(true)))),
                undone(
                        "PutBucketVersioning",
                        s3 -> s3.putBucketVersioning(of -> of.bucket(BUCKET)
                                .versioningConfiguration(
                                        versioning -> versioning.status(BucketVersioningStatus.SUSPENDED)))),
                undone("PutBucketEncryption", s3 -> s3.deleteBucketEncryption(of -> of.bucket(BUCKET))),
                undone(
                        "PutBucketEncryption",
                        s3 -> s3.putBucketEncryption(of -> of.bucket(BUCKET)
                                .serverSideEncryptionConfiguration(
                                        configuration -> configuration.rules(rule -> rule.bucketKeyEnabled(true)
                                                .applyServerSideEncryptionByDefault(
                                                        by -> by.sseAlgorithm("aws:kms")))))),
                undone("PutBucketEncryption", s3 -> {
                    var rule = s3.getBucketEncryption(of -> of.bucket(BUCKET))
                            .serverSideEncryptionConfiguration()
                            .rules()
                            .getFirst();
                    s3.putBucketEncryption(of -> of.bucket(BUCKET)
                            .serverSideEncryptionConfiguration(configuration -> configuration.rules(
                                    rule.toBuilder().bucketKeyEnabled(false).build())));
                }),
                undone("PutBucketPolicy", s3 -> s3.deleteBucketPolicy(of -> of.bucket(BUCKET))),
                undone(
                        "PutBucketPolicy",
                        s3 -> s3.putBucketPolicy(of -> of.bucket(BUCKET)
                                .policy(s3.getBucketPolicy(policy -> policy.bucket(BUCKET))
                                        .policy()
                                        .replace("s3:*", "s3:PutObject")))),
                undone(
                        "PutBucketNotificationConfiguration",
                        s3 -> s3.putBucketNotificationConfiguration(
                                of -> of.bucket(BUCKET).notificationConfiguration(nothing -> {}))),
                undone("PutBucketNotificationConfiguration", s3 -> {
                    var ours = s3.getBucketNotificationConfiguration(of -> of.bucket(BUCKET))
                            .queueConfigurations()
                            .getFirst();
                    s3.putBucketNotificationConfiguration(of -> of.bucket(BUCKET)
                            .notificationConfiguration(
                                    configuration -> configuration.queueConfigurations(ours.toBuilder()
                                            .eventsWithStrings("s3:ObjectCreated:Put")
                                            .build())));
                }));
    }

    private static Arguments undone(String putBack, Consumer<S3Client> undo) {
        return Arguments.of(putBack, undo);
    }

    @ParameterizedTest
    @MethodSource("undone")
    void whatIsUndoneByHandIsPutBackAndNothingElse(String putBack, Consumer<S3Client> undo) {
        secured();
        undo.accept(aws.s3);
        var before = puts().size();

        assertEquals(new SecureBucket.Output(BUCKET, true, true), secured());
        assertEquals(List.of(putBack), puts().subList(before, puts().size()));
        assertEquals(new SecureBucket.Output(BUCKET, true, false), secured());
    }

    @Test
    void bucketThatIsAdoptedHasChanged() {
        createBucket();
        assertEquals(new SecureBucket.Output(BUCKET, false, true), adopted());
        assertEquals(new SecureBucket.Output(BUCKET, false, false), adopted());
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
        PipelineTable.provisioning(
                aws.deployments(), "other", Map.of(), aws.cloud.time().now());
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
                new SecureBucket.Output(BUCKET + "-2", true, true),
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
        var otherKey = proofOf(aws.kms.createKey().keyMetadata().arn(), HSMS, true);

        var failure = failed(proveEncryption.run(otherKey, Optional.of(waiting.resource())));
        assertTrue(failure.message().contains("another key, " + keyArn), failure.message());
    }

    /** The record of a deployment that has been provisioned on these HSMs. */
    private ProveEncryption.Output provenBefore(String bucket, String keyArn) {
        var proven = new ProveEncryption.Output(".cloudhsm-pipeline/probe-run-0", "AES256", keyArn, true, 1);
        aws.deployments()
                .running(
                        DEPLOYMENT,
                        Map.of(
                                "kmsUser",
                                Map.of(
                                        "hsms",
                                        HSMS.reversed().stream()
                                                .map(hsm -> Map.of("hsmId", hsm))
                                                .toList()),
                                "buckets",
                                List.of(Map.of("bucket", bucket, "proof", proven))),
                        aws.cloud.time().now());
        return proven;
    }

    private void provenAnew(ProveEncryption.Input input) {
        var before = aws.cloud.calls("PutObject");
        waiting(proveEncryption.run(input, Optional.empty()));
        assertEquals(before + 1, aws.cloud.calls("PutObject"));
        aws.s3.deleteObject(request -> request.bucket(BUCKET)
                .key(PROBE)
                .versionId(aws.s3
                        .headObject(head -> head.bucket(BUCKET).key(PROBE))
                        .versionId()));
    }

    @Test
    void proofOfTheRecordIsTakenOnceKmsHasMadeADataKey() {
        secured();
        var proven = provenBefore(BUCKET, keyArn);
        assertEquals(
                proven,
                done(
                        proveEncryption.run(proofOf(keyArn, HSMS, false), Optional.empty()),
                        ProveEncryption.Output.class));
        assertEquals(1, aws.cloud.calls("GenerateDataKeyWithoutPlaintext"));
        assertEquals(0, aws.cloud.calls("PutObject"));
    }

    @Test
    void proofOfTheRecordIsNotTakenWhereAnythingIsAnotherThanThen() {
        secured();
        provenAnew(proofOf(keyArn, HSMS, false)); // nothing is on record
        provenBefore(BUCKET, keyArn);
        provenAnew(proofOf(keyArn, HSMS, true));
        provenAnew(proofOf(keyArn, List.of(HSMS.getFirst(), "hsm-ccccccccccc"), false));
        provenAnew(proofOf(keyArn, List.of(HSMS.getFirst(), HSMS.getLast(), "hsm-ccccccccccc"), false));
        provenAnew(proofOf(keyArn, List.of(HSMS.getFirst()), false));
        provenAnew(proofOf(aws.kms.createKey().keyMetadata().arn(), HSMS, false));
        provenBefore(BUCKET + "-2", keyArn);
        provenAnew(proofOf(keyArn, HSMS, false));
    }

    /** A proof may have failed since, so that nothing is left to change and nothing is proven. */
    @Test
    void proofOfTheRecordIsNotTakenAfterAChangeUntilAProvisioningHasSucceeded() {
        secured();
        provenBefore(BUCKET, keyArn);
        aws.s3.deleteBucketPolicy(request -> request.bucket(BUCKET));
        secured();
        provenAnew(proofOf(keyArn, HSMS, false));
        secured();
        provenAnew(proofOf(keyArn, HSMS, false));
        var proven = provenBefore(BUCKET, keyArn);
        secured();
        assertEquals(
                proven,
                done(
                        proveEncryption.run(proofOf(keyArn, HSMS, false), Optional.empty()),
                        ProveEncryption.Output.class));
    }

    @Test
    void keyThatKmsCannotUseIsSaidBeforeAnythingIsUploadedWhateverIsOnRecord() {
        var password = "kmsuserPassword1";
        var cluster = aws.clusterForKms(password);
        var keyStoreId = aws.kms
                .createCustomKeyStore(create -> create.customKeyStoreName("cloudhsm-demo")
                        .cloudHsmClusterId(cluster.id())
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(password))
                .customKeyStoreId();
        aws.kms.connectCustomKeyStore(connect -> connect.customKeyStoreId(keyStoreId));
        aws.waitUntil(() -> connectionState(keyStoreId) == ConnectionStateType.CONNECTED);
        var key = aws.kms
                .createKey(create -> create.origin(OriginType.AWS_CLOUDHSM).customKeyStoreId(keyStoreId))
                .keyMetadata()
                .arn();
        provenBefore(BUCKET, key);
        var input = proofOf(key, HSMS, false);
        done(proveEncryption.run(input, Optional.empty()), ProveEncryption.Output.class);
        for (var hsm : aws.cluster(cluster.id()).hsms()) {
            aws.cloudHsm.deleteHsm(delete -> delete.clusterId(cluster.id()).hsmId(hsm.hsmId()));
        }
        aws.waitUntil(() -> aws.cluster(cluster.id()).hsms().isEmpty());

        assertEquals(ConnectionStateType.CONNECTED, connectionState(keyStoreId), "as far as KMS knows");
        var failed = failed(proveEncryption.run(input, Optional.empty()));
        assertEquals("KEY_UNUSABLE", failed.reason());
        assertTrue(failed.message().startsWith("KMS cannot use key " + key + " although"), failed::message);
        assertTrue(failed.message().contains("KMS says: \""), failed::message);
        assertEquals(0, aws.cloud.calls("PutObject"));
    }

    private ConnectionStateType connectionState(String keyStoreId) {
        return aws.kms
                .describeCustomKeyStores(describe -> describe.customKeyStoreId(keyStoreId))
                .customKeyStores()
                .getFirst()
                .connectionState();
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
