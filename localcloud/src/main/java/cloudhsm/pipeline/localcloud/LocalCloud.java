package cloudhsm.pipeline.localcloud;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Quotas;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.dynamodb.DynamoDbService;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.ec2.VolumeKeys;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.iam.IamService;
import cloudhsm.pipeline.localcloud.kms.KmsService;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.monitoring.MonitoringService;
import cloudhsm.pipeline.localcloud.pricing.PricingService;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.s3.S3Service;
import cloudhsm.pipeline.localcloud.scheduler.SchedulerService;
import cloudhsm.pipeline.localcloud.secretsmanager.SecretsManagerService;
import cloudhsm.pipeline.localcloud.servicequotas.ServiceQuotasService;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.ssm.SsmService;
import cloudhsm.pipeline.localcloud.states.StatesService;
import cloudhsm.pipeline.localcloud.sts.StsService;
import cloudhsm.pipeline.localcloud.template.CloudFormationService;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.Random;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;

/**
 * An AWS account of one Region in this JVM, behind one loopback HTTP endpoint. Nothing of it outlives {@link #close}.
 */
public final class LocalCloud implements AutoCloseable {
    /** When simulated time starts. */
    public static final Instant START = Instant.parse("2026-11-02T09:00:00Z");

    private final Account account;
    private final Endpoint endpoint;
    private final Ec2Service ec2;
    private final EventBridgeService events;
    private final CloudHsmService cloudHsm;
    private final SecretsManagerService secretsManager;
    private final KmsService kms;
    private final SqsService sqs;
    private final LambdaService lambda;
    private final S3Service s3;
    private final DynamoDbService dynamoDb;
    private final SnsService sns;
    private final LogsService logs;
    private final SsmService ssm;
    private final StatesService states;
    private final SchedulerService scheduler;
    private final MonitoringService monitoring;
    private final CloudFormationService cloudFormation;

    private LocalCloud(String region, int port, long seed, Optional<String> secret) {
        var time = new SimulatedTime(START);
        account = new Account(
                region, time, new Iam(secret), new Quotas(), new Faults(), new Random(seed), temporaryDirectory());
        endpoint = new Endpoint(port, account);
        sqs = new SqsService(account);
        events = new EventBridgeService(account, sqs);
        logs = new LogsService(account);
        ec2 = new Ec2Service(account);
        cloudHsm = new CloudHsmService(account, ec2, logs);
        secretsManager = new SecretsManagerService(account);
        kms = new KmsService(account, cloudHsm, ec2, events);
        ec2.connect(new VolumeKeys(kms::resolveKey, kms::awsManagedKey, kms::useForVolume));
        sns = new SnsService(account, kms, sqs);
        lambda = new LambdaService(account, sqs, logs, endpoint::uri);
        s3 = new S3Service(account, kms, sqs, sns, events);
        dynamoDb = new DynamoDbService(account);
        ssm = new SsmService(account, ec2, cloudHsm, events, endpoint);
        states = new StatesService(account, lambda, logs, events, endpoint);
        events.register(
                "lambda",
                (caller, rule, target, payload) ->
                        lambda.invokeLaterAs(caller, rule, target, payload.getBytes(StandardCharsets.UTF_8)));
        events.register("sqs", sqs::sendAs);
        events.register("sns", (caller, rule, target, payload) -> sns.publishAs(caller, rule, target, "", payload));
        events.register(
                "states",
                (caller, rule, target, payload) ->
                        states.startExecution(target, account.hex(8) + "_" + account.hex(24), Json.parse(payload)));
        account.time().explainBy(states::lastFailure);
        endpoint.register(events);
        endpoint.register(logs);
        endpoint.register(ec2);
        endpoint.register(cloudHsm);
        endpoint.register(secretsManager);
        endpoint.register(kms);
        endpoint.register(sqs);
        endpoint.register(sns);
        endpoint.register(lambda);
        endpoint.register(s3);
        endpoint.register(dynamoDb);
        endpoint.register(ssm);
        endpoint.register(states);
        scheduler = new SchedulerService(account, states, sns, sqs);
        endpoint.register(scheduler);
        endpoint.register(new StsService(account));
        endpoint.register(new IamService(account));
        monitoring = new MonitoringService(account);
        endpoint.register(monitoring);
        cloudFormation = new CloudFormationService(account);
        endpoint.register(cloudFormation);
        endpoint.register(new ServiceQuotasService(account));
        endpoint.register(new PricingService(account));
        endpoint.onFunctionKilled(lambda::kill);
        endpoint.start();
    }

    /** In the default Region on a free port, with the seed 1; time jumps. */
    public static LocalCloud start() {
        return start(1);
    }

    /** In the default Region on a free port; time jumps. */
    public static LocalCloud start(long seed) {
        return start(Regions.DEFAULT, seed);
    }

    /** On a free port; time jumps. */
    public static LocalCloud start(String region, long seed) {
        return start(region, 0, seed, Optional.empty());
    }

    /**
     * @param region one of {@link Regions}
     * @param port 0 for any free port
     * @param seed of everything random but secrets; the same seed gives the same durations and ids
     * @param secret of the administrator's access key; empty for a random one, which nobody else on this machine knows
     * @throws IllegalArgumentException where there is no such Region
     */
    public static LocalCloud start(String region, int port, long seed, Optional<String> secret) {
        return new LocalCloud(region, port, seed, secret);
    }

    private static Path temporaryDirectory() {
        try {
            return Files.createTempDirectory("localcloud-");
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    public URI uri() {
        return endpoint.uri();
    }

    public Account account() {
        return account;
    }

    public SimulatedTime time() {
        return account.time();
    }

    public Iam iam() {
        return account.iam();
    }

    public Faults faults() {
        return account.faults();
    }

    public Endpoint endpoint() {
        return endpoint;
    }

    /**
     * An ordinary client of this account, for its administrator; makes one attempt per call.
     *
     * @param builder for example {@code KmsClient.builder()}
     */
    public <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder) {
        return client(builder, account.iam().administrator());
    }

    /** The same for another caller. */
    public <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder, Identity caller) {
        return builder.endpointOverride(uri())
                .region(Region.of(account.region()))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(client -> client.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey())))
                .build();
    }

    /** How often the operation was called, whatever came of it. */
    public long calls(String operation) {
        return endpoint.calls(operation);
    }

    /** Lets simulated time pass. */
    public void advance(Duration duration) {
        account.time().advance(duration);
    }

    public Ec2Service ec2() {
        return ec2;
    }

    public EventBridgeService events() {
        return events;
    }

    public CloudHsmService cloudHsm() {
        return cloudHsm;
    }

    public SecretsManagerService secretsManager() {
        return secretsManager;
    }

    public KmsService kms() {
        return kms;
    }

    public SqsService sqs() {
        return sqs;
    }

    public SnsService sns() {
        return sns;
    }

    public LogsService logs() {
        return logs;
    }

    public LambdaService lambda() {
        return lambda;
    }

    public S3Service s3() {
        return s3;
    }

    public DynamoDbService dynamoDb() {
        return dynamoDb;
    }

    public SsmService ssm() {
        return ssm;
    }

    public StatesService states() {
        return states;
    }

    public SchedulerService scheduler() {
        return scheduler;
    }

    public MonitoringService monitoring() {
        return monitoring;
    }

    public CloudFormationService cloudFormation() {
        return cloudFormation;
    }

    /**
     * Ends everything.
     *
     * @throws IllegalStateException if the embedded AWS itself did something wrong meanwhile: an exception, or an
     *     answer that AWS's models do not allow
     */
    @Override
    public void close() {
        account.time().stop();
        endpoint.close();
        lambda.close();
        try (var files = Files.walk(account.directory())) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        if (!endpoint.defects().isEmpty()) {
            throw new IllegalStateException("The embedded AWS has defects:\n" + String.join("\n", endpoint.defects()));
        }
    }
}
