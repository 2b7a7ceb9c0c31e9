package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketNamespace;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Names that end as those of an account's regional namespace do. */
class BucketNamespaceTest {
    private static final String OWN = "reports-111122223333-eu-central-1-an";

    private final LocalCloud cloud = LocalCloud.start();

    @AfterEach
    void close() {
        cloud.close();
    }

    private static void create(S3Client s3, String name, BucketNamespace namespace) {
        s3.createBucket(request -> request.bucket(name)
                .bucketNamespace(namespace)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
    }

    private static String refusal(S3Client s3, String name, BucketNamespace namespace) {
        return assertThrows(S3Exception.class, () -> create(s3, name, namespace))
                .awsErrorDetails()
                .errorCode();
    }

    @Test
    void theAccountsOwnNameIsMadeWithTheHeader() {
        var s3 = Clients.s3(cloud);
        create(s3, OWN, BucketNamespace.ACCOUNT_REGIONAL);
        s3.headBucket(request -> request.bucket(OWN));
        assertEquals("BucketAlreadyOwnedByYou", refusal(s3, OWN, BucketNamespace.ACCOUNT_REGIONAL));
    }

    @ParameterizedTest
    @CsvSource({
        "reports-111122223333-eu-central-1-an, , MissingNamespaceHeader",
        "reports-444455556666-eu-central-1-an, , MissingNamespaceHeader",
        "reports-111122223333-eu-central-1-an, GLOBAL, InvalidNamespaceHeader",
        "reports-444455556666-eu-central-1-an, ACCOUNT_REGIONAL, InvalidNamespaceHeader",
        "reports-111122223333-us-west-2-an, ACCOUNT_REGIONAL, InvalidNamespaceHeader",
        "reports, ACCOUNT_REGIONAL, InvalidNamespaceHeader",
        "project-an, , InvalidBucketName",
        "project-an, GLOBAL, InvalidBucketName"
    })
    void everyOtherWayIsRefused(String name, BucketNamespace namespace, String code) {
        assertEquals(code, refusal(Clients.s3(cloud), name, namespace));
    }

    @Test
    void aPolicyMayDemandTheNamespace() {
        var caller = Clients.session(cloud, """
            {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*",
             "Condition": {"StringEquals": {"s3:x-amz-bucket-namespace": "account-regional"}}}
            """);
        var s3 = Clients.s3(cloud, caller);
        assertEquals("AccessDenied", refusal(s3, "reports", null));
        create(s3, OWN, BucketNamespace.ACCOUNT_REGIONAL);
    }
}
