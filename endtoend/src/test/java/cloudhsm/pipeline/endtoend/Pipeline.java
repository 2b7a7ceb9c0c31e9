package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
import java.time.Duration;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.ssm.SsmClient;

/** The built pipeline, deployed to an embedded AWS of its own, and the administrator's clients to look at it. */
final class Pipeline implements AutoCloseable {
    /** More than any provisioning takes in simulated time. */
    private static final Duration LIMIT = Duration.ofHours(5);

    private final LocalDeployment deployment;
    private final SfnClient states;

    private Pipeline(LocalDeployment deployment) {
        this.deployment = deployment;
        this.states = client(SfnClient.builder());
    }

    static Pipeline deploy() {
        return deploy(1, Map.of());
    }

    static Pipeline deploy(long seed, Map<String, String> parameters) {
        return new Pipeline(
                LocalDeployment.deploy(LocalCloud.start(0, seed), LocalDeployment.projectRoot(), parameters));
    }

    LocalCloud cloud() {
        return deployment.cloud();
    }

    LocalDeployment deployment() {
        return deployment;
    }

    /** Starts an execution and lets simulated time pass until it has ended. */
    DescribeExecutionResponse provision(String name, String input) {
        var execution = start(name, input);
        cloud().time().runUntil(() -> describe(execution).status() != ExecutionStatus.RUNNING, LIMIT);
        return describe(execution);
    }

    /** Starts an execution and returns its ARN. */
    String start(String name, String input) {
        return states.startExecution(request -> request.stateMachineArn(deployment.provisionStateMachine())
                        .name(name)
                        .input(input))
                .executionArn();
    }

    DescribeExecutionResponse describe(String executionArn) {
        return states.describeExecution(request -> request.executionArn(executionArn));
    }

    SfnClient states() {
        return states;
    }

    CloudHsmV2Client cloudHsm() {
        return client(CloudHsmV2Client.builder());
    }

    KmsClient kms() {
        return client(KmsClient.builder());
    }

    S3Client s3() {
        return client(S3Client.builder().forcePathStyle(true));
    }

    Ec2Client ec2() {
        return client(Ec2Client.builder());
    }

    SsmClient ssm() {
        return client(SsmClient.builder());
    }

    SqsClient sqs() {
        return client(SqsClient.builder());
    }

    DynamoDbClient dynamoDb() {
        return client(DynamoDbClient.builder());
    }

    SecretsManagerClient secretsManager() {
        return client(SecretsManagerClient.builder());
    }

    private <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder) {
        return builder.endpointOverride(cloud().uri())
                .region(Region.EU_CENTRAL_1)
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(client -> client.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
                .build();
    }

    @Override
    public void close() {
        deployment.close();
    }
}
