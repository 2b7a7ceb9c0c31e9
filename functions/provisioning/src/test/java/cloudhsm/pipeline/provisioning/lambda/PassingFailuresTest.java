package cloudhsm.pipeline.provisioning.lambda;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.Crc32MismatchException;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kms.KmsClient;

/** Which failures of an AWS call are worth another attempt. */
class PassingFailuresTest {
    static List<SdkException> passing() {
        return List.of(
                ApiCallTimeoutException.create(1),
                ApiCallAttemptTimeoutException.create(1),
                AbortedException.create("interrupted"),
                Crc32MismatchException.create("damaged", null),
                RetryableException.create("Data read has a different checksum than expected"));
    }

    @ParameterizedTest
    @MethodSource("passing")
    void aTimeoutAnInterruptionAndADamagedAnswerMayPass(SdkException failure) {
        assertTrue(Aws.mayPass(failure));
    }

    @Test
    void aConnectionThatBreaksOrIsRefusedMayPass() {
        try (var aws = new TestAccount()) {
            aws.cloud.faults().add("kms", "ListKeys", 1, Faults.Kind.ANSWER_LOST);
            assertTrue(Aws.mayPass(assertThrows(SdkClientException.class, () -> aws.kms.listKeys())));
        }
        try (var nobody = KmsClient.builder()
                .endpointOverride(URI.create("http://127.0.0.1:1"))
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(AnonymousCredentialsProvider.create())
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(client -> client.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build()) {
            assertTrue(Aws.mayPass(assertThrows(SdkClientException.class, nobody::listKeys)));
        }
    }

    /** It was repeated seven times in each execution, while two HSMs billed. */
    @Test
    void anAnswerThatIsNoXmlDoesNotPass() {
        try (var aws = new TestAccount()) {
            aws.s3.createBucket(request -> request.bucket("photos")
                    .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
            aws.s3.putObject(request -> request.bucket("photos").key("Icon\u0003.jpg"), RequestBody.empty());
            var unreadable = assertThrows(
                    SdkClientException.class, () -> aws.s3.listObjectVersions(request -> request.bucket("photos")));
            assertFalse(Aws.mayPass(unreadable));
        }
    }

    @Test
    void anAnswerThatIsNoJsonDoesNotPassAlthoughTheParserCallsItInputOrOutput() {
        var notJson = assertThrows(
                UncheckedIOException.class, () -> JsonNodeParser.create().parse("<html>"));
        assertFalse(Aws.mayPass(SdkClientException.create("Unable to unmarshall response", notJson)));
    }

    @Test
    void aCallThatTheSdkCannotMakeDoesNotPass() {
        assertFalse(Aws.mayPass(SdkClientException.create("Unable to load credentials")));
    }
}
