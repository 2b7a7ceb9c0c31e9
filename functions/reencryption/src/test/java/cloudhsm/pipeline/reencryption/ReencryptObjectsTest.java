package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.reencryption.Settings.DualLayerObjects;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import cloudhsm.pipeline.reencryption.Settings.PreviousVersions;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.Message;

/** Uploads reach the function as they do on AWS: S3 notifies a queue, the queue's messages are the batch. */
class ReencryptObjectsTest {
    private static final String BUCKET = "quarterly-reports";
    private static final String RESULTS = "evidence";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = cloud.client(S3Client.builder());
    private final Clock clock = cloud.time().clock();
    private final List<String> metrics = new ArrayList<>();
    private final RecordedLog log = new RecordedLog();
    private final TestKeys keys = new TestKeys(cloud);
    private String target;
    private String queue;
    private String deadLetters;
    private ReencryptObjects function;

    @BeforeEach
    void bucketWithTargetKeyAndQueue() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .objectLockEnabledForBucket(true)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        target = keys.create();
        useKey(target);
        deadLetters = cloud.sqs().createQueue("put-aside", Map.of());
        queue = cloud.sqs()
                .createQueue(
                        "uploads",
                        Map.of(
                                "RedrivePolicy",
                                "{\"deadLetterTargetArn\": \"" + deadLetters + "\", \"maxReceiveCount\": 500}",
                                "Policy",
                                """
                                {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*",
                                  "Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}}]}
                                """));
        function = function(Settings.DEFAULT);
        notifyTheQueue();
        // S3's test message.
        cloud.sqs().receive(queue, 10).forEach(message -> cloud.sqs().delete(queue, message.receiptHandle()));
    }

    private void notifyTheQueue() {
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(
                        to -> to.queueArn(queue).events(Event.S3_OBJECT_CREATED))));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private ReencryptObjects function(Settings settings) {
        return new ReencryptObjects(
                s3,
                new UploadsQueue(
                        cloud.client(SqsClient.builder()),
                        cloud.sqs().queueUrl(queue),
                        cloud.sqs().queueUrl(deadLetters)),
                settings,
                metrics::add,
                clock);
    }

    private void useKey(String keyId) {
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration ->
                        configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(standard ->
                                        standard.sseAlgorithm("aws:kms").kmsMasterKeyID(keyId))
                                .blockedEncryptionTypes(blocked -> blocked.encryptionTypeWithStrings("NONE"))
                                .bucketKeyEnabled(true))));
    }

    private String put(String key, ServerSideEncryption encryption) {
        return s3.putObject(
                        request -> request.bucket(BUCKET).key(key).serverSideEncryption(encryption),
                        RequestBody.fromString("text"))
                .versionId();
    }

    private HeadObjectResponse head(String key) {
        return s3.headObject(request -> request.bucket(BUCKET).key(key));
    }

    /** What the queue has, as Lambda hands it over. */
    private List<SQSMessage> delivered() {
        cloud.advance(Duration.ofSeconds(5));
        return cloud.sqs().receive(queue, 10).stream()
                .map(received -> {
                    var message = message(received.messageId(), received.body());
                    message.setReceiptHandle(received.receiptHandle());
                    message.setAttributes(received.attributes());
                    return message;
                })
                .toList();
    }

    /** What lies in the dead-letter queue. */
    private List<Message> putAside() {
        return cloud.client(SqsClient.builder())
                .receiveMessage(request -> request.queueUrl(cloud.sqs().queueUrl(deadLetters))
                        .maxNumberOfMessages(10)
                        .visibilityTimeout(0)
                        .messageAttributeNames("All"))
                .messages();
    }

    private List<String> reasonsAside() {
        return putAside().stream()
                .map(message -> message.messageAttributes().get("Reason").stringValue())
                .toList();
    }

    /** As the runbook has it: everything that was put aside goes back to the queue of uploads. */
    private void sendEverythingBack() {
        cloud.client(SqsClient.builder())
                .startMessageMoveTask(move -> move.sourceArn(deadLetters).destinationArn(queue));
    }

    private static SQSMessage message(String id, String body) {
        var message = new SQSMessage();
        message.setMessageId(id);
        message.setBody(body);
        return message;
    }

    /** The ids of the messages that go back to the queue. */
    private List<String> handle(SQSMessage... messages) {
        return handle(Arrays.asList(messages));
    }

    private List<String> handle(List<SQSMessage> messages) {
        var batch = new SQSEvent();
        batch.setRecords(new ArrayList<>(messages));
        return function.handleRequest(batch, log.context()).getBatchItemFailures().stream()
                .map(failure -> failure.getItemIdentifier())
                .toList();
    }

    /** What Lambda does with what arrives in that time: a message that the function does not send back is deleted. */
    private void work(Duration howLong) {
        var end = clock.instant().plus(howLong);
        while (clock.instant().isBefore(end)) {
            var messages = delivered();
            if (messages.isEmpty()) continue;
            var back = handle(messages);
            messages.stream()
                    .filter(message -> !back.contains(message.getMessageId()))
                    .forEach(message -> cloud.sqs().delete(queue, message.getReceiptHandle()));
        }
    }

    /** What an execution of reencrypt-existing does with a bucket of a few objects. */
    private void haveListedAgain(Settings settings) {
        s3.createBucket(request -> request.bucket(RESULTS)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        var bucket = Map.of("bucket", BUCKET, "prefix", "", "versions", "CURRENT", "inventory", "", "pageSize", 500);
        var begin = Map.of("request", (Object) bucket, "folder", "run/", "position", "", "pages", 0, "objects", 0);
        var listed = new ListObjects(s3, RESULTS).handleRequest(begin, log.context());
        assertEquals(1, listed.get("pages"), listed::toString);
        new ReencryptPage(s3, RESULTS, settings, clock)
                .handleRequest(Map.of("page", "run/pages/000000000.jsonl", "bucket", BUCKET), log.context());
    }

    private static String event(String name, String key, String versionId, String etag) {
        return """
            {"Records": [{"eventVersion": "2.6", "eventName": "%s", "s3": {"bucket": {"name": "%s"},
              "object": {"key": "%s", %s "eTag": "%s"}}}]}
            """.formatted(
                        name, BUCKET, key, versionId == null ? "" : "\"versionId\":" + " \"" + versionId + "\",", etag);
    }

    private static String created(String key, String versionId) {
        return event("ObjectCreated:Put", key, versionId, "0");
    }

    @Test
    void uploadUnderSseS3ComesUnderTheBucketsKey() {
        var version = put("Q3 (final)+.csv", ServerSideEncryption.AES256);
        assertEquals(List.of(), handle(delivered()));
        var head = head("Q3 (final)+.csv");
        assertEquals(target, head.ssekmsKeyId());
        assertTrue(head.bucketKeyEnabled(), "else each download costs a call of the key store");
        assertEquals(version, head.versionId(), "no second version under the old encryption");
        assertEquals(
                "{\"outcome\":\"REENCRYPTED\",\"reason\":\"UPDATE\",\"bucket\":\"quarterly-reports\",\"key\":\"Q3"
                        + " (final)+.csv\",\"versionId\":\""
                        + version + "\"}",
                log.only());
        assertEquals(List.of(), delivered(), "re-encrypting must not cause an event of its own");
    }

    @Test
    void uploadUnderAnotherKmsKeyComesUnderTheBucketsKey() {
        put("k", ServerSideEncryption.AWS_KMS);
        handle(delivered());
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void objectThatNeedsWorkCostsTwoRequestsAndOthersOne() {
        put("k", ServerSideEncryption.AES256);
        var messages = delivered();
        var before = cloud.endpoint().calls().size();
        handle(messages);
        assertEquals(3, s3CallsSince(before), "with the bucket's lookup, which is remembered");
        before = cloud.endpoint().calls().size();
        handle(messages);
        assertEquals(1, s3CallsSince(before), "repeated messages are frequent and must be cheap");
        assertTrue(log.lines().getLast().contains("ALREADY_DONE"));
    }

    private long s3CallsSince(int before) {
        return cloud.endpoint().calls().stream()
                .skip(before)
                .filter(call -> call.service().equals("s3"))
                .count();
    }

    @Test
    void theVersionOfTheEventIsMeantNotTheCurrentOne() {
        var first = put("k", ServerSideEncryption.AES256);
        var message = delivered();
        put("k", ServerSideEncryption.AES256);
        handle(message);
        assertEquals(
                target,
                s3.headObject(request -> request.bucket(BUCKET).key("k").versionId(first))
                        .ssekmsKeyId());
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption());
    }

    @Test
    void deletedVersionsAndMarkersAreNothingToDo() {
        var version = put("k", ServerSideEncryption.AES256);
        s3.deleteObject(request -> request.bucket(BUCKET).key("k").versionId(version));
        var marker = s3.deleteObject(request -> request.bucket(BUCKET).key("k")).versionId();
        assertEquals(List.of(), handle(message("1", created("k", version)), message("2", created("k", marker))));
        assertTrue(
                log.lines().get(0).contains("\"GONE\",\"reason\":\"NOT_FOUND\""),
                log.lines().get(0));
        assertTrue(
                log.lines().get(1).contains("\"GONE\",\"reason\":\"DELETE_MARKER\""),
                log.lines().get(1));
    }

    @Test
    void overwrittenUploadIsLeftToTheNewersEvent() {
        s3.createBucket(request -> request.bucket("unversioned")
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        s3.putBucketEncryption(request -> request.bucket("unversioned")
                .serverSideEncryptionConfiguration(
                        configuration -> configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(
                                standard -> standard.sseAlgorithm("aws:kms").kmsMasterKeyID(target)))));
        s3.putObject(
                request -> request.bucket("unversioned").key("k").serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromString("newer"));
        handle(message("1", created("k", null).replace(BUCKET, "unversioned")));
        assertTrue(log.only().contains("\"GONE\",\"reason\":\"OVERWRITTEN\""), log.only());
    }

    @Test
    void objectUnderACustomersKeyIsLeft() throws Exception {
        var key = new byte[32];
        var base64 = Base64.getEncoder().encodeToString(key);
        var md5 = Base64.getEncoder()
                .encodeToString(MessageDigest.getInstance("MD5").digest(key));
        s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("k")
                        .sseCustomerAlgorithm("AES256")
                        .sseCustomerKey(base64)
                        .sseCustomerKeyMD5(md5),
                RequestBody.fromString("text"));
        assertEquals(List.of(), handle(delivered()));
        assertTrue(log.only().contains("\"LEFT\",\"reason\":\"SSE_C\""), log.only());

        put("k", ServerSideEncryption.AES256);
        assertEquals(List.of(), handle(delivered()));
        assertEquals(target, head("k").ssekmsKeyId(), "uploaded again without a key of one's own");
    }

    @Test
    void lockedObjectIsLeft() {
        put("k", ServerSideEncryption.AES256);
        s3.putObjectLegalHold(request ->
                request.bucket(BUCKET).key("k").legalHold(hold -> hold.status(ObjectLockLegalHoldStatus.ON)));
        assertEquals(List.of(), handle(delivered()));
        assertTrue(log.only().contains("\"LEFT\",\"reason\":\"LEGAL_HOLD\""), log.only());
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption());

        put("k", ServerSideEncryption.AES256);
        assertEquals(List.of(), handle(delivered()));
        assertEquals(target, head("k").ssekmsKeyId(), "uploaded anew");
    }

    @Test
    void objectUnderDsseKmsIsLeftUntilItIsListedByADeploymentThatCopiesThose() {
        put("k", ServerSideEncryption.AWS_KMS_DSSE);
        work(Duration.ofMinutes(1));
        assertTrue(log.only().contains("\"LEFT\",\"reason\":\"DSSE_KMS\""), log.only());

        haveListedAgain(new Settings(Mode.UPDATE, PreviousVersions.KEEP, DualLayerObjects.COPY, 16));
        assertEquals(target, head("k").ssekmsKeyId());
        assertEquals(ServerSideEncryption.AWS_KMS, head("k").serverSideEncryption());
    }

    @Test
    void unencryptedObjectIsCopied() {
        var version = cloud.s3().addUnencrypted(BUCKET, "from-2022", "text".getBytes(StandardCharsets.UTF_8));
        assertEquals(List.of(), handle(message("1", created("from-2022", version))));
        assertTrue(log.only().contains("\"REENCRYPTED\",\"reason\":\"COPY\""), log.only());
        assertEquals(target, head("from-2022").ssekmsKeyId());
    }

    @Test
    void bucketWithoutKeyIsLeftAsItIsUntilItHasOne() {
        s3.deleteBucketEncryption(request -> request.bucket(BUCKET));
        put("k", ServerSideEncryption.AES256);
        work(Duration.ofMinutes(1));
        assertTrue(log.only().contains("\"LEFT\",\"reason\":\"BUCKET_WITHOUT_KMS_KEY\""), log.only());
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption());

        useKey(target);
        haveListedAgain(Settings.DEFAULT);
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void bucketWhoseDefaultIsDualLayerIsSaidToBeAndServedOnceItIsNot() {
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(
                        configuration -> configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(standard ->
                                standard.sseAlgorithm("aws:kms:dsse").kmsMasterKeyID(target)))));
        put("k", ServerSideEncryption.AES256);
        work(Duration.ofMinutes(1));
        assertTrue(log.only().contains("\"LEFT\",\"reason\":\"BUCKET_DEFAULT_IS_DSSE_KMS\""), log.only());

        useKey(target);
        haveListedAgain(Settings.DEFAULT);
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void bucketThatNamesAnAliasIsLeftAsItIs() {
        useKey("alias/reports");
        assertEquals(List.of(), handle(message("1", created("k", "v"))));
        assertTrue(log.only().contains("\"LEFT\",\"reason\":\"BUCKET_KEY_IS_NO_KEY_ARN\""), log.only());
    }

    @Test
    void newKeyOfTheBucketIsNoticedAfterAMinute() {
        put("k", ServerSideEncryption.AES256);
        var messages = delivered();
        handle(messages);
        var next = keys.create();
        useKey(next);
        handle(messages);
        assertEquals(target, head("k").ssekmsKeyId(), "within the minute the bucket is not asked again");
        cloud.advance(Remembered.LIFETIME);
        handle(messages);
        assertEquals(next, head("k").ssekmsKeyId());
    }

    @Test
    void unavailableKeySendsOnlyThatMessageBack() {
        put("k", ServerSideEncryption.AES256);
        put("done", ServerSideEncryption.AES256);
        var messages = delivered();
        handle(messages.stream()
                .filter(message -> message.getBody().contains("\"done\""))
                .toList());
        cloud.advance(Duration.ofMinutes(10));
        keys.disable(target);
        var waiting = messages.stream()
                .filter(message -> message.getBody().contains("\"k\""))
                .map(SQSMessage::getMessageId)
                .toList();
        assertEquals(waiting, handle(messages), "what is done must not wait with what is not");
        assertTrue(
                log.lines().stream().anyMatch(line -> line.contains("\"RETRY\",\"reason\":\"KMS.DisabledException\"")),
                log.lines().toString());
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption(), "unchanged and readable");
        keys.enable(target);
        assertEquals(List.of(), handle(messages));
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void ownCopyCostsOneLookAndMakesNoOther() {
        function = function(new Settings(Mode.COPY, PreviousVersions.KEEP, DualLayerObjects.KEEP, 16));
        put("k", ServerSideEncryption.AES256);
        var large = cloud.s3().addZeros(BUCKET, "large", 6L << 30, Map.of(), Map.of());
        assertEquals(List.of(), handle(delivered()));
        assertEquals(List.of(), handle(message("1", created("large", large))));

        var ofTheCopies = delivered();
        assertEquals(
                List.of("ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy"),
                ofTheCopies.stream()
                        .map(message -> message.getBody().replaceAll("(?s).*\"eventName\":\"([^\"]*)\".*", "$1"))
                        .sorted()
                        .toList());
        var before = cloud.endpoint().calls().size();
        assertEquals(List.of(), handle(ofTheCopies));
        assertEquals(2, s3CallsSince(before), "one request for each copy");
        assertTrue(log.lines().getLast().contains("ALREADY_DONE"), log.lines()::toString);
        assertEquals(List.of(), delivered(), "the chain ends here");
        assertEquals(target, head("large").ssekmsKeyId());
        assertEquals(2, versions("k"), "the upload and its copy");
    }

    private int versions(String key) {
        return s3.listObjectVersions(request -> request.bucket(BUCKET).prefix(key))
                .versions()
                .size();
    }

    @Test
    void messagesThatATeardownLeftBehindDoNotTakeAnObjectBackUnderTheKey() {
        put("waiting", ServerSideEncryption.AES256);
        s3.putObject(request -> request.bucket(BUCKET).key("returned"), RequestBody.fromString("text"));
        var beforeTheRelease = delivered();
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration -> configuration.rules(
                        rule -> rule.applyServerSideEncryptionByDefault(standard -> standard.sseAlgorithm("AES256")))));
        s3.copyObject(request -> request.sourceBucket(BUCKET)
                .sourceKey("returned")
                .destinationBucket(BUCKET)
                .destinationKey("returned")
                .serverSideEncryption(ServerSideEncryption.AES256));
        var versions = versions("returned");

        assertEquals(List.of(), handle(beforeTheRelease));
        assertEquals(List.of(), handle(delivered()), "the copy's own message, had S3 been slow to forget the queue");
        assertTrue(
                log.lines().stream().allMatch(line -> line.contains("BUCKET_WITHOUT_KMS_KEY")), log.lines()::toString);
        for (var key : List.of("waiting", "returned"))
            assertEquals(ServerSideEncryption.AES256, head(key).serverSideEncryption());
        assertEquals(versions, versions("returned"));
    }

    @Test
    void throttlingAndFaultsOfS3GoBackToTheQueue() {
        put("k", ServerSideEncryption.AES256);
        var messages = delivered();
        var id = List.of(messages.getFirst().getMessageId());
        cloud.faults().add("s3", "GetBucketEncryption", 1, Faults.Kind.INTERNAL_ERROR);
        assertEquals(id, handle(messages));
        cloud.faults().add("s3", "HeadObject", 1, Faults.Kind.THROTTLED);
        assertEquals(id, handle(messages));
        cloud.faults().add("s3", "UpdateObjectEncryption", 1, Faults.Kind.THROTTLED);
        assertEquals(id, handle(messages));
        cloud.faults().add("s3", "UpdateObjectEncryption", 1, Faults.Kind.ANSWER_LOST);
        assertEquals(id, handle(messages), "the effect is not known");
        assertEquals(List.of(), handle(messages));
        assertTrue(log.lines().getLast().contains("ALREADY_DONE"), "the lost answer was a yes");
    }

    @Test
    void eventsOfOtherKindsAreIgnored() {
        var version = put("k", ServerSideEncryption.AES256);
        assertEquals(List.of(), handle(message("1", event("ObjectRemoved:Delete", "k", version, "0"))));
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption());
    }

    @Test
    void unreadableMessagesGoToTheDeadLetterQueueAtOnce() {
        var failures = handle(
                message("no JSON", "<Records/>"),
                message("no records", "{\"detail\": {}}"),
                message("through a topic", """
                    {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:111122223333:uploads",
                      "Subject": "Amazon S3 Notification", "Message": "{\\"Records\\": []}"}
                    """),
                message("through EventBridge", "{\"source\": \"aws.s3\", \"detail-type\": \"Object Created\"}"),
                message("next major version", created("k", "v").replace("2.6", "3.0")),
                message("key not encoded", created("50%", "v")),
                message("fine", "{\"Event\": \"s3:TestEvent\"}"));
        assertEquals(List.of(), failures, "they leave the queue");
        assertEquals(
                List.of(
                        "It is not a JSON object",
                        "It has no Records",
                        "It is an SNS notification, not S3's own message",
                        "It is an EventBridge event, not S3's own message",
                        "Its eventVersion is not 2.x",
                        "A record's s3.object.key is not form-encoded"),
                reasonsAside());
        assertEquals(
                "{\"outcome\":\"UNREADABLE\",\"reason\":\"It is not a JSON object\",\"messageId\":\"no JSON\"}",
                log.lines().getFirst());
    }

    @Test
    void uploadsThatATopicToldOfAreListedOnceTheQueueHearsOfThemFromS3() {
        var topic = cloud.sns().createTopic("uploads", Map.of("Policy", """
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
              "Action": "sns:Publish", "Resource": "*"}]}
            """));
        cloud.sns().subscribe(topic, "sqs", queue, Map.of());
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.topicConfigurations(
                        to -> to.topicArn(topic).events(Event.S3_OBJECT_CREATED))));
        put("through-a-topic", ServerSideEncryption.AES256);
        work(Duration.ofMinutes(1));
        var unreadable = "It is an SNS notification, not S3's own message";
        assertEquals(List.of(unreadable, unreadable), reasonsAside(), "S3's test message, and the upload's");
        assertTrue(log.lines().getLast().contains("\"UNREADABLE\""), log.lines()::toString);

        notifyTheQueue();
        haveListedAgain(Settings.DEFAULT);
        assertEquals(target, head("through-a-topic").ssekmsKeyId());
        put("directly", ServerSideEncryption.AES256);
        work(Duration.ofMinutes(1));
        assertEquals(target, head("directly").ssekmsKeyId());
        sendEverythingBack();
        work(Duration.ofMinutes(1));
        assertEquals(List.of(unreadable, unreadable), reasonsAside(), "what cannot be read is no better the next time");
    }

    @Test
    void refusedUploadIsPutAsideAfterSixAttemptsAndSentBackOnceItIsAllowed() {
        put("k", ServerSideEncryption.AES256);
        s3.putBucketPolicy(request -> request.bucket(BUCKET).policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
              "Action": "s3:UpdateObjectEncryption", "Resource": "arn:aws:s3:::%s/*"}]}
            """.formatted(BUCKET)));
        work(Duration.ofMinutes(8));
        assertEquals(List.of("AccessDenied"), reasonsAside());
        assertEquals(6, log.lines().size(), log.lines()::toString);
        assertTrue(log.lines().getLast().contains("\"REFUSED\",\"reason\":\"AccessDenied\""), log.lines()::toString);

        s3.deleteBucketPolicy(request -> request.bucket(BUCKET));
        sendEverythingBack();
        work(Duration.ofMinutes(1));
        assertEquals(target, head("k").ssekmsKeyId());
        assertEquals(List.of(), reasonsAside());
    }

    @Test
    void messageStaysWhereTheDeadLetterQueueDoesNotTakeIt() {
        cloud.faults().add("sqs", "SendMessage", 1, Faults.Kind.THROTTLED);
        assertEquals(List.of("no JSON"), handle(message("no JSON", "<Records/>")));
    }

    @Test
    void waitingMessageComesBackLaterEachTime() {
        put("k", ServerSideEncryption.AES256);
        keys.disable(target);
        var waited = new ArrayList<Duration>();
        var messages = delivered();
        for (int i = 0; i < 12; i++) {
            handle(messages);
            var from = clock.instant();
            do {
                messages = delivered();
            } while (messages.isEmpty());
            waited.add(Duration.between(from, clock.instant()));
        }
        assertTrue(waited.getFirst().compareTo(Duration.ofSeconds(25)) < 0, waited::toString);
        assertTrue(waited.getLast().compareTo(Duration.ofMinutes(29)) > 0, waited::toString);
        assertTrue(waited.getLast().compareTo(Duration.ofMinutes(61)) < 0, waited::toString);
        assertEquals(List.of(), putAside());
    }

    @Test
    void metricsCountOutcomesAndBytes() {
        put("k", ServerSideEncryption.AES256);
        handle(delivered());
        var line = metrics.getLast();
        assertTrue(line.contains("\"Reencrypted\":1.0") && line.contains("\"BytesNotMoved\":4.0"), line);
        assertTrue(line.contains("{\"Name\":\"OldestEventAge\",\"Unit\":\"Seconds\"}"), line);
        assertTrue(line.contains("\"FunctionName\":\"reencrypt-objects\""), line);
    }
}
