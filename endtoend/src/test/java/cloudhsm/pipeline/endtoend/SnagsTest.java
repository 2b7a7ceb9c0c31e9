package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.ec2.model.GroupIdentifier;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterNotFoundException;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.kms.model.Tag;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.HistoryEventType;
import software.amazon.awssdk.services.ssm.model.CommandInvocationStatus;
import software.amazon.awssdk.services.ssm.model.GetCommandInvocationResponse;

/**
 * The snags of the two days by hand that this pipeline replaces, lived again: what AWS does, and why one execution
 * does not meet it. Those that need an event while it runs are in {@link SnagsOnTheWayTest}, and those that end an
 * execution in {@link SnagsThatEndAnExecutionTest}.
 */
class SnagsTest {
    private static final String ADMINISTRATOR = "arn:aws:iam::111122223333:role/KeyAdministrator";
    private static final String READER = "arn:aws:iam::111122223333:role/ReportReader";

    /** Snag 18 is about what was chosen for the key; everything else is left to the pipeline. */
    private static final String INPUT = """
        {"client": {"keep": true},
         "key": {"alias": "alias/reports", "description": "Customer reports", "deletable": false,
                 "administrators": ["%s"], "users": ["%s"]}}
        """.formatted(ADMINISTRATOR, READER);

    private static final String CLI = "/opt/cloudhsm/bin/cloudhsm-cli";

    private static Pipeline pipeline;
    private static Identity administrator;
    private static Identity reader;
    private static DescribeExecutionResponse execution;
    private static JsonNode output;
    private static JsonNode evidence;

    @BeforeAll
    static void provisionOnce() {
        pipeline = Pipeline.deploy();
        administrator = role("KeyAdministrator", Map.of());
        reader = role("ReportReader", Map.of("reports", policy("""
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}\
            """)));
        execution = pipeline.provision("first", INPUT);
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        output = Json.parse(execution.output());
        evidence = pipeline.evidence(execution);
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @DisplayName("1: the key's option needs a key store, the store a cluster, the cluster two HSMs: nobody said so")
    void snag1_theKeyNeededAClusterWithTwoHsmsFirst() {
        var kms = pipeline.kms();
        assertThrows(
                KmsException.class,
                () -> kms.createKey(request -> request.origin(OriginType.AWS_CLOUDHSM)),
                "a key store comes before its key");
        assertThrows(
                CloudHsmClusterNotFoundException.class,
                () -> kms.createCustomKeyStore(request -> request.customKeyStoreName("too-early")
                        .cloudHsmClusterId("cluster-aaaaaaaaaaa")
                        .trustAnchorCertificate(pipeline.trustAnchor())
                        .keyStorePassword("kmsPassword1")),
                "a cluster comes before its key store");

        var made = Set.of("CreateCluster", "CreateHsm", "CreateCustomKeyStore", "ConnectCustomKeyStore", "CreateKey");
        assertEquals(
                List.of(
                        "CreateCluster",
                        "CreateHsm",
                        "CreateHsm",
                        "CreateCustomKeyStore",
                        "ConnectCustomKeyStore",
                        "CreateKey"),
                callsOfTheExecution().stream()
                        .map(Call::operation)
                        .filter(made::contains)
                        .toList());
    }

    @Test
    @DisplayName("2: network and price were seen on the way, when they could not be changed any more")
    void snag2_networkAndPriceWereSeenTooLate() {
        var plan = evidence.path("plan");
        assertThrows(
                CloudHsmInvalidRequestException.class,
                () -> pipeline.cloudHsm()
                        .createHsm(
                                request -> request.clusterId(pipeline.cluster().clusterId())
                                        .availabilityZone("eu-central-1c")),
                "the cluster keeps the subnets it was made with");

        var planned = pipeline.ends(execution.executionArn(), "Preflight").getFirst();
        var firstMade = callsOfTheExecution().stream()
                .filter(call -> call.operation().startsWith("Create")
                        || call.operation().equals("RunInstances"))
                .map(Call::at)
                .findFirst()
                .orElseThrow();
        assertFalse(firstMade.isBefore(planned), "the plan is in the history before anything is made");
        assertTrue(
                pipeline.history(execution.executionArn()).stream()
                        .filter(event -> event.type() == HistoryEventType.TASK_STATE_EXITED)
                        .findFirst()
                        .orElseThrow()
                        .stateExitedEventDetails()
                        .output()
                        .contains("hourlyCostUsd"),
                "the price is part of it");
        assertEquals(1, plan.path("hourlyCostUsd").decimalValue().signum(), "two HSMs are not free of charge");
        assertTrue(pipeline.ec2()
                .describeVpcs(request -> request.vpcIds(plan.path("vpcId").asText()))
                .vpcs()
                .getFirst()
                .isDefault());
        assertEquals(
                List.of("eu-central-1a", "eu-central-1b"),
                texts(plan.path("zones")),
                "eu-central-1c has a subnet, but no CloudHSM");
        assertEquals(
                Set.copyOf(texts(plan.path("subnetIds"))),
                Set.copyOf(pipeline.cluster().subnetMapping().values()));
    }

    @Test
    @DisplayName("3: somebody had to sit and watch until AWS was done")
    void snag3_somebodyHadToWatch() {
        var late = pipeline.lateness(execution.executionArn());
        assertTrue(
                late.values().stream().noneMatch(by -> by.isNegative() || by.compareTo(Pipeline.TICK_AND_LOOK) > 0),
                () -> "each stage ends within " + Pipeline.TICK_AND_LOOK
                        + " of AWS's own end, but these ended so much later: " + late);
    }

    @Test
    @DisplayName("4: \"there is also an option to verify the certificate\" – skipped")
    void snag4_theIdentityOfTheHsmWasNeverChecked() {
        var identity = evidence.path("identity");
        assertEquals("VERIFIED_AWS", identity.path("verdict").asText());
        assertTrue(identity.path("awsChain").path("verified").asBoolean());
        var names = StreamSupport.stream(identity.path("certificates").spliterator(), false)
                .peek(certificate ->
                        assertTrue(certificate.path("sha256").asText().matches("[0-9a-f]{64}"), certificate::toString))
                .map(certificate -> certificate.path("name").asText())
                .toList();
        assertTrue(
                names.containsAll(
                        List.of("HsmCertificate", "AwsHardwareCertificate", "ManufacturerHardwareCertificate")),
                names::toString);
        var stages = pipeline.stages(execution.executionArn());
        assertTrue(stages.indexOf("VerifyHsmIdentity") < stages.indexOf("InitializeCluster"), stages::toString);
    }

    @Test
    @DisplayName("5: a passphrase with special characters was refused: \"User interface error\"")
    void snag5_thePassphraseWasRefused() throws IOException {
        for (var secret : pipeline.secretsManager().listSecrets(request -> {}).secretList()) {
            if (!secret.name().endsWith("-password")) continue;
            var password = pipeline.secretsManager()
                    .getSecretValue(request -> request.secretId(secret.arn()))
                    .secretString();
            assertTrue(password.matches("[A-Za-z0-9]{8,32}"), () -> secret.name() + " may be refused by a tool");
        }
        var schema = Files.readString(LocalDeployment.projectRoot().resolve("events/provision.schema.json"));
        var fields = Pattern.compile("\"(\\w*pass(word|phrase)\\w*)\": ", Pattern.CASE_INSENSITIVE)
                .matcher(schema)
                .results()
                .map(field -> field.group(1))
                .toList();
        assertEquals(List.of("adminPasswordSecretArn"), fields, "nobody types one: that is the ARN of a secret");
        assertEquals(
                1,
                SamplesTest.problems(
                                "{\"clusterCertificate\": {\"passphrase\": \"s3cret & more\"}}",
                                "provision.schema.json")
                        .size());
    }

    @Test
    @DisplayName("6: \"unknown option -CA\": a space after the backslash in the copied command")
    void snag6_theCopiedCommandWasBroken() throws GeneralSecurityException, IOException {
        var root = certificate(pipeline.trustAnchor());
        var certificate = certificate(pipeline.cluster().certificates().clusterCertificate());
        certificate.verify(root.getPublicKey());
        root.verify(root.getPublicKey());
        assertEquals(root.getSubjectX500Principal(), certificate.getIssuerX500Principal());
        assertEquals(
                evidence.path("identity").path("csrKeySha256").asText(),
                HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256")
                                .digest(certificate.getPublicKey().getEncoded())),
                "it is for the key of the HSM that was verified");
        assertEquals(
                evidence.path("certificate").path("certificateSha256").asText(),
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded())),
                "the function IssueClusterCertificate has made it");
        try (var scripts = Files.list(LocalDeployment.projectRoot().resolve("client"))) {
            for (var script : scripts.toList()) {
                assertFalse(Files.readString(script).contains("openssl"), () -> script + " makes no certificate");
            }
        }
    }

    @Test
    @DisplayName("8: the CLI could not reach the cluster: the instance was not in its security group")
    void snag8_theClientWasNotInTheClustersSecurityGroup() {
        var client = pipeline.client();
        var stranger = pipeline.ec2()
                .runInstances(request -> request.imageId(client.imageId())
                        .instanceType(InstanceType.T4_G_SMALL)
                        .minCount(1)
                        .maxCount(1)
                        .subnetId(client.subnetId())
                        .iamInstanceProfile(profile ->
                                profile.arn(client.iamInstanceProfile().arn())))
                .instances()
                .getFirst()
                .instanceId();
        pipeline.cloud().advance(Duration.ofMinutes(3));
        var refused = listUsers(stranger);
        assertEquals(CommandInvocationStatus.FAILED, refused.status());
        assertTrue(refused.standardOutputContent().contains("HSM_UNREACHABLE"), refused::standardOutputContent);

        assertTrue(
                client.securityGroups().stream()
                        .map(GroupIdentifier::groupId)
                        .anyMatch(pipeline.cluster().securityGroup()::equals),
                "only members of the cluster's group reach the HSMs");
        var accepted = listUsers(client.instanceId());
        assertEquals(CommandInvocationStatus.SUCCESS, accepted.status(), accepted::standardOutputContent);
    }

    @Test
    @DisplayName("11: the certificate was in the wrong directory; the tool insists on customerCA.crt")
    void snag11_theTrustAnchorWasInTheWrongPlace() throws IOException {
        var client = pipeline.client().instanceId();
        var there = pipeline.cloud()
                .account()
                .directory()
                .resolve(Path.of("instances", client, "opt/cloudhsm/etc/customerCA.crt"));
        assertEquals(
                pipeline.trustAnchor().strip(),
                Files.readString(there).strip(),
                "root alone may write there; SSM is root");

        var elsewhere = "/opt/cloudhsm/etc/ca.crt";
        var refused = shell(
                client,
                "mv /opt/cloudhsm/etc/customerCA.crt " + elsewhere,
                CLI + " user list",
                "mv " + elsewhere + " /opt/cloudhsm/etc/customerCA.crt");
        assertFalse(refused.contains("kmsuser"), () -> "under another name the CLI does not find it: " + refused);
        var accepted = shell(client, CLI + " user list");
        assertTrue(accepted.contains("kmsuser"), () -> accepted);
    }

    @Test
    @DisplayName("12: had the console been closed right after activation, the admin's password had been lost")
    void snag12_thePasswordWasSetBeforeItWasStored() {
        var ofActivation = callsOfTheExecution().stream()
                .filter(call -> call.callerArn().contains("ActivateCluster"))
                .map(Call::operation)
                .filter(Set.of("CreateSecret", "SendCommand")::contains)
                .toList();
        assertEquals(List.of("CreateSecret", "SendCommand"), ofActivation);
        var login = shell( // the client reads the secret itself: Run Command keeps what it is told
                pipeline.client().instanceId(),
                "password=$(aws secretsmanager get-secret-value --secret-id " + adminSecretArn()
                        + " --query SecretString --output text --region eu-central-1)\n"
                        + "printf 'login --username admin --role admin --password %s\\nlogout\\nquit\\n'"
                        + " \"$password\" | " + CLI + " interactive");
        assertTrue(login.contains("\"error_code\": 0"), () -> "what is stored is the admin's password: " + login);
        assertFalse(login.contains("\"error_code\": 1"), () -> "what is stored is the admin's password: " + login);
    }

    @Test
    @DisplayName("15: createUser was refused: not logged in as admin")
    void snag15_nobodyWasLoggedIn() {
        var refused = shell(
                pipeline.client().instanceId(),
                "printf 'user create --username clerk --role crypto-user --password clerkPassword1\\nquit\\n' | " + CLI
                        + " interactive");
        assertTrue(refused.contains("User must be logged in to run this command"), () -> refused);
        assertFalse(shell(pipeline.client().instanceId(), CLI + " user list").contains("clerk"));

        var users = StreamSupport.stream(evidence.path("kmsUser").path("hsms").spliterator(), false)
                .map(hsm -> hsm.path("kmsuser").asText())
                .toList();
        assertEquals(2, users.size());
        assertTrue(
                users.stream().allMatch(user -> user.contains("crypto")), () -> "the document was logged in: " + users);
    }

    @Test
    @DisplayName("18: label, administrators, users, deletion and policy were chosen in five screens")
    void snag18_theKeyWasSetUpScreenByScreen() {
        var key = output.path("keyArn").asText();
        var described = pipeline.kms()
                .describeKey(request -> request.keyId("alias/reports"))
                .keyMetadata();
        assertEquals(key, described.arn());
        assertEquals("Customer reports", described.description());

        var asAdministrator = pipeline.client(KmsClient.builder(), administrator);
        asAdministrator.tagResource(request -> request.keyId(key)
                .tags(Tag.builder().tagKey("owner").tagValue("finance").build()));
        assertDenied(() -> asAdministrator.scheduleKeyDeletion(request -> request.keyId(key)));
        assertDenied(
                () -> asAdministrator.encrypt(request -> request.keyId(key).plaintext(SdkBytes.fromUtf8String("a"))));

        var asReader = pipeline.client(KmsClient.builder(), reader);
        assertDenied(
                () -> asReader.generateDataKey(request -> request.keyId(key).numberOfBytes(32)));
        var s3AsReader = pipeline.client(S3Client.builder().forcePathStyle(true), reader);
        s3AsReader.putObject(
                request -> request.bucket(bucket()).key("by-the-reader.txt"), RequestBody.fromString("through S3"));
        assertEquals(
                "through S3",
                s3AsReader
                        .getObjectAsBytes(request -> request.bucket(bucket()).key("by-the-reader.txt"))
                        .asUtf8String());
    }

    @Test
    @DisplayName("19: uploads that ask for another encryption went past the key, and nobody saw it")
    void snag19_anUploadMayAskForAnotherEncryption() {
        var s3 = pipeline.s3();
        s3.putObject(request -> request.bucket(bucket()).key("asks-nothing.txt"), RequestBody.fromString("a"));
        var asksNothing = s3.headObject(request -> request.bucket(bucket()).key("asks-nothing.txt"));
        assertEquals(output.path("keyArn").asText(), asksNothing.ssekmsKeyId(), "its properties show the key");
        assertNotNull(asksNothing.versionId(), "the bucket keeps versions");

        s3.putObject(
                request -> request.bucket(bucket())
                        .key("asks-for-sse-s3.txt")
                        .serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromString("b"));
        var before = s3.headObject(request -> request.bucket(bucket()).key("asks-for-sse-s3.txt"));
        assertEquals(
                ServerSideEncryption.AES256, before.serverSideEncryption(), "a default encryption is only a default");
        pipeline.cloud().advance(Duration.ofSeconds(30));
        var after = s3.headObject(request -> request.bucket(bucket()).key("asks-for-sse-s3.txt"));
        assertEquals(output.path("keyArn").asText(), after.ssekmsKeyId());
        assertEquals(before.versionId(), after.versionId(), "the object itself is put under the key, not a copy");
        assertFalse(evidence.at("/buckets/0/proof").isEmpty(), "the execution has proved it with an object of its own");
    }

    /** What the functions of the pipeline called, without what this test calls. */
    private static List<Call> callsOfTheExecution() {
        return pipeline.cloud().endpoint().calls().stream()
                .filter(call -> call.errorCode().isEmpty())
                .filter(call -> !call.callerArn()
                        .equals(pipeline.cloud().iam().administrator().arn()))
                .toList();
    }

    private static GetCommandInvocationResponse listUsers(String instanceId) {
        var parameters = new TreeMap<>(
                pipeline
                        .ssm()
                        .listCommands(
                                request -> request.instanceId(pipeline.client().instanceId()))
                        .commands()
                        .stream()
                        .map(command -> command.parameters())
                        .filter(given -> given.containsKey("KmsUserSecret"))
                        .findFirst()
                        .orElseThrow());
        parameters.keySet().removeAll(Set.of("AdminSecret", "KmsUserSecret"));
        return pipeline.run(instanceId, pipeline.deployment().stack().resource("ListUsersDocument"), parameters);
    }

    /** What commands print that somebody types on the instance. */
    private static String shell(String instanceId, String... commands) {
        var done = pipeline.run(instanceId, "AWS-RunShellScript", Map.of("commands", List.of(commands)));
        return done.standardOutputContent() + done.standardErrorContent();
    }

    /** A session of a new role; without policies it may do what a key's policy alone lets it do. */
    private static Identity role(String name, Map<String, PolicyDocument> policies) {
        var role = pipeline.cloud().iam().createRole(name, policy("""
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}\
            """));
        role.policies().putAll(policies);
        return pipeline.cloud().iam().session(role, "test");
    }

    private static PolicyDocument policy(String statement) {
        return PolicyDocument.parse(Json.parse("{\"Version\": \"2012-10-17\", \"Statement\": [" + statement + "]}"));
    }

    private static void assertDenied(Executable call) {
        var refused = assertThrows(KmsException.class, call);
        assertEquals("AccessDeniedException", refused.awsErrorDetails().errorCode());
    }

    private static String adminSecretArn() {
        return pipeline.secretsManager().listSecrets(request -> {}).secretList().stream()
                .filter(secret -> secret.name().endsWith("admin-password"))
                .findFirst()
                .orElseThrow()
                .arn();
    }

    private static X509Certificate certificate(String pem) throws GeneralSecurityException {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
    }

    private static String bucket() {
        return output.path("buckets").path(0).asText();
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }
}
