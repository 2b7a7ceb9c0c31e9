package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketNamespace;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Where buckets are, and that us-east-1 does not say so. */
class BucketLocationTest {
    private static S3Client s3(LocalCloud cloud) {
        return cloud.client(S3Client.builder().forcePathStyle(true));
    }

    private static String refusal(Runnable call) {
        return assertThrows(S3Exception.class, call::run).awsErrorDetails().errorCode();
    }

    @Test
    void aBucketOfUsEast1HasNoLocationAndIsMadeAgainWithoutAnError() {
        try (var cloud = LocalCloud.start("us-east-1", 1);
                var s3 = s3(cloud)) {
            var made = s3.createBucket(create -> create.bucket("reports"));
            assertEquals("/reports", made.location());
            assertEquals("", s3.getBucketLocation(get -> get.bucket("reports")).locationConstraintAsString());
            assertEquals(
                    "us-east-1", s3.headBucket(head -> head.bucket("reports")).bucketRegion());
            s3.putObject(put -> put.bucket("reports").key("a"), RequestBody.empty());
            s3.createBucket(create -> create.bucket("reports"));
            assertEquals(1, s3.listObjectsV2(list -> list.bucket("reports")).keyCount());
        }
    }

    @Test
    void aNameOfTheAccountsNamespaceIsMadeOnceInUsEast1Too() {
        try (var cloud = LocalCloud.start("us-east-1", 1);
                var s3 = s3(cloud)) {
            Runnable create = () -> s3.createBucket(request -> request.bucket("reports-111122223333-us-east-1-an")
                    .bucketNamespace(BucketNamespace.ACCOUNT_REGIONAL));
            create.run();
            assertEquals("BucketAlreadyOwnedByYou", refusal(create));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "us-east-1, us-east-1, InvalidLocationConstraint",
        "us-east-1, eu-central-1, InvalidLocationConstraint",
        "eu-central-1, us-west-2, IllegalLocationConstraintException",
        "eu-west-1, eu-central-1, IllegalLocationConstraintException"
    })
    void anotherLocationThanTheRegionsIsRefused(String region, String location, String code) {
        try (var cloud = LocalCloud.start(region, 1);
                var s3 = s3(cloud)) {
            assertEquals(
                    code,
                    refusal(() -> s3.createBucket(request -> request.bucket("reports")
                            .createBucketConfiguration(bucket -> bucket.locationConstraint(location)))));
        }
    }

    @Test
    void outsideUsEast1ABucketIsMadeOnceAndSaysWhereItIs() {
        try (var cloud = LocalCloud.start("eu-west-1", 1);
                var s3 = s3(cloud)) {
            s3.createBucket(create -> create.bucket("reports"));
            assertEquals(
                    "eu-west-1",
                    s3.getBucketLocation(get -> get.bucket("reports")).locationConstraintAsString());
            assertEquals("BucketAlreadyOwnedByYou", refusal(() -> s3.createBucket(create -> create.bucket("reports"))));
        }
    }

    @Test
    void namesWithCapitalsAreThereInUsEast1Only() {
        try (var cloud = LocalCloud.start()) {
            assertThrows(IllegalArgumentException.class, () -> cloud.s3().addLegacyBucket("Quarterly_Reports"));
            cloud.s3().addLegacyBucket("project-an");
        }
    }
}
