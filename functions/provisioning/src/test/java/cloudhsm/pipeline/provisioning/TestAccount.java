package cloudhsm.pipeline.provisioning;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.cloudhsm.ClientToolCall;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.Subnet;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.SettledQuestions;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import cloudhsm.pipeline.provisioning.stage.Waits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.ssm.SsmClient;

/** An embedded AWS with real clients, which make one attempt per call, and what a stage needs to find there. */
public final class TestAccount implements AutoCloseable {
    public static final String DEPLOYMENT = "demo";
    public static final String ADMIN_PASSWORD = "adminPassword1";
    public static final String IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";

    private static final Duration LIMIT = Duration.ofHours(2);
    private static final Duration LOOK = Duration.ofSeconds(15);
    private static final SdkHttpClient HTTP = UrlConnectionHttpClient.create();

    private int mostHsms;
    private String busyStateMachine;
    public final LocalCloud cloud = LocalCloud.start();
    public final CloudHsmV2Client cloudHsm = client(CloudHsmV2Client.builder());
    public final KmsClient kms = client(KmsClient.builder());
    public final Ec2Client ec2 = client(Ec2Client.builder());
    public final SsmClient ssm = client(SsmClient.builder());
    public final SecretsManagerClient secretsManager = client(SecretsManagerClient.builder());
    public final S3Client s3 = client(S3Client.builder().forcePathStyle(true));
    public final SnsClient sns = client(SnsClient.builder());
    public final SfnClient states = client(SfnClient.builder());
    public final StageRuntime runtime = new StageRuntime(
            states,
            new Waits(
                    client(DynamoDbClient.builder()),
                    PipelineTable.NAME,
                    cloud.time().clock()),
            new DeploymentLock(client(DynamoDbClient.builder()), states, PipelineTable.NAME),
            new SettledQuestions(client(DynamoDbClient.builder()), PipelineTable.NAME),
            "stage",
            "arn:aws:states:eu-central-1:111122223333:stateMachine:watch",
            cloud.time().clock());

    private Deployments deployments;

    /** In the pipeline's table, with a record of {@link #DEPLOYMENT}. */
    public Deployments deployments() {
        if (deployments == null) {
            deployments = PipelineTable.withRecordOf(DEPLOYMENT, client(DynamoDbClient.builder()), cloud);
        }
        return deployments;
    }

    public <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(
            B builder, ExecutionInterceptor... interceptors) {
        var administrator = cloud.iam().administrator();
        return builder.httpClient(HTTP)
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(administrator.accessKeyId(), administrator.secretAccessKey())))
                .overrideConfiguration(config -> {
                    config.retryStrategy(AwsRetryStrategy.doNotRetry());
                    for (var interceptor : interceptors) config.addExecutionInterceptor(interceptor);
                })
                .build();
    }

    /** Lets time pass until the condition, which may ask the embedded AWS, holds. */
    public void waitUntil(BooleanSupplier condition) {
        var deadline = cloud.time().now().plus(LIMIT);
        while (!condition.getAsBoolean()) {
            if (cloud.time().now().isAfter(deadline)) throw new AssertionError("Not reached within " + LIMIT);
            cloud.advance(LOOK);
        }
    }

    public String subnetIn(String zone) {
        return cloud.ec2().subnets().stream()
                .filter(subnet -> subnet.availabilityZone().equals(zone))
                .map(Subnet::subnetId)
                .findFirst()
                .orElseThrow();
    }

    public String vpcId() {
        return cloud.ec2().subnets().getFirst().vpcId();
    }

    public Cluster cluster(String clusterId) {
        return new Clusters(cloudHsm).find(clusterId).orElseThrow();
    }

    /** A cluster of the deployment with its first HSM, INITIALIZED under a root of our own. */
    public InitializedCluster initializedCluster() {
        return initializedCluster("eu-central-1a", "eu-central-1b");
    }

    /** Like {@link #initializedCluster()}, with subnets in these zones; the HSM is in zone a. */
    public InitializedCluster initializedCluster(String... zones) {
        var id = cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(Arrays.stream(zones).map(this::subnetIn).toList())
                        .tagList(Tag.builder()
                                .key(Clusters.DEPLOYMENT_TAG)
                                .value(DEPLOYMENT)
                                .build()))
                .cluster()
                .clusterId();
        waitUntil(() -> cluster(id).state() == ClusterState.UNINITIALIZED);
        addHsm(id, "eu-central-1a");
        waitUntil(() -> cluster(id).certificates().clusterCsr() != null);
        var ca = ClusterCa.create("Test root", Duration.ofDays(90), cloud.time().clock());
        var certificate = ca.sign(
                Pem.csr(cluster(id).certificates().clusterCsr()), cloud.time().clock());
        var root = Pem.of(ca.root());
        cloudHsm.initializeCluster(
                request -> request.clusterId(id).signedCert(Pem.of(certificate)).trustAnchor(root));
        waitUntil(() -> cluster(id).state() == ClusterState.INITIALIZED);
        return new InitializedCluster(id, root);
    }

    public void addHsm(String clusterId, String zone) {
        var hsmId = cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(zone))
                .hsm()
                .hsmId();
        waitUntil(() -> cluster(clusterId).hsms().stream()
                .anyMatch(hsm -> hsm.hsmId().equals(hsmId) && hsm.state() == HsmState.ACTIVE));
    }

    /** @param trustAnchor PEM of the root it was initialized with */
    public record InitializedCluster(String id, String trustAnchor) {}

    /** Runs the cluster's tools for the first time: sets the admin's password, and waits until the cluster is ACTIVE. */
    public Tools activate(InitializedCluster cluster) {
        var shell = toolsOn(cluster);
        shell.cli("", "cluster", "activate", "--password", ADMIN_PASSWORD);
        waitUntil(() -> cluster(cluster.id()).state() == ClusterState.ACTIVE);
        return shell;
    }

    /** A cluster that KMS can use: ACTIVE, two HSMs in two zones, {@code kmsuser} on both. */
    public InitializedCluster clusterForKms(String kmsUserPassword) {
        var cluster = initializedCluster();
        var shell = activate(cluster);
        addHsm(cluster.id(), "eu-central-1b");
        shell.configureForAllHsms();
        shell.createKmsUser(kmsUserPassword);
        return cluster;
    }

    /**
     * Runs a stage that waits for HSMs again whenever the one it waits for has left the pending states, with the input
     * that it left behind, until it has ended.
     */
    public <I extends Record> Outcome runToEnd(
            Class<I> type, I input, BiFunction<I, Optional<Resource>, Outcome> stage) {
        var next = input;
        var outcome = stage.apply(next, Optional.empty());
        while (outcome instanceof Outcome.Waiting waiting) {
            waitUntil(() -> !waiting.whileIn().contains(state(waiting.resource())));
            next = waiting.nextInput().map(type::cast).orElse(next);
            outcome = stage.apply(next, Optional.of(waiting.resource()));
        }
        return outcome;
    }

    private String state(Resource hsm) {
        var hsms = Clusters.hsms(cluster(hsm.parent()));
        mostHsms = Math.max(mostHsms, hsms.size());
        return hsms.stream()
                .filter(each -> Set.of(each.hsmId(), each.availabilityZone()).contains(hsm.child()))
                .map(Hsm::stateAsString)
                .findFirst()
                .orElse(Resource.ABSENT);
    }

    /** The most HSMs that a cluster had at one moment while a stage waited. */
    public int mostHsms() {
        return mostHsms;
    }

    /** An instance in the cluster's security group that runs the CLI without SSM, as a person would. */
    public Tools toolsOn(InitializedCluster cluster) {
        var imageId = cloud.ec2().imageParameter(IMAGE_PARAMETER).orElseThrow();
        var id = ec2.runInstances(request -> request.imageId(imageId)
                        .instanceType("t4g.micro")
                        .minCount(1)
                        .maxCount(1)
                        .securityGroupIds(cluster(cluster.id()).securityGroup())
                        .subnetId(subnetIn("eu-central-1a")))
                .instances()
                .getFirst()
                .instanceId();
        waitUntil(() -> cloud.ec2().instance(id).orElseThrow().isRunning());
        var tools = new Tools(id, cluster);
        tools.configureForAllHsms();
        return tools;
    }

    /** The CloudHSM tools on one instance. */
    public final class Tools {
        private final String instanceId;
        private final InitializedCluster cluster;

        private Tools(String instanceId, InitializedCluster cluster) {
            this.instanceId = instanceId;
            this.cluster = cluster;
        }

        public void configureForAllHsms() {
            try {
                var file = cloud.account().directory().resolve(instanceId).resolve("opt/cloudhsm/etc/customerCA.crt");
                Files.createDirectories(file.getParent());
                Files.writeString(file, cluster.trustAnchor());
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
            var arguments = new ArrayList<>(List.of("-a"));
            cluster(cluster.id()).hsms().forEach(hsm -> arguments.add(hsm.eniIp()));
            run("configure-cli", "", arguments);
        }

        public void createKmsUser(String password) {
            cli(
                    "admin:" + ADMIN_PASSWORD,
                    "user",
                    "create",
                    "--username",
                    "kmsuser",
                    "--role",
                    "crypto-user",
                    "--password",
                    password);
        }

        /** @param pin as in {@code admin:password}; empty for commands that need no login */
        public String cli(String pin, String... arguments) {
            return run("cloudhsm-cli", pin, Arrays.asList(arguments));
        }

        private String run(String program, String pin, List<String> arguments) {
            var environment =
                    pin.isEmpty() ? Map.<String, String>of() : Map.of("CLOUDHSM_ROLE", "admin", "CLOUDHSM_PIN", pin);
            var root = cloud.account().directory().resolve(instanceId);
            var result = cloud.cloudHsm()
                    .runClientTool(new ClientToolCall(instanceId, program, arguments, environment, "", root));
            if (result.exitStatus() != 0) {
                throw new IllegalStateException(result.standardOutput() + result.standardError());
            }
            return result.standardOutput();
        }
    }

    /** Starts an execution that runs for a day unless it is stopped; returns its ARN. */
    public String runningExecution(String name) {
        if (busyStateMachine == null) {
            busyStateMachine = cloud.states()
                    .createStateMachine(
                            "busy", """
                            {"QueryLanguage": "JSONata", "StartAt": "Busy",
                             "States": {"Busy": {"Type": "Wait", "Seconds": 86400, "End": true}}}\
                            """, cloud.iam().createRole("states", trusting("states.amazonaws.com")));
        }
        return cloud.states().startExecution(busyStateMachine, name, Json.parse("{}"));
    }

    /** A profile whose role may do what the client does: register with SSM, read the deployment's secrets. */
    public String instanceProfile() {
        var role = cloud.iam().createRole("client", trusting("ec2.amazonaws.com"));
        role.policies().put("client", policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
             "Action": ["ssm:UpdateInstanceInformation", "secretsmanager:GetSecretValue"]}]}
            """));
        return cloud.ec2().createInstanceProfile("client", role);
    }

    /** The SSM documents that the build makes of {@code client/}, under the scripts' names. */
    public void createDocuments() {
        try (var files =
                Files.list(Path.of(System.getProperty("project.root"), "functions/provisioning/target/documents"))) {
            for (var file : files.toList()) {
                var name = file.getFileName().toString().replace(".json", "");
                cloud.ssm().createDocument(name, Json.parse(Files.readString(file)));
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** What lets a service act as a role. */
    public PolicyDocument trusting(String service) {
        return policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "%s"}}]}
            """.formatted(service));
    }

    private static PolicyDocument policy(String text) {
        return PolicyDocument.parse(Json.parse(text));
    }

    /** The outcome's output, or its failure as a failure of the test. */
    public static <T extends Record> T done(Outcome outcome, Class<T> type) {
        if (outcome instanceof Outcome.Done done) return type.cast(done.output());
        throw new AssertionError("Expected Done, but the stage came to " + outcome);
    }

    public static Outcome.Waiting waiting(Outcome outcome) {
        if (outcome instanceof Outcome.Waiting waiting) return waiting;
        throw new AssertionError("Expected Waiting, but the stage came to " + outcome);
    }

    public static Outcome.Failed failed(Outcome outcome) {
        if (outcome instanceof Outcome.Failed failed) return failed;
        throw new AssertionError("Expected Failed, but the stage came to " + outcome);
    }

    @Override
    public void close() {
        cloud.close();
    }
}
