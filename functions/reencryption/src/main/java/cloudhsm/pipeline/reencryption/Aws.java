package cloudhsm.pipeline.reencryption;

import java.io.IOException;
import java.security.NoSuchAlgorithmException;
import javax.net.ssl.SSLContext;
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
import software.amazon.awssdk.services.sqs.SqsClient;

/** The function's own clients: everything is named that they would otherwise look for when the function starts. */
final class Aws {
    static {
        // The JDK keeps 5 idle connections to a host; with more objects than that in work, each request would connect.
        System.setProperty("http.maxConnections", String.valueOf(Settings.MOST_CONCURRENCY));
        // Takes a tenth of a start; meanwhile the classes of the clients are loaded.
        Thread.ofPlatform().daemon().start(Aws::readTrustStore);
    }

    private Aws() {}

    /** The JDK keeps the certificates for whoever needs them next. */
    private static void readTrustStore() {
        try {
            SSLContext.getDefault();
        } catch (NoSuchAlgorithmException unusable) {
            // The HTTP client will find the same, and say so where it is heard.
        }
    }

    static S3Client s3() {
        return client(S3Client.builder().disableS3ExpressSessionAuth(true));
    }

    static SqsClient sqs() {
        return client(SqsClient.builder());
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

    private static <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder) {
        var noProfiles = ProfileFile.aggregator().build();
        return builder.httpClientBuilder(UrlConnectionHttpClient.builder())
                .region(Region.of(System.getenv("AWS_REGION")))
                .credentialsProvider(credentials())
                .overrideConfiguration(client -> client.defaultProfileFile(noProfiles))
                .build();
    }

    /** With SnapStart, Lambda gives credentials through an endpoint, otherwise in the environment. */
    private static AwsCredentialsProvider credentials() {
        return System.getenv("AWS_ACCESS_KEY_ID") == null
                ? ContainerCredentialsProvider.create()
                : EnvironmentVariableCredentialsProvider.create();
    }
}
