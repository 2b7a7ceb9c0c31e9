package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;

/** Who calls in these tests: the administrator, and sessions of roles with one policy each. */
record Callers(LocalCloud cloud) {
    static final String ACCOUNT = "111122223333";

    Identity administrator() {
        return cloud.iam().administrator();
    }

    /** @param statements JSON, separated by commas */
    Identity roleWith(String name, String statements) {
        var role = cloud.iam().createRole(name, policy("""
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}\
            """));
        role.policies().put("rights", policy(statements));
        return cloud.iam().session(role, "test");
    }

    static String allow(String action, String resource) {
        return """
            {"Effect": "Allow", "Action": "%s", "Resource": "%s"}\
            """.formatted(action, resource);
    }

    private static PolicyDocument policy(String statements) {
        return PolicyDocument.parse(Json.parse("{\"Version\": \"2012-10-17\", \"Statement\": [" + statements + "]}"));
    }

    /** A client that reports every error at once instead of trying again. */
    <C, B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>> C client(B builder, Identity caller) {
        return builder.endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey())))
                .overrideConfiguration(overrides -> overrides.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .httpClient(UrlConnectionHttpClient.create())
                .build();
    }
}
