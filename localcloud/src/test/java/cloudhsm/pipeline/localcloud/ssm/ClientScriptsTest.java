package cloudhsm.pipeline.localcloud.ssm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** The scripts of {@code client/} as documents, run on an embedded instance against an embedded cluster. */
class ClientScriptsTest {
    private static final String PACKAGE = "cloudhsm-cli-5.18.0-1.amzn2023.aarch64.rpm";
    private static final String PACKAGE_URL =
            "https://s3.amazonaws.com/cloudhsmv2-software/CloudHsmClient/Amzn2023/" + PACKAGE;
    private static final String ADMIN_PASSWORD = "Adm1nAdm1nAdm1n";
    private static final String KMSUSER_PASSWORD = "Kms2Kms2Kms2Kms2";

    @TempDir
    private static Path documents;

    private final LocalCloud aws = LocalCloud.start();
    private final Map<String, List<String>> parameters = new HashMap<>();
    private InitializedCluster cluster;
    private ClientInstance client;
    private String adminSecret;
    private String kmsUserSecret;

    @BeforeAll
    static void makeDocuments() throws IOException, InterruptedException {
        var root = Path.of(System.getProperty("project.root"));
        var made = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        root.resolve("build/SsmDocuments.java").toString(),
                        root.resolve("client").toString(),
                        documents.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertEquals(0, made, "build/SsmDocuments.java must accept the scripts");
    }

    @BeforeEach
    void launchClient() throws Exception {
        cluster = new InitializedCluster(aws);
        var letsOut = ClientInstance.client(aws, Ec2Client.builder()).describeSecurityGroups().securityGroups().stream()
                .filter(group -> group.groupName().equals("default"))
                .findFirst()
                .orElseThrow()
                .groupId();
        client = ClientInstance.launch(aws, cluster.describe().securityGroup(), letsOut);
        var secrets = ClientInstance.client(aws, SecretsManagerClient.builder());
        adminSecret = secrets.createSecret(request -> request.name("admin").secretString(ADMIN_PASSWORD))
                .arn();
        kmsUserSecret = secrets.createSecret(request -> request.name("kmsuser").secretString(KMSUSER_PASSWORD))
                .arn();
        for (var name : List.of("activate-cluster", "create-kmsuser", "list-users")) {
            aws.ssm().createDocument(name, Json.parse(Files.readAllBytes(documents.resolve(name + ".json"))));
        }
        parameters.put("ClusterId", List.of(cluster.clusterId));
        parameters.put("Region", List.of("eu-central-1"));
        parameters.put(
                "TrustAnchor",
                List.of(Base64.getEncoder().encodeToString(cluster.trustAnchor.getBytes(StandardCharsets.US_ASCII))));
        parameters.put("CliPackageUrl", List.of(PACKAGE_URL));
        parameters.put("CliPackageSha256", List.of(aws.ssm().packageSha256(PACKAGE)));
    }

    @AfterEach
    void close() {
        aws.close();
    }

    /** What the script reports, having checked that no password is in anything it printed. */
    private JsonNode run(String document) {
        var all = new HashMap<>(parameters);
        all.put("HsmAddresses", List.of(cluster.addresses()));
        if (!document.equals("list-users")) all.put("AdminSecret", List.of(adminSecret));
        if (document.equals("create-kmsuser")) all.put("KmsUserSecret", List.of(kmsUserSecret));
        var result = client.run(document, all);
        var printed = result.standardOutputContent() + result.standardErrorContent();
        assertFalse(printed.contains(ADMIN_PASSWORD) || printed.contains(KMSUSER_PASSWORD), "a password was printed");
        var lines = result.standardOutputContent().lines().toList();
        assertEquals(1, lines.size(), () -> "one line of JSON is the contract: " + printed);
        var report = Json.parse(lines.getLast());
        assertEquals(
                report.path("outcome").asText().equals("FAILED") ? "Failed" : "Success",
                result.statusDetails(),
                () -> "the status must agree with the report: " + printed);
        return report;
    }

    private static void assertOutcome(String outcome, JsonNode report) {
        assertEquals(outcome, report.path("outcome").asText(), report.toString());
    }

    private static void assertFailed(String reason, JsonNode report) {
        assertOutcome("FAILED", report);
        assertEquals(reason, report.path("reason").asText(), report.toString());
    }

    private static List<String> rolesOf(String username, JsonNode report) {
        return StreamSupport.stream(report.path("hsms").spliterator(), false)
                .flatMap(hsm -> StreamSupport.stream(hsm.path("users").spliterator(), false))
                .filter(user -> user.path("username").asText().equals(username))
                .map(user -> user.path("role").asText())
                .toList();
    }

    @Test
    void activatesOnceAndChangesNothingTheSecondTime() {
        var first = run("activate-cluster");
        assertOutcome("ACTIVATED", first);
        assertEquals(List.of("admin"), rolesOf("admin", first));
        assertOutcome("ALREADY_ACTIVATED", run("activate-cluster"));
        assertEquals(ClusterState.ACTIVE, cluster.describe().state());
        assertTrue(
                client.shell("ls -l /opt/cloudhsm/etc/customerCA.crt")
                        .standardOutputContent()
                        .startsWith("-rw-r--r--"),
                "the CLI looks for the trust anchor under this name");
    }

    @Test
    void kmsuserIsMadeOnEveryHsm() {
        run("activate-cluster");
        cluster.addHsm("eu-central-1b");
        var created = run("create-kmsuser");
        assertOutcome("CREATED", created);
        assertEquals(List.of("crypto-user", "crypto-user"), rolesOf("kmsuser", created));
        assertOutcome("ALREADY_THERE", run("create-kmsuser"));
    }

    @Test
    void kmsuserIsCompletedWhereItIsMissing() {
        run("activate-cluster");
        assertOutcome("CREATED", run("create-kmsuser"));
        aws.cloudHsm().omitUserFromNextClone("kmsuser");
        cluster.addHsm("eu-central-1b");
        assertEquals(
                List.of("crypto-user"),
                rolesOf("kmsuser", run("list-users")),
                "KMS would answer USER_NOT_FOUND after twenty minutes");
        var completed = run("create-kmsuser");
        assertOutcome("COMPLETED", completed);
        assertEquals(List.of("crypto-user", "crypto-user"), rolesOf("kmsuser", completed));
    }

    @Test
    void packageWithAnotherHashIsNotInstalled() {
        parameters.put("CliPackageSha256", List.of("0".repeat(64)));
        assertFailed("PACKAGE_HASH_MISMATCH", run("activate-cluster"));
        assertEquals(
                "nothing\n",
                client.shell("ls /opt/cloudhsm/bin/cloudhsm-cli 2>/dev/null || echo nothing")
                        .standardOutputContent());
    }

    @Test
    void withoutEgressTheEndpointIsNamed() {
        client.takeEgressAway();
        var report = run("activate-cluster");
        assertFailed("ENDPOINT_UNREACHABLE", report);
        assertTrue(report.path("message").asText().contains("https://s3.amazonaws.com/"), report.toString());
    }

    @Test
    void secretsEndpointIsNamedToo() {
        run("list-users");
        client.takeEgressAway();
        var report = run("activate-cluster");
        assertFailed("ENDPOINT_UNREACHABLE", report);
        assertTrue(report.path("message").asText().contains("secretsmanager.eu-central-1"), report.toString());
    }

    @Test
    void roleThatMayNotReadTheSecretIsReported() {
        ClientInstance.allow(client.role, "ssm:UpdateInstanceInformation");
        assertFailed("SECRET_UNREADABLE", run("activate-cluster"));
        assertEquals(1, aws.calls("GetSecretValue"), "repeating does not help");
    }

    @Test
    void secretIsReadAtLastButNotAskedForForEver() {
        failReadingOfSecrets(5, Faults.Kind.THROTTLED);
        assertFailed("SECRET_UNREADABLE", run("activate-cluster"));
        assertEquals(5, aws.calls("GetSecretValue"));
        failReadingOfSecrets(2, Faults.Kind.INTERNAL_ERROR);
        aws.faults().add("secretsmanager", "GetSecretValue", 3, Faults.Kind.ANSWER_LOST);
        assertOutcome("ACTIVATED", run("activate-cluster"));
        assertEquals(9, aws.calls("GetSecretValue"));
    }

    private void failReadingOfSecrets(int calls, Faults.Kind kind) {
        for (int number = 1; number <= calls; number++) {
            aws.faults().add("secretsmanager", "GetSecretValue", number, kind);
        }
    }

    @Test
    void wrongTrustAnchorReachesNoHsm() {
        var other = aws.cloudHsm().awsRootPem().getBytes(StandardCharsets.US_ASCII);
        parameters.put("TrustAnchor", List.of(Base64.getEncoder().encodeToString(other)));
        assertFailed("HSM_UNREACHABLE", run("list-users"));
    }
}
