package cloudhsm.pipeline.provisioning.teardown;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.ObjectLockRetentionMode;

class BucketTeardownTest {
    private static final String BUCKET = "cloudhsm-demo-bucket";

    private final TestAccount account = new TestAccount();
    private final EmptyBucket empty = new EmptyBucket(account.s3, account.runtime);
    private final DeleteBucket delete = new DeleteBucket(account.s3, account.runtime);

    private static final class TenSecondsLaterEachTime extends Clock {
        private Instant now;

        private TenSecondsLaterEachTime(Instant start) {
            now = start;
        }

        @Override
        public Instant instant() {
            now = now.plusSeconds(10);
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException();
        }
    }

    @BeforeEach
    void createBucket() {
        account.s3.createBucket(request -> request.bucket(BUCKET)
                .objectLockEnabledForBucket(true)
                .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
    }

    @AfterEach
    void close() {
        account.close();
    }

    private static EmptyBucket.Input input(String data) {
        return new EmptyBucket.Input(BUCKET, data, 0);
    }

    private EmptyBucket.Output emptied() {
        return TestAccount.done(empty.run(input("DELETE"), Optional.empty()), EmptyBucket.Output.class);
    }

    private void put(String key) {
        account.s3.putObject(request -> request.bucket(BUCKET).key(key), RequestBody.fromString("text"));
    }

    @Test
    void whateverTheInputSaysButDeleteNothingIsDeleted() {
        put("a");
        for (var data : List.of("KEEP", "KEEP_READABLE", "", "delete")) {
            assertEquals(
                    "DELETION_NOT_CONFIRMED",
                    TestAccount.failed(empty.run(input(data), Optional.empty())).reason());
        }
        assertEquals(0, account.cloud.calls("DeleteObjects"));
    }

    @Test
    void moreVersionsThanOnePageHoldsAreDeletedAndThenTheBucket() {
        for (int i = 0; i < 1_010; i++) put("object-" + i % 7);
        var output = emptied();
        assertEquals(1_010, output.deleted());
        delete.run(new DeleteBucket.Input(BUCKET, output.deleted(), output.locked(), 0), Optional.empty());
        assertThrows(NoSuchBucketException.class, () -> account.s3.headBucket(request -> request.bucket(BUCKET)));
        assertEquals(0, emptied().deleted(), "a bucket that is gone is empty");
    }

    @Test
    void lockedVersionsAreListedAndTheBucketStays() {
        put("free");
        put("locked");
        var until = account.cloud.time().now().plus(Duration.ofDays(90));
        account.s3.putObjectRetention(request -> request.bucket(BUCKET)
                .key("locked")
                .retention(retention ->
                        retention.mode(ObjectLockRetentionMode.COMPLIANCE).retainUntilDate(until)));
        var output = emptied();
        assertEquals(1, output.deleted());
        assertEquals(1, output.lockedCount());
        assertTrue(output.locked().getFirst().startsWith("locked (version "), output.locked()::toString);
        var removal = TestAccount.done(
                delete.run(
                        new DeleteBucket.Input(BUCKET, output.deleted(), output.locked(), output.lockedCount()),
                        Optional.empty()),
                Removal.class);
        assertTrue(removal.left().getFirst().contains("Object Lock holds 1"), removal.left()::toString);
        account.s3.headBucket(request -> request.bucket(BUCKET));
    }

    /** S3 refuses the whole DeleteObjects that names such a key, and no parser reads a listing that holds one. */
    @Test
    void keysThatXmlCannotHoldGoOneByOneWithTheirMarkersAndUploads() {
        var icon = "photos/Icon\u0003.jpg";
        for (var key : List.of("a", icon, icon, "b+c d", "line\r\nend ", "\uFFFF")) put(key);
        account.s3.deleteObject(request -> request.bucket(BUCKET).key(icon));
        assertThrows(
                SdkClientException.class,
                () -> account.s3.createMultipartUpload(
                        request -> request.bucket(BUCKET).key(icon)),
                "its answer names the key");

        var output = emptied();
        assertEquals(7, output.deleted());
        assertFalse(output.more());
        delete.run(new DeleteBucket.Input(BUCKET, output.deleted(), output.locked(), 0), Optional.empty());
        assertThrows(NoSuchBucketException.class, () -> account.s3.headBucket(request -> request.bucket(BUCKET)));
        assertEquals(1, account.cloud.calls("AbortMultipartUpload"));
        assertEquals(4, account.cloud.calls("DeleteObject") - 1, "the others go together");
    }

    @Test
    void keysThatTakeACallEachAreLeftToTheNextRunOnceTheTimeIsUp() {
        for (int i = 0; i < 10; i++) put("Icon\u0003" + i);
        var runtime = new StageRuntime(
                account.states,
                account.runtime.waits(),
                account.runtime.lock(),
                account.runtime.questions(),
                account.runtime.functionName(),
                account.runtime.watchStateMachine(),
                new TenSecondsLaterEachTime(account.runtime.clock().instant()));
        var first = TestAccount.done(
                new EmptyBucket(account.s3, runtime).run(input("DELETE"), Optional.empty()), EmptyBucket.Output.class);
        assertTrue(first.more(), "the function has a minute");
        assertEquals(4, first.deleted());
        assertEquals(6, emptied().deleted());
    }

    @Test
    void aLockedKeyThatXmlCannotHoldIsListedReadably() {
        put("Icon\u0003.jpg");
        account.s3.putObjectLegalHold(request -> request.bucket(BUCKET)
                .key("Icon\u0003.jpg")
                .legalHold(hold -> hold.status(ObjectLockLegalHoldStatus.ON)));
        var output = emptied();
        assertEquals(0, output.deleted());
        assertEquals(1, output.lockedCount());
        assertTrue(output.locked().getFirst().startsWith("Icon\\u0003.jpg (version "), output.locked()::toString);
    }

    @Test
    void aBucketThatSomebodyUploadsToIsNotEmpty() {
        var output = emptied();
        put("late");
        assertEquals(
                "BUCKET_NOT_EMPTY",
                TestAccount.failed(delete.run(
                                new DeleteBucket.Input(BUCKET, output.deleted(), output.locked(), 0), Optional.empty()))
                        .reason());
    }
}
