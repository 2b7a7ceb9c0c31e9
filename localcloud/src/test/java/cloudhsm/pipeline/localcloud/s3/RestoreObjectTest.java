package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.RestoreRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.StorageClass;
import software.amazon.awssdk.services.s3.model.Tier;

/** What is archived comes back after hours, and for as long as was asked for. */
class RestoreObjectTest {
    private static final String BUCKET = "quarterly-reports";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);

    RestoreObjectTest() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private void put(StorageClass storageClass) {
        s3.putObject(put -> put.bucket(BUCKET).key("k").storageClass(storageClass), RequestBody.fromString("text"));
    }

    private void restore(RestoreRequest.Builder restore) {
        s3.restoreObject(request -> request.bucket(BUCKET).key("k").restoreRequest(restore.build()));
    }

    private static RestoreRequest.Builder forADay(Tier tier) {
        return RestoreRequest.builder().days(1).glacierJobParameters(parameters -> parameters.tier(tier));
    }

    private String restoreHeader() {
        return s3.headObject(head -> head.bucket(BUCKET).key("k")).restore();
    }

    private String read() {
        return s3.getObjectAsBytes(get -> get.bucket(BUCKET).key("k")).asUtf8String();
    }

    private static String code(Executable call) {
        return assertThrows(S3Exception.class, call).awsErrorDetails().errorCode();
    }

    @Test
    void archivedDataCanBeReadForTheDaysThatWereAskedFor() {
        put(StorageClass.GLACIER);
        assertEquals("InvalidObjectState", code(this::read));
        restore(forADay(Tier.STANDARD));
        assertEquals("ongoing-request=\"true\"", restoreHeader());
        assertEquals("RestoreAlreadyInProgress", code(() -> restore(forADay(Tier.STANDARD))));
        cloud.advance(Duration.ofHours(4));
        assertEquals("InvalidObjectState", code(this::read));
        cloud.advance(Duration.ofHours(1));
        assertEquals("text", read());
        assertEquals(
                "ongoing-request=\"false\", expiry-date=\"",
                restoreHeader().substring(0, "ongoing-request=\"false\", expiry-date=\"".length()));
        cloud.advance(Duration.ofHours(24));
        assertEquals("text", read());
        cloud.advance(Duration.ofHours(24));
        assertEquals("InvalidObjectState", code(this::read));
    }

    @Test
    void tieredDataComesBackForGoodAndWithoutDays() {
        put(StorageClass.INTELLIGENT_TIERING);
        cloud.s3().archive(BUCKET, "k", "DEEP_ARCHIVE_ACCESS");
        assertEquals("MalformedXML", code(() -> restore(forADay(Tier.STANDARD))));
        restore(RestoreRequest.builder());
        cloud.advance(Duration.ofHours(12));
        assertEquals("text", read());
        cloud.advance(Duration.ofDays(30));
        assertEquals("text", read());
        assertEquals(null, restoreHeader());
    }

    @Test
    void whatIsNotArchivedOrNotAskedForAsItsClassWantsIsRefused() {
        put(StorageClass.STANDARD_IA);
        assertEquals("InvalidObjectState", code(() -> restore(forADay(Tier.BULK))));
        put(StorageClass.DEEP_ARCHIVE);
        assertEquals("InvalidArgument", code(() -> restore(forADay(Tier.EXPEDITED))), "not of a deep archive");
        assertEquals("MalformedXML", code(() -> restore(RestoreRequest.builder())), "without days");
    }
}
