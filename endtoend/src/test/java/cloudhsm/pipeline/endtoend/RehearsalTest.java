package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.endtoend.Rehearsed.Rehearser;
import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.rehearse.Ledger;
import cloudhsm.pipeline.runlocal.rehearse.Observation;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** {@code ./run-local rehearse}: the re-encryption without an HSM, and that nothing is left of it wherever it ends. */
class RehearsalTest {
    /** What a test does to it, it undoes. */
    private static LocalDeployment shared;

    private static int roles;
    private static Map<String, Observation> expected;

    @TempDir
    private Path directory;

    private Path ledger;
    private LocalDeployment deployment = shared;
    private Set<String> before;

    @BeforeAll
    static void deployOnce() throws IOException {
        shared = deploy(Map.of());
        var file = Files.createTempFile("rehearsal", "");
        expected = Rehearser.of(shared.cloud()).expected(file);
        assertFalse(Files.exists(file), "nothing was made on AWS");
    }

    private static LocalDeployment deploy(Map<String, String> parameters) {
        return deploy(Regions.DEFAULT, parameters);
    }

    private static LocalDeployment deploy(String region, Map<String, String> parameters) {
        var all = new HashMap<>(TeardownTest.SELDOM);
        all.putAll(parameters);
        return LocalDeployment.deploy(LocalCloud.start(region, 1), LocalDeployment.projectRoot(), all);
    }

    @AfterAll
    static void endOfShared() {
        shared.close();
    }

    @BeforeEach
    void remember() {
        ledger = directory.resolve("rehearsal");
        before = Holdings.of(cloud());
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        assertEquals(Set.of(), Rehearsed.leftSince(before, cloud()));
        assertFalse(Files.exists(ledger), "nothing is written down of what is gone");
        if (!deployment.equals(shared)) deployment.close();
    }

    private void deployAnother(Map<String, String> parameters) {
        deployAnother(Regions.DEFAULT, parameters);
    }

    private void deployAnother(String region, Map<String, String> parameters) {
        deployment = deploy(region, parameters);
        before = Holdings.of(cloud());
    }

    private LocalCloud cloud() {
        return deployment.cloud();
    }

    private Rehearser rehearser() {
        return Rehearser.of(cloud());
    }

    private S3Client s3() {
        return cloud().client(S3Client.builder().forcePathStyle(true));
    }

    private JsonNode kms(String operation, String keyId) {
        return cloud().endpoint()
                .call(
                        cloud().iam().administrator(),
                        "kms",
                        operation,
                        Json.object().put("KeyId", keyId));
    }

    private Set<String> saw(Rehearsed rehearsed) {
        var saw = new TreeSet<String>();
        rehearsed
                .result()
                .path("steps")
                .forEach(step -> saw.add(step.path("step").asText() + ": "
                        + step.path("aws").path("saw").asText()));
        return saw;
    }

    // ---- what is seen

    @Test
    void everythingIsSeenAsTheEmbeddedAwsShowsItAndNothingIsLeft() throws IOException {
        var rehearsed = rehearser().rehearse(ledger, expected);
        assertEquals(0, rehearsed.exitCode(), rehearsed::toString);
        var updated = "under the target key by UpdateObjectEncryption, the same version, all else unchanged";
        assertEquals(
                new TreeSet<>(List.of(
                        "announcement of uploads: the queue takes them",
                        "key disabled: an upload under it: is refused with KMS.DisabledException",
                        "key disabled: an upload under SSE-S3: waits, readable and unchanged",
                        "key enabled again: the same upload: " + updated,
                        "PUT, SSE-S3: " + updated,
                        "PUT, another KMS key: " + updated,
                        "multipart upload, SSE-S3: " + updated,
                        "multipart upload, another KMS key: " + updated,
                        "copy, SSE-S3: " + updated,
                        "copy, another KMS key: " + updated,
                        "presigned URL, SSE-S3: " + updated,
                        "presigned URL, another KMS key: " + updated,
                        "PUT, no encryption named: under the target key from the start, all else unchanged",
                        "PUT, DSSE-KMS: left under DSSE-KMS")),
                saw(rehearsed));
        rehearsed
                .result()
                .path("steps")
                .forEach(step -> assertEquals(
                        step.path("embedded").path("saw"), step.path("aws").path("saw")));
        assertTrue(rehearsed.toString().contains("reencrypt-existing: not rehearsed: it takes only a bucket"));
        cloud().advance(Duration.ofHours(2));
        var sqs = cloud().client(SqsClient.builder());
        for (var queue : List.of("UploadsQueue", "UploadsDeadLetterQueue")) {
            var attributes = sqs.getQueueAttributes(request ->
                    request.queueUrl(deployment.stack().resource(queue)).attributeNames(QueueAttributeName.ALL));
            assertEquals(
                    "0 0",
                    attributes.attributes().get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES) + " "
                            + attributes
                                    .attributes()
                                    .get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE),
                    queue);
        }
    }

    @Test
    void aStackThatCopiesIsSeenToCopyTwoLayersOfEncryptionToo() throws IOException {
        deployAnother(
                "us-east-1",
                Map.of("ReencryptionMode", "COPY", "DualLayerObjects", "COPY", "PreviousVersions", "DELETE"));
        var rehearsed = rehearser().rehearse(ledger, rehearser().expected(directory.resolve("other")));
        assertEquals(0, rehearsed.exitCode(), rehearsed::toString);
        var copied = saw(rehearsed).stream()
                .filter(line -> line.endsWith("under the target key by a copy, a new version, all else unchanged"))
                .count();
        assertEquals(10, copied, rehearsed::toString);
    }

    @Test
    void whatAwsDoesOtherwiseIsSaidBesideWhatWasExpected() throws IOException {
        deployAnother(Map.of());
        cloud().lambda().setVariable(deployment.stack().resource("ReencryptObjectsFunction"), "MODE", "COPY");
        var rehearsed = rehearser().rehearse(ledger, expected);
        rehearsed.assertWrong("PUT, SSE-S3", "by a copy, a new version", "nothing is lost");
        rehearsed.assertWrong("PUT, SSE-S3", "the embedded AWS: under the target key by UpdateObjectEncryption", "");
    }

    @Test
    void otherBucketsAndKeysAreNeitherChangedNorDeleted() throws IOException {
        var bucket = "cloudhsm-rehearsal-of-others";
        try (var s3 = s3()) {
            s3.createBucket(request -> request.bucket(bucket)
                    .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
            s3.putObject(request -> request.bucket(bucket).key("put-sse-s3"), RequestBody.fromString("theirs"));
            var key = cloud().endpoint()
                    .call(
                            cloud().iam().administrator(),
                            "kms",
                            "CreateKey",
                            Json.object()
                                    .put("Description", "Rehearsal of the stack cloudhsm-pipeline; deleted at its end"))
                    .path("KeyMetadata");
            before = Holdings.of(cloud());
            assertEquals(0, rehearser().rehearse(ledger, expected).exitCode());
            assertEquals(
                    "Enabled",
                    kms("DescribeKey", key.path("KeyId").asText())
                            .path("KeyMetadata")
                            .path("KeyState")
                            .asText());
            assertEquals(
                    "AES256",
                    s3.headObject(request -> request.bucket(bucket).key("put-sse-s3"))
                            .serverSideEncryptionAsString());
            assertFalse(s3.getBucketNotificationConfiguration(request -> request.bucket(bucket))
                    .hasQueueConfigurations());
        }
    }

    // ---- what goes wrong

    /** A session of a role with these statements. */
    private Identity rehearserWith(String statements) {
        var trust = PolicyDocument.parse(Json.parse("{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\":"
                + " \"arn:aws:iam::111122223333:root\"}, \"Action\": \"sts:AssumeRole\"}]}"));
        var role = cloud().iam().createRole("Rehearser" + ++roles, trust);
        role.policies().put("Rehearse", PolicyDocument.parse(Json.parse("{\"Statement\": [" + statements + "]}")));
        return cloud().iam().session(role, "somebody");
    }

    private Identity rehearserWithout(String action) {
        return rehearserWith("{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}, {\"Effect\": \"Deny\","
                + " \"Action\": \"" + action + "\", \"Resource\": \"*\"}");
    }

    @Test
    void theRightsOfTheFirstRunsPageAreEnough() throws IOException {
        var page = Files.readString(LocalDeployment.projectRoot().resolve("docs/first-run.md"));
        var policy = page.substring(page.indexOf("```json\n{\"Version\"") + 8);
        var statements =
                Json.parse(policy.substring(0, policy.indexOf("\n```"))).path("Statement");
        var text = statements.toString();
        var caller = rehearserWith(text.substring(1, text.length() - 1));
        var rehearsed = rehearser().as(caller).rehearse(ledger, expected);
        assertEquals(0, rehearsed.exitCode(), rehearsed::toString);
        cloud().faults().add("kms", "CreateKey", 1, Faults.Kind.ANSWER_LOST);
        assertEquals(1, rehearser().as(caller).rehearse(ledger, expected).exitCode());
    }

    @Test
    void aRightThatIsMissingIsNamedAndWhatWasMadeIsRemoved() throws IOException {
        var rehearsed = rehearser().as(rehearserWithout("kms:CreateKey")).rehearse(ledger, expected);
        rehearsed.assertWrong("keys", "kms:CreateKey was refused: AccessDeniedException", "allow kms:CreateKey");
        rehearsed.assertWrong("PUT, SSE-S3", "not seen", "run it again");
    }

    @Test
    void whatMayNotBeRemovedIsLeftNamedAndRemovedByTheNextWhoMay() throws IOException {
        var rehearsed = rehearser().as(rehearserWithout("s3:DeleteBucket")).rehearse(ledger, expected);
        rehearsed.assertWrong("left: bucket cloudhsm-rehearsal-", "AccessDenied", "--clean-up");
        rehearsed.assertWrong("left: KMS key arn:aws:kms:", "objects of the bucket", "--clean-up");
        assertThrows(IllegalStateException.class, () -> rehearser().rehearse(ledger, expected));
        assertEquals(0, rehearser().cleanUp(ledger).exitCode());
    }

    @Test
    void aQueueThatDoesNotTakeAnnouncementsIsNamed() throws IOException {
        deployAnother(Map.of());
        var url = deployment.stack().resource("UploadsQueue");
        cloud().client(SqsClient.builder())
                .setQueueAttributes(queue -> queue.queueUrl(url).attributes(Map.of(QueueAttributeName.POLICY, "")));
        rehearser()
                .rehearse(ledger, expected)
                .assertWrong("announcement of uploads", "Unable to validate", "its message says what it misses");
    }

    @Test
    void uploadsThatNobodyTakesUpAreNamedAfterFiveMinutes() throws IOException {
        deployAnother(Map.of());
        cloud().iam().roles().stream()
                .filter(role -> role.name().contains("ReencryptObjectsFunctionRole"))
                .forEach(role -> role.policies().clear());
        var rehearsed = rehearser().rehearse(ledger, expected);
        rehearsed.assertWrong("key enabled again", "still under SSE-S3 after 5 minutes", "look in the log of ");
        rehearsed.assertWrong("copy, another KMS key", "still under another KMS key after 5 minutes", "for copy-");
    }

    @Test
    void anObjectThatSomebodyElsePutThereKeepsTheBucketAndItsKeys() throws IOException {
        try (var s3 = s3()) {
            var put = new AtomicBoolean();
            var rehearsed = rehearser()
                    .meanwhile(() -> {
                        if (put.getAndSet(true)) return;
                        var bucket = bucket(s3);
                        s3.putObject(
                                request -> request.bucket(bucket).key("theirs").serverSideEncryption("AES256"),
                                RequestBody.fromString("theirs"));
                    })
                    .rehearse(ledger, expected);
            rehearsed.assertWrong("left: bucket", "did not put there: theirs.", "ask whose they are");
            rehearsed.assertWrong("left: KMS key arn:aws:kms:", "may be under it", "then clean up again");
            var bucket = bucket(s3);
            var versions =
                    s3.listObjectVersions(request -> request.bucket(bucket)).versions();
            assertEquals(
                    List.of("theirs"), versions.stream().map(each -> each.key()).toList());
            s3.deleteObject(request -> request.bucket(bucket)
                    .key("theirs")
                    .versionId(versions.getFirst().versionId()));
        }
        assertEquals(0, rehearser().cleanUp(ledger).exitCode());
    }

    private static String bucket(S3Client s3) {
        return s3.listBuckets().buckets().stream()
                .map(each -> each.name())
                .filter(name -> name.matches("cloudhsm-rehearsal-[0-9a-f]{32}"))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aKeyWhoseCreationNobodyHeardOfIsFoundByItsPolicy() throws IOException {
        var keys = cloud().calls("CreateKey");
        cloud().faults().add("kms", "CreateKey", 2, Faults.Kind.ANSWER_LOST);
        rehearser().rehearse(ledger, expected).assertWrong("keys", "did not answer", "check the network");
        assertEquals(keys + 2, cloud().calls("CreateKey"), "a call that makes a key is made once");
    }

    // ---- how it ends

    @Test
    void whoStopsItFindsNothingLeft() throws IOException {
        var pauses = new int[1];
        var stopped = new AtomicBoolean();
        rehearser()
                .untilStopped(stopped::get)
                .meanwhile(() -> stopped.set(++pauses[0] == 5))
                .rehearse(ledger, expected)
                .assertWrong("key disabled: an upload under SSE-S3", "stopped", "run it again");
    }

    @Test
    void twoRehearsalsDoNotShareOneRecord() throws IOException {
        try (var open = Ledger.open(ledger)) {
            assertTrue(open.region().isEmpty());
            var refused = assertThrows(IllegalStateException.class, () -> Ledger.open(ledger));
            assertTrue(refused.getMessage().startsWith("a rehearsal is running"), refused::getMessage);
        }
    }

    @Test
    void aFileOfAnotherKindIsLeftAsItIs() throws IOException {
        for (var text : List.of("notes", "notes\n", "{\"rehearsal\": 1}\n", "{}\n{}\n")) {
            var notes = Files.writeString(directory.resolve("notes"), text);
            var refused = assertThrows(IllegalStateException.class, () -> Ledger.open(notes), text);
            assertTrue(refused.getMessage().contains("is left as it is"), refused::getMessage);
            assertEquals(text, Files.readString(notes));
        }
    }

    @Test
    void whatAnotherAccountsRehearsalLeftIsNotLookedForHere() throws IOException {
        var begun = "{\"rehearsal\":{\"account\":\"999999999999\",\"region\":\"eu-west-1\",\"stack\":\"s\","
                + "\"id\":\"0\",\"bucket\":\"cloudhsm-rehearsal-0\"}}\n";
        Files.writeString(ledger, begun);
        var refused =
                assertThrows(IllegalStateException.class, () -> rehearser().cleanUp(ledger));
        assertTrue(refused.getMessage().contains("--clean-up --region eu-west-1"), refused::getMessage);
        assertEquals(begun, Files.readString(ledger));
        Files.delete(ledger);
    }

    @Test
    void aStackThatIsNotThereOrHasNoRoomForABucketIsNotRehearsed() throws IOException {
        deployAnother(Map.of("BucketNamePattern", "cloudhsm-only-this"));
        var refused =
                assertThrows(IllegalStateException.class, () -> rehearser().rehearse(ledger, expected));
        assertTrue(refused.getMessage().contains("deploy with a pattern that has an *"), refused::getMessage);
    }

    /** A process that is killed around one of its calls: it makes no other. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    /** Counts the calls, and ends with one of them, before it or after it. */
    private static final class Cut implements SdkHttpClient {
        private final SdkHttpClient http = Aws.connections();
        private final int last;
        private final boolean sent;
        private int calls;

        private Cut(int last, boolean sent) {
            this.last = last;
            this.sent = sent;
        }

        @Override
        public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
            calls++;
            if (calls > last || calls == last && !sent) throw new Killed();
            var executable = http.prepareRequest(request);
            return new ExecutableHttpRequest() {
                @Override
                public HttpExecuteResponse call() throws IOException {
                    var answer = executable.call();
                    if (calls == last) throw new Killed();
                    return answer;
                }

                @Override
                public void abort() {
                    executable.abort();
                }
            };
        }

        @Override
        public void close() {
            http.close();
        }
    }

    private boolean isKilled(Cut connections) throws IOException {
        try {
            assertEquals(
                    0,
                    rehearser().through(connections).rehearse(ledger, expected).exitCode());
            return false;
        } catch (Killed killed) {
            return true;
        }
    }

    /** In the build around those that make the bucket and the keys, and a few; with {@code -Drehearsal=all} around each. */
    @Test
    void nothingIsLeftOfOneThatWasKilledAroundAnyCall() throws IOException {
        var whole = new Cut(Integer.MAX_VALUE, true);
        assertEquals(0, rehearser().through(whole).rehearse(ledger, expected).exitCode());
        var all = "all".equals(System.getProperty("rehearsal"));
        var cut = 0;
        for (int last = 1; last <= whole.calls; last++) {
            if (!all && last != 1 && last != 3 && last != 4 && last % 20 != 0) continue;
            for (var sent : List.of(false, true)) {
                var connections = new Cut(last, sent);
                if (!isKilled(connections)) {
                    assertTrue(connections.calls < last, "another run may make a call less, and ends before that one");
                    continue;
                }
                var cleaned = rehearser().cleanUp(ledger);
                var around = "killed " + (sent ? "after" : "before") + " call " + last + ": ";
                assertEquals(0, cleaned.exitCode(), () -> around + cleaned);
                assertEquals(Set.of(), Rehearsed.leftSince(before, cloud()), around);
                assertFalse(Files.exists(ledger), around);
                cut++;
            }
        }
        System.out.printf("rehearsal: %d calls, killed %d times, nothing left%n", whole.calls, cut);
    }
}
