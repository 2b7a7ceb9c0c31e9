package cloudhsm.pipeline.reencryption;

import java.io.IOException;
import javax.xml.stream.XMLStreamException;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ContainerCredentialsProvider;
import software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.SqsClientBuilder;

/** The function's own clients: everything is named that they would otherwise look for when the function starts. */
final class Aws {
    static {
        // The JDK keeps 5 idle connections to a host; with more objects than that in work, each request would connect.
        System.setProperty("http.maxConnections", String.valueOf(Settings.MOST_CONCURRENCY));
    }

    private Aws() {}

    static S3Client s3() {
        return s3Builder().region(region()).credentialsProvider(credentials()).build();
    }

    static SqsClient sqs() {
        return sqsBuilder().region(region()).credentialsProvider(credentials()).build();
    }

    /** All but Region and credentials. */
    static S3ClientBuilder s3Builder() {
        return configured(S3Client.builder().disableS3ExpressSessionAuth(true));
    }

    /** All but Region and credentials. */
    static SqsClientBuilder sqsBuilder() {
        return configured(SqsClient.builder());
    }

    /** Whether S3 has answered, with something that is no XML: the same call gets the same answer. */
    static boolean isUnreadable(SdkClientException failure) {
        var unreadable = false;
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof IOException) return false; // the answer broke off
            unreadable |= cause instanceof XMLStreamException;
        }
        return unreadable;
    }

    private static <B extends AwsClientBuilder<B, ?> & AwsSyncClientBuilder<B, ?>> B configured(B builder) {
        var noProfiles = ProfileFile.aggregator().build();
        return builder.httpClientBuilder(UrlConnectionHttpClient.builder())
                .overrideConfiguration(client -> client.defaultProfileFile(noProfiles));
    }

    private static Region region() {
        return Region.of(System.getenv("AWS_REGION"));
    }

    /** With SnapStart, Lambda gives credentials through an endpoint, otherwise in the environment. */
    private static AwsCredentialsProvider credentials() {
        return System.getenv("AWS_ACCESS_KEY_ID") == null
                ? ContainerCredentialsProvider.create()
                : EnvironmentVariableCredentialsProvider.create();
    }
}
