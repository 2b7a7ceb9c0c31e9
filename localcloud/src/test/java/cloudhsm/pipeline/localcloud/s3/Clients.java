package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sqs.SqsClient;

/** Real clients of an embedded AWS; they make one attempt. */
final class Clients {
    private Clients() {}

    static S3Client s3(LocalCloud cloud) {
        return s3(cloud, cloud.iam().administrator());
    }

    static S3Client s3(LocalCloud cloud, Identity caller) {
        return S3Client.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(credentials(caller))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(configuration -> configuration.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    static KmsClient kms(LocalCloud cloud) {
        return KmsClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(credentials(cloud.iam().administrator()))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(configuration -> configuration.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    static SqsClient sqs(LocalCloud cloud) {
        return SqsClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(credentials(cloud.iam().administrator()))
                .httpClient(UrlConnectionHttpClient.create())
                .build();
    }

    private static StaticCredentialsProvider credentials(Identity caller) {
        return StaticCredentialsProvider.create(
                AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey()));
    }

    /** A session of a new role that may do just this, for clients of the SDK, which date by the machine's clock. */
    static Identity session(LocalCloud cloud, String statement) {
        return cloud.iam().session(role(cloud, statement), "test");
    }

    /** The same as a function has it, which dates by the simulated clock. */
    static Identity function(LocalCloud cloud, String statement) {
        return cloud.iam().session(role(cloud, statement), "test", cloud.time().clock());
    }

    private static Role role(LocalCloud cloud, String statement) {
        var trust = PolicyDocument.parse(Json.parse("""
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
            """));
        var role = cloud.iam().createRole("reader" + cloud.iam().roles().size(), trust);
        role.policies().put("rights", PolicyDocument.parse(Json.parse("{\"Statement\": [" + statement + "]}")));
        return role;
    }
}
