package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cloudhsm.ClientToolCall;
import cloudhsm.pipeline.localcloud.cloudhsm.Cluster;
import cloudhsm.pipeline.localcloud.cloudhsm.ClusterState;
import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CreateCustomKeyStoreRequest;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/** An embedded AWS with an active cluster, brought there by the real clients and the CloudHSM CLI. */
final class KeyStoreScenario implements AutoCloseable {
    static final String PASSWORD = "kmsuserPassword1";
    private static final String ADMIN_PASSWORD = "adminPassword1";
    private static final X500Name ROOT_NAME = new X500Name("CN=Customer Root");
    private static final KeyPair ROOT_KEYS = newKeys();
    private static final Duration LIMIT = Duration.ofHours(2);

    final LocalCloud cloud = LocalCloud.start();
    final Callers callers = new Callers(cloud);
    final KmsClient kms = callers.client(KmsClient.builder(), callers.administrator());
    final CloudHsmV2Client cloudHsm = callers.client(CloudHsmV2Client.builder(), callers.administrator());
    final String trustAnchor = certificate(
            ROOT_NAME, SubjectPublicKeyInfo.getInstance(ROOT_KEYS.getPublic().getEncoded()));
    final String clusterId;
    private final String instanceId;
    private final Path instanceRoot;

    /** The cluster is ACTIVE with one HSM, in zone a, and has no kmsuser. */
    KeyStoreScenario() {
        var subnets =
                cloud.ec2().subnets().stream().map(subnet -> subnet.subnetId()).toList();
        clusterId = cloudHsm.createCluster(
                        request -> request.hsmType("hsm2m.medium").mode("FIPS").subnetIds(subnets))
                .cluster()
                .clusterId();
        waitFor(ClusterState.UNINITIALIZED);
        createHsm("eu-central-1a");
        waitUntil(() -> certificates().clusterCsr() != null);
        var csr = (PKCS10CertificationRequest) read(certificates().clusterCsr());
        var certificate = certificate(csr.getSubject(), csr.getSubjectPublicKeyInfo());
        cloudHsm.initializeCluster(
                request -> request.clusterId(clusterId).signedCert(certificate).trustAnchor(trustAnchor));
        waitFor(ClusterState.INITIALIZED);
        instanceId = instance(subnets.getFirst());
        instanceRoot = cloud.account().directory().resolve(instanceId);
        write("opt/cloudhsm/etc/customerCA.crt", trustAnchor);
        configureClient();
        cli(Map.of(), "cluster", "activate", "--password", ADMIN_PASSWORD);
        waitFor(ClusterState.ACTIVE);
    }

    /** As CreateCustomKeyStore wants it: two HSMs, kmsuser on both. */
    static KeyStoreScenario readyForKeyStore() {
        var scenario = new KeyStoreScenario();
        scenario.createHsm("eu-central-1b");
        scenario.createKmsUser(PASSWORD);
        return scenario;
    }

    /** With a store that is connected. */
    static KeyStoreScenario connected() {
        var scenario = readyForKeyStore();
        scenario.connect(scenario.createStore());
        return scenario;
    }

    Cluster cluster() {
        return cloud.cloudHsm().cluster(clusterId).orElseThrow();
    }

    void createHsm(String zone) {
        var hsmId = cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(zone))
                .hsm()
                .hsmId();
        waitUntil(() ->
                cluster().activeHsms().stream().anyMatch(hsm -> hsm.hsmId().equals(hsmId)));
    }

    void deleteHsms() {
        for (var hsm : cluster().activeHsms()) {
            cloudHsm.deleteHsm(request -> request.clusterId(clusterId).hsmId(hsm.hsmId()));
        }
        waitUntil(() -> cluster().activeHsms().isEmpty());
    }

    void createKmsUser(String password) {
        configureClient();
        asAdmin("user", "create", "--username", "kmsuser", "--role", "crypto-user", "--password", password);
    }

    void changeKmsUserPassword(String password) {
        configureClient();
        asAdmin("user", "change-password", "--username", "kmsuser", "--role", "crypto-user", "--password", password);
    }

    CreateCustomKeyStoreRequest.Builder storeRequest() {
        return CreateCustomKeyStoreRequest.builder()
                .customKeyStoreName("reports")
                .cloudHsmClusterId(clusterId)
                .trustAnchorCertificate(trustAnchor)
                .keyStorePassword(PASSWORD);
    }

    String createStore() {
        return kms.createCustomKeyStore(storeRequest().build()).customKeyStoreId();
    }

    CustomKeyStoresListEntry store() {
        return kms.describeCustomKeyStores().customKeyStores().getFirst();
    }

    /** Until CONNECTED or FAILED. */
    void connect(String storeId) {
        kms.connectCustomKeyStore(request -> request.customKeyStoreId(storeId));
        waitUntil(() -> store().connectionState() != ConnectionStateType.CONNECTING);
    }

    void disconnect(String storeId) {
        kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(storeId));
        waitUntil(() -> store().connectionState() == ConnectionStateType.DISCONNECTED);
    }

    String createKeyInStore() {
        return kms.createKey(key -> key.origin("AWS_CLOUDHSM").customKeyStoreId(store().customKeyStoreId()))
                .keyMetadata()
                .arn();
    }

    /** Asks once a simulated minute; the condition may call AWS. */
    void waitUntil(BooleanSupplier condition) {
        for (var limit = cloud.time().now().plus(LIMIT); !condition.getAsBoolean(); ) {
            if (cloud.time().now().isAfter(limit)) throw new IllegalStateException("Not reached within " + LIMIT);
            cloud.advance(Duration.ofMinutes(1));
        }
    }

    private void waitFor(ClusterState state) {
        waitUntil(() -> cluster().state() == state);
    }

    private software.amazon.awssdk.services.cloudhsmv2.model.Certificates certificates() {
        return cloudHsm.describeClusters().clusters().getFirst().certificates();
    }

    private String instance(String subnetId) {
        try (var ec2 = callers.client(Ec2Client.builder(), callers.administrator())) {
            var image = cloud.ec2()
                    .imageParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
                    .orElseThrow();
            var id = ec2.runInstances(request -> request.imageId(image)
                            .instanceType("t4g.micro")
                            .minCount(1)
                            .maxCount(1)
                            .securityGroupIds(cluster().securityGroup().orElseThrow())
                            .subnetId(subnetId))
                    .instances()
                    .getFirst()
                    .instanceId();
            waitUntil(() -> cloud.ec2().instance(id).orElseThrow().isRunning());
            return id;
        }
    }

    private void configureClient() {
        var arguments = new ArrayList<>(List.of("-a"));
        cluster().activeHsms().forEach(hsm -> arguments.add(hsm.eniIp().orElseThrow()));
        run("configure-cli", Map.of(), arguments);
    }

    private void asAdmin(String... arguments) {
        cli(Map.of("CLOUDHSM_ROLE", "admin", "CLOUDHSM_PIN", "admin:" + ADMIN_PASSWORD), arguments);
    }

    /** A wrong login as kmsuser, as a person might try. */
    CommandResult logInAsKmsUser(String password) {
        configureClient();
        return cloud.cloudHsm()
                .runClientTool(new ClientToolCall(
                        instanceId,
                        "cloudhsm-cli",
                        List.of("key", "list"),
                        Map.of("CLOUDHSM_ROLE", "crypto-user", "CLOUDHSM_PIN", "kmsuser:" + password),
                        "",
                        instanceRoot));
    }

    private void cli(Map<String, String> environment, String... arguments) {
        run("cloudhsm-cli", environment, Arrays.asList(arguments));
    }

    private void run(String program, Map<String, String> environment, List<String> arguments) {
        var result = cloud.cloudHsm()
                .runClientTool(new ClientToolCall(instanceId, program, arguments, environment, "", instanceRoot));
        if (result.exitStatus() != 0) {
            throw new IllegalStateException(program + ": " + result.standardOutput() + result.standardError());
        }
    }

    private void write(String path, String content) {
        try {
            var file = instanceRoot.resolve(path);
            Files.createDirectories(file.getParent());
            Files.writeString(file, content);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static KeyPair newKeys() {
        try {
            var generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** PEM, issued by the customer's root. */
    static String certificate(X500Name subject, SubjectPublicKeyInfo key) {
        try {
            var text = new StringWriter();
            try (var writer = new JcaPEMWriter(text)) {
                writer.writeObject(new X509v3CertificateBuilder(
                                ROOT_NAME,
                                BigInteger.ONE,
                                Date.from(Instant.parse("2026-01-01T00:00:00Z")),
                                Date.from(Instant.parse("2036-01-01T00:00:00Z")),
                                subject,
                                key)
                        .build(new JcaContentSignerBuilder("SHA256withRSA").build(ROOT_KEYS.getPrivate())));
            }
            return text.toString();
        } catch (IOException | OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Object read(String pem) {
        try (var parser = new PEMParser(new StringReader(pem))) {
            return parser.readObject();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public void close() {
        kms.close();
        cloudHsm.close();
        cloud.close();
    }
}
