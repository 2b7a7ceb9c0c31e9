package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.ec2.model.InstanceNetworkInterfaceSpecification;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionByDefault;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.CommandInvocationStatus;
import software.amazon.awssdk.services.ssm.model.GetCommandInvocationResponse;
import software.amazon.awssdk.services.ssm.model.InvocationDoesNotExistException;

/**
 * The walk of docs/by-hand.md: from nothing to an object under a key in own HSMs, call by call, without the stack's
 * state machine. On the way it also tries what AWS refuses, and keeps the refusals.
 */
final class ByHandWalk {
    static final String BUCKET = "by-hand-111122223333";
    static final String OBJECT = "note.txt";
    static final String TEXT = "only readable with our HSMs";

    private static final Duration LIMIT = Duration.ofHours(2);
    private static final String PASSWORD_OF_ADMIN = "Admin12345";
    private static final String PASSWORD_OF_KMSUSER = "Kmsuser1234";
    private static final String TOOLS = "/opt/cloudhsm/bin/";
    private static final Set<CommandInvocationStatus> RUNNING = Set.of(
            CommandInvocationStatus.PENDING, CommandInvocationStatus.IN_PROGRESS, CommandInvocationStatus.DELAYED);

    /** What the walk tries out of order. */
    enum Refused {
        SECOND_HSM_BEFORE_INITIALIZATION,
        CERTIFICATE_OF_ANOTHER_ROOT,
        SECOND_HSM_BEFORE_ACTIVATION,
        KEY_STORE_BEFORE_ACTIVATION,
        KEY_STORE_ON_ONE_HSM,
        KEY_STORE_WITH_ANOTHER_TRUST_ANCHOR,
        KEY_BEFORE_CONNECTION,
        CONNECTION_FROM_FAILED,
        OBJECT_OF_A_KEY_PENDING_DELETION,
        ROTATION_OF_THE_KEY,
        DELETION_OF_A_STORE_WITH_A_KEY,
        DELETION_OF_A_CLUSTER_WITH_HSMS
    }

    private final Pipeline pipeline;
    private final CloudHsmV2Client cloudHsm;
    private final KmsClient kms;
    private final S3Client s3;
    private final SsmClient ssm;
    private final Map<Refused, AwsServiceException> refusals = new EnumMap<>(Refused.class);
    private final CustomerRoot root = new CustomerRoot("By hand");
    private final CustomerRoot otherRoot = new CustomerRoot("Another root");
    private String clusterId;
    private String instanceId;
    private String keyStoreId;
    private String keyArn;
    private CustomKeyStoresListEntry storeWithoutKmsuser;
    private GetCommandInvocationResponse usersBeforeActivation;
    private GetCommandInvocationResponse usersAtTheEnd;
    private String textRead;

    ByHandWalk(Pipeline pipeline) {
        this.pipeline = pipeline;
        cloudHsm = pipeline.cloudHsm();
        kms = pipeline.kms();
        s3 = pipeline.s3();
        ssm = pipeline.ssm();
    }

    void walk() {
        createClusterWithOneHsm();
        initialize();
        launchClient();
        activate();
        addSecondHsm();
        connectWithoutKmsuser();
        createKmsuserAndConnect();
        encrypt();
        tearDownInTheWrongOrder();
    }

    AwsServiceException refusal(Refused what) {
        return refusals.get(what);
    }

    String clusterId() {
        return clusterId;
    }

    String keyStoreId() {
        return keyStoreId;
    }

    String keyArn() {
        return keyArn;
    }

    /** The key store after its first connection, tried before kmsuser existed. */
    CustomKeyStoresListEntry storeWithoutKmsuser() {
        return storeWithoutKmsuser;
    }

    GetCommandInvocationResponse usersBeforeActivation() {
        return usersBeforeActivation;
    }

    GetCommandInvocationResponse usersAtTheEnd() {
        return usersAtTheEnd;
    }

    /** What the object said while its key was usable. */
    String textRead() {
        return textRead;
    }

    private void createClusterWithOneHsm() {
        clusterId = cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(pipeline.subnet("eu-central-1a"), pipeline.subnet("eu-central-1b")))
                .cluster()
                .clusterId();
        until(() -> cluster().state() == ClusterState.UNINITIALIZED);
        createHsm("eu-central-1a");
        refuse(Refused.SECOND_HSM_BEFORE_INITIALIZATION, () -> createHsm("eu-central-1b"));
        until(() -> cluster().certificates().clusterCsr() != null);
    }

    private void initialize() {
        var signed = root.sign(cluster().certificates().clusterCsr());
        refuse(Refused.CERTIFICATE_OF_ANOTHER_ROOT, () -> initialize(signed, otherRoot));
        initialize(signed, root);
        until(() -> cluster().state() == ClusterState.INITIALIZED);
        refuse(Refused.SECOND_HSM_BEFORE_ACTIVATION, () -> createHsm("eu-central-1b"));
        refuse(Refused.KEY_STORE_BEFORE_ACTIVATION, () -> createKeyStore(root));
    }

    private void initialize(String signedCertificate, CustomerRoot trustAnchor) {
        cloudHsm.initializeCluster(request ->
                request.clusterId(clusterId).signedCert(signedCertificate).trustAnchor(trustAnchor.certificate()));
    }

    private void launchClient() {
        var ec2 = pipeline.ec2();
        var outward = ec2.createSecurityGroup(request -> request.groupName("by-hand")
                        .description("The client reaches AWS")
                        .vpcId(cluster().vpcId()))
                .groupId();
        var image = ssm.getParameter(
                        request -> request.name("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"))
                .parameter()
                .value();
        var profile = pipeline.deployment().stack().resource("ClientInstanceProfile");
        instanceId = ec2.runInstances(request -> request.imageId(image)
                        .instanceType(InstanceType.T4_G_SMALL)
                        .minCount(1)
                        .maxCount(1)
                        .iamInstanceProfile(iam -> iam.name(profile))
                        .networkInterfaces(InstanceNetworkInterfaceSpecification.builder()
                                .deviceIndex(0)
                                .subnetId(pipeline.subnet("eu-central-1a"))
                                .associatePublicIpAddress(true)
                                .groups(cluster().securityGroup(), outward)
                                .build()))
                .instances()
                .getFirst()
                .instanceId();
        until(() -> ssm.describeInstanceInformation().instanceInformationList().stream()
                .anyMatch(instance -> instance.instanceId().equals(instanceId)));
    }

    private void activate() {
        onClient("""
            cd /tmp
            curl -fsSO https://s3.amazonaws.com/cloudhsmv2-software/CloudHsmClient/Amzn2023/cloudhsm-cli-latest.amzn2023.aarch64.rpm
            dnf -y install ./cloudhsm-cli-latest.amzn2023.aarch64.rpm
            cat > /opt/cloudhsm/etc/customerCA.crt <<'PEM'
            """ + root.certificate() + "PEM\n" + configureCli());
        usersBeforeActivation = onClient(TOOLS + "cloudhsm-cli user list");
        onClient(TOOLS + "cloudhsm-cli cluster activate --password " + PASSWORD_OF_ADMIN);
        until(() -> cluster().state() == ClusterState.ACTIVE);
        refuse(Refused.KEY_STORE_ON_ONE_HSM, () -> createKeyStore(root));
    }

    private void addSecondHsm() {
        createHsm("eu-central-1b");
        until(() -> cluster().hsms().stream().allMatch(hsm -> hsm.state() == HsmState.ACTIVE));
        refuse(Refused.KEY_STORE_WITH_ANOTHER_TRUST_ANCHOR, () -> createKeyStore(otherRoot));
    }

    private void connectWithoutKmsuser() {
        keyStoreId = createKeyStore(root);
        refuse(Refused.KEY_BEFORE_CONNECTION, this::createKey);
        connect();
        until(() -> keyStore().connectionState() == ConnectionStateType.FAILED);
        storeWithoutKmsuser = keyStore();
        refuse(Refused.CONNECTION_FROM_FAILED, this::connect);
        disconnect();
    }

    private void createKmsuserAndConnect() {
        usersAtTheEnd = onClient(configureCli()
                + "export CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:" + PASSWORD_OF_ADMIN + "\n"
                + TOOLS + "cloudhsm-cli user create --username kmsuser --role crypto-user --password "
                + PASSWORD_OF_KMSUSER + " >/dev/null\n"
                + TOOLS + "cloudhsm-cli user list\n");
        connect();
        until(() -> keyStore().connectionState() == ConnectionStateType.CONNECTED);
    }

    private void encrypt() {
        keyArn = createKey();
        s3.createBucket(request ->
                request.bucket(BUCKET).createBucketConfiguration(bucket -> bucket.locationConstraint("eu-central-1")));
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(encryption -> encryption.rules(ServerSideEncryptionRule.builder()
                        .applyServerSideEncryptionByDefault(ServerSideEncryptionByDefault.builder()
                                .sseAlgorithm(ServerSideEncryption.AWS_KMS)
                                .kmsMasterKeyID(keyArn)
                                .build())
                        .bucketKeyEnabled(true)
                        .build())));
        s3.putObject(request -> request.bucket(BUCKET).key(OBJECT), RequestBody.fromString(TEXT));
        textRead = read();
    }

    private void tearDownInTheWrongOrder() {
        refuse(Refused.ROTATION_OF_THE_KEY, () -> kms.enableKeyRotation(request -> request.keyId(keyArn)));
        kms.scheduleKeyDeletion(request -> request.keyId(keyArn).pendingWindowInDays(7));
        pipeline.cloud().advance(Duration.ofMinutes(30)); // S3 keeps a Bucket Key for a while
        refuse(Refused.OBJECT_OF_A_KEY_PENDING_DELETION, this::read);
        disconnect();
        refuse(
                Refused.DELETION_OF_A_STORE_WITH_A_KEY,
                () -> kms.deleteCustomKeyStore(request -> request.customKeyStoreId(keyStoreId)));
        refuse(
                Refused.DELETION_OF_A_CLUSTER_WITH_HSMS,
                () -> cloudHsm.deleteCluster(request -> request.clusterId(clusterId)));
    }

    private void refuse(Refused what, Executable call) {
        refusals.put(what, assertThrows(AwsServiceException.class, call, what.name()));
    }

    private void until(BooleanSupplier condition) {
        pipeline.cloud().time().runUntil(condition, LIMIT);
    }

    Cluster cluster() {
        return cloudHsm.describeClusters(request -> request.filters(Map.of("clusterIds", List.of(clusterId))))
                .clusters()
                .getFirst();
    }

    private void createHsm(String zone) {
        cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(zone));
    }

    private String configureCli() {
        var addresses = cluster().hsms().stream().map(Hsm::eniIp).collect(Collectors.joining(" "));
        return TOOLS + "configure-cli -a " + addresses + "\n";
    }

    private GetCommandInvocationResponse onClient(String script) {
        var commandId = ssm.sendCommand(request -> request.instanceIds(instanceId)
                        .documentName("AWS-RunShellScript")
                        .parameters(Map.of("commands", List.of(script))))
                .command()
                .commandId();
        until(() -> hasEnded(commandId));
        var invocation = invocation(commandId);
        if (invocation.status() != CommandInvocationStatus.SUCCESS) {
            throw new IllegalStateException(invocation.standardErrorContent());
        }
        return invocation;
    }

    private boolean hasEnded(String commandId) {
        try {
            return !RUNNING.contains(invocation(commandId).status());
        } catch (InvocationDoesNotExistException notYet) {
            return false; // Run Command shows an invocation a moment after it accepts the command
        }
    }

    private GetCommandInvocationResponse invocation(String commandId) {
        return ssm.getCommandInvocation(request -> request.commandId(commandId).instanceId(instanceId));
    }

    private String createKeyStore(CustomerRoot trustAnchor) {
        return kms.createCustomKeyStore(request -> request.customKeyStoreName("by-hand")
                        .cloudHsmClusterId(clusterId)
                        .keyStorePassword(PASSWORD_OF_KMSUSER)
                        .trustAnchorCertificate(trustAnchor.certificate()))
                .customKeyStoreId();
    }

    private CustomKeyStoresListEntry keyStore() {
        return kms.describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                .customKeyStores()
                .getFirst();
    }

    private void connect() {
        kms.connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
    }

    private void disconnect() {
        kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        until(() -> keyStore().connectionState() == ConnectionStateType.DISCONNECTED);
    }

    private String createKey() {
        return kms.createKey(request -> request.origin(OriginType.AWS_CLOUDHSM).customKeyStoreId(keyStoreId))
                .keyMetadata()
                .arn();
    }

    private String read() {
        return s3.getObjectAsBytes(request -> request.bucket(BUCKET).key(OBJECT))
                .asUtf8String();
    }
}
