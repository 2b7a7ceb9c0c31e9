package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.Subnet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupRetentionPolicy;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.CreateClusterRequest;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** An embedded AWS, the real client against it, and the steps that bring a cluster into a state. */
final class CloudHsmScenario implements AutoCloseable {
    static final String ZONE_A = "eu-central-1a";
    static final String ZONE_B = "eu-central-1b";
    static final String ADMIN_PASSWORD = "adminPassword1";
    private static final Duration LIMIT = Duration.ofHours(1);

    final LocalCloud aws = LocalCloud.start();
    final CloudHsmV2Client cloudHsm = client(aws.iam().administrator());
    final TestAuthority authority = new TestAuthority();

    CloudHsmV2Client client(Identity identity) {
        return CloudHsmV2Client.builder()
                .endpointOverride(aws.uri())
                .region(Region.EU_CENTRAL_1)
                .httpClient(UrlConnectionHttpClient.create())
                .credentialsProvider(credentials(identity))
                .overrideConfiguration(config -> config.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    private static StaticCredentialsProvider credentials(Identity identity) {
        return StaticCredentialsProvider.create(
                AwsBasicCredentials.create(identity.accessKeyId(), identity.secretAccessKey()));
    }

    String subnetIn(String zone) {
        return aws.ec2().subnets().stream()
                .filter(subnet -> subnet.availabilityZone().equals(zone))
                .map(Subnet::subnetId)
                .findFirst()
                .orElseThrow();
    }

    CreateClusterRequest.Builder clusterRequest() {
        return CreateClusterRequest.builder()
                .hsmType("hsm2m.medium")
                .mode(ClusterMode.FIPS)
                .backupRetentionPolicy(
                        BackupRetentionPolicy.builder().type("DAYS").value("7").build())
                .subnetIds(subnetIn(ZONE_A), subnetIn(ZONE_B), subnetIn("eu-central-1c"));
    }

    String uninitializedCluster() {
        var id = cloudHsm.createCluster(clusterRequest().build()).cluster().clusterId();
        waitForCluster(id, ClusterState.UNINITIALIZED);
        return id;
    }

    String clusterWithCsr() {
        var id = uninitializedCluster();
        waitForHsm(id, createHsm(id, ZONE_A), HsmState.ACTIVE);
        waitForCsr(id);
        return id;
    }

    String initializedCluster() {
        var id = clusterWithCsr();
        var certificate = authority.sign(describe(id).certificates().clusterCsr());
        cloudHsm.initializeCluster(
                request -> request.clusterId(id).signedCert(certificate).trustAnchor(authority.rootPem()));
        waitForCluster(id, ClusterState.INITIALIZED);
        return id;
    }

    /** Activated from the instance, which is configured for the first HSM afterwards. */
    String activeCluster(Instance instance) {
        var id = initializedCluster();
        instance.join(id);
        instance.configureForAllHsms(id);
        instance.cli(Map.of(), "cluster", "activate", "--password", ADMIN_PASSWORD);
        waitForCluster(id, ClusterState.ACTIVE);
        return id;
    }

    String createHsm(String clusterId, String zone) {
        return cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(zone))
                .hsm()
                .hsmId();
    }

    String createActiveHsm(String clusterId, String zone) {
        var id = createHsm(clusterId, zone);
        waitForHsm(clusterId, id, HsmState.ACTIVE);
        return id;
    }

    Cluster describe(String clusterId) {
        return cloudHsm.describeClusters(request -> request.filters(Map.of("clusterIds", List.of(clusterId))))
                .clusters()
                .getFirst();
    }

    Hsm describe(String clusterId, String hsmId) {
        return describe(clusterId).hsms().stream()
                .filter(hsm -> hsm.hsmId().equals(hsmId))
                .findFirst()
                .orElseThrow();
    }

    void waitForCluster(String id, ClusterState state) {
        waitUntil(() -> live(id).state().name().equals(state.name()));
    }

    void waitForHsm(String clusterId, String hsmId, HsmState state) {
        waitUntil(() -> live(clusterId).hsms().stream()
                .anyMatch(hsm -> hsm.hsmId().equals(hsmId) && hsm.state().name().equals(state.name())));
    }

    void waitForCsr(String clusterId) {
        waitUntil(() -> live(clusterId).csrPublished());
    }

    private cloudhsm.pipeline.localcloud.cloudhsm.Cluster live(String clusterId) {
        return aws.cloudHsm().cluster(clusterId).orElseThrow();
    }

    /** The condition must not call AWS: it is asked while the lock of the simulated time is held. */
    private void waitUntil(BooleanSupplier condition) {
        aws.time().runUntil(condition, LIMIT);
    }

    /** A client in zone a, in the VPC's default security group until it joins a cluster's. */
    Instance instance() {
        return new Instance(launch(List.of()));
    }

    private String launch(List<String> securityGroupIds) {
        try (var ec2 = ec2()) {
            var image = aws.ec2()
                    .imageParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
                    .orElseThrow();
            var id = ec2.runInstances(request -> request.imageId(image)
                            .instanceType("t4g.micro")
                            .minCount(1)
                            .maxCount(1)
                            .subnetId(subnetIn(ZONE_A))
                            .securityGroupIds(securityGroupIds))
                    .instances()
                    .getFirst()
                    .instanceId();
            waitUntil(() -> aws.ec2().instance(id).orElseThrow().isRunning());
            return id;
        }
    }

    Ec2Client ec2() {
        return Ec2Client.builder()
                .endpointOverride(aws.uri())
                .region(Region.EU_CENTRAL_1)
                .httpClient(UrlConnectionHttpClient.create())
                .credentialsProvider(credentials(aws.iam().administrator()))
                .build();
    }

    /** An instance with the client tools on it. */
    final class Instance {
        final Path root;
        private String id;

        Instance(String id) {
            this.id = id;
            root = aws.account().directory().resolve(id);
            write("/opt/cloudhsm/etc/customerCA.crt", authority.rootPem());
        }

        void write(String path, String content) {
            try {
                var file = root.resolve(path.substring(1));
                Files.createDirectories(file.getParent());
                Files.writeString(file, content);
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }

        /** Starts again as a member of the cluster's security group, with the same files. */
        void join(String clusterId) {
            id = launch(List.of(describe(clusterId).securityGroup()));
        }

        void configureForAllHsms(String clusterId) {
            var arguments = new java.util.ArrayList<>(List.of("-a"));
            describe(clusterId).hsms().forEach(hsm -> arguments.add(hsm.eniIp()));
            var result = run("configure-cli", Map.of(), "", arguments);
            if (result.exitStatus() != 0) throw new IllegalStateException(result.standardError());
        }

        CommandResult configure(Map<String, String> environment, String... arguments) {
            return run("configure-cli", environment, "", Arrays.asList(arguments));
        }

        CommandResult cli(Map<String, String> environment, String... arguments) {
            return run("cloudhsm-cli", environment, "", Arrays.asList(arguments));
        }

        CommandResult asAdmin(String... arguments) {
            return cli(Map.of("CLOUDHSM_ROLE", "admin", "CLOUDHSM_PIN", "admin:" + ADMIN_PASSWORD), arguments);
        }

        CommandResult createUser(String username, String password) {
            return asAdmin("user", "create", "--username", username, "--role", "crypto-user", "--password", password);
        }

        CommandResult interactive(String commands) {
            return run("cloudhsm-cli", Map.of(), commands, List.of("interactive"));
        }

        private CommandResult run(
                String program, Map<String, String> environment, String input, List<String> arguments) {
            return aws.cloudHsm().runClientTool(new ClientToolCall(id, program, arguments, environment, input, root));
        }
    }

    @Override
    public void close() {
        cloudHsm.close();
        aws.close();
    }
}
