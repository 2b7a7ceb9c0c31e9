package cloudhsm.pipeline.provisioning.lambda;

import java.io.IOException;
import java.util.Optional;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.Crc32MismatchException;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.retry.RetryUtils;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.scheduler.SchedulerClient;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.ssm.SsmClient;

/** AWS clients as the functions use them: Region and credentials of the function, one small HTTP client. */
public final class Aws {
    private static final SdkHttpClient HTTP = UrlConnectionHttpClient.create();

    private Aws() {}

    /**
     * Makes one attempt per call: CreateCluster and CreateHsm have no client token, so the SDK's own retry after a
     * lost answer would buy a second HSM. The stage's next run looks first.
     */
    public static CloudHsmV2Client cloudHsm() {
        return build(CloudHsmV2Client.builder()
                .overrideConfiguration(client -> client.retryStrategy(AwsRetryStrategy.doNotRetry())));
    }

    /** Makes one attempt per call, like {@link #cloudHsm()}: CreateKey has no client token either. */
    public static KmsClient kms() {
        return build(KmsClient.builder()
                .overrideConfiguration(client -> client.retryStrategy(AwsRetryStrategy.doNotRetry())));
    }

    public static S3Client s3() {
        return build(S3Client.builder());
    }

    public static Ec2Client ec2() {
        return build(Ec2Client.builder());
    }

    public static SsmClient ssm() {
        return build(SsmClient.builder());
    }

    public static SecretsManagerClient secretsManager() {
        return build(SecretsManagerClient.builder());
    }

    public static DynamoDbClient dynamoDb() {
        return build(DynamoDbClient.builder());
    }

    public static EventBridgeClient eventBridge() {
        return build(EventBridgeClient.builder());
    }

    public static SfnClient states() {
        return build(SfnClient.builder());
    }

    public static SchedulerClient scheduler() {
        return build(SchedulerClient.builder());
    }

    public static LambdaClient lambda() {
        return build(LambdaClient.builder());
    }

    public static IamClient iam() {
        return build(IamClient.builder());
    }

    public static SnsClient sns() {
        return build(SnsClient.builder());
    }

    private static <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C build(B builder) {
        return builder.httpClient(HTTP).build();
    }

    /**
     * The variable of the function's environment.
     *
     * @throws IllegalStateException if it is missing: the template and the code do not belong together
     */
    public static String environment(String name) {
        return Optional.ofNullable(System.getenv(name))
                .orElseThrow(() -> new IllegalStateException("The environment variable " + name + " is missing"));
    }

    /**
     * Whether the same call may succeed a little later: throttling, a server's fault, a broken connection, a timeout.
     * Not what the SDK cannot make of a request or of an answer: it would make the same of the next.
     */
    public static boolean mayPass(SdkException failure) {
        return switch (failure) {
            case AwsServiceException service ->
                RetryUtils.isThrottlingException(service) || service.statusCode() >= 500;
            case ApiCallTimeoutException tooLate -> true;
            case ApiCallAttemptTimeoutException tooLate -> true;
            case AbortedException interrupted -> true;
            case Crc32MismatchException damaged -> true;
            case RetryableException damaged -> true;
            default -> isConnectionLost(failure);
        };
    }

    /** Whether the JDK's streams or sockets failed below; a parser's exceptions, its IOExceptions too, are its own. */
    private static boolean isConnectionLost(SdkException failure) {
        for (var cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            var ofJdk = cause.getClass().getPackageName().startsWith("java");
            if (cause instanceof IOException && ofJdk) return true;
        }
        return false;
    }
}
