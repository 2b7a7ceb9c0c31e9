package cloudhsm.pipeline.provisioning.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.cloudhsm.HsmHardware;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.cluster.IssueClusterCertificate.CaKey;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity.Policy;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity.Verdict;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.AwsRoot;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.Root;
import cloudhsm.pipeline.provisioning.pki.TestChain;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** From the first HSM's identity to the initialised cluster. */
class CertificateStagesTest {
    private final EmbeddedAws aws = new EmbeddedAws();
    private final SecretsManagerClient secretsManager = aws.client(SecretsManagerClient.builder());
    private final String clusterId = aws.givenFirstHsm();

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome verify(Policy policy, String awsRoot, String manufacturerRoot) {
        return new VerifyHsmIdentity(aws.cloudHsm, aws.deployments(), aws.runtime(), AwsRoot.pinned(), awsRoot)
                .run(
                        new VerifyHsmIdentity.Input(
                                EmbeddedAws.DEPLOYMENT, clusterId, policy, manufacturerRoot, ExpiredRoot.REFUSE),
                        Optional.empty());
    }

    private Outcome verifyOn(Instant day, Root pinned, ExpiredRoot expired) {
        var runtime = aws.runtime(Clock.fixed(day, ZoneOffset.UTC));
        return new VerifyHsmIdentity(aws.cloudHsm, aws.deployments(), runtime, pinned, "")
                .run(
                        new VerifyHsmIdentity.Input(EmbeddedAws.DEPLOYMENT, clusterId, Policy.REQUIRE_AWS, "", expired),
                        Optional.empty());
    }

    private VerifyHsmIdentity.Output verified(Policy policy, String manufacturerRoot) {
        return (VerifyHsmIdentity.Output) assertInstanceOf(
                        Outcome.Done.class, verify(policy, aws.cloud.cloudHsm().awsRootPem(), manufacturerRoot))
                .output();
    }

    private String csrKey() {
        return verified(Policy.REQUIRE_AWS, "").csrKeySha256();
    }

    private Outcome issue(String csrKey, CaKey caKey) {
        return new IssueClusterCertificate(aws.cloudHsm, secretsManager, aws.deployments(), aws.runtime())
                .run(
                        new IssueClusterCertificate.Input(
                                EmbeddedAws.DEPLOYMENT, clusterId, csrKey, Duration.ofDays(3652), caKey),
                        Optional.empty());
    }

    private IssueClusterCertificate.Output issued(CaKey caKey) {
        return (IssueClusterCertificate.Output)
                assertInstanceOf(Outcome.Done.class, issue(csrKey(), caKey)).output();
    }

    private Outcome initialize(IssueClusterCertificate.Output issued, String csrKey) {
        var stage = new InitializeCluster(aws.cloudHsm, aws.runtime());
        var input = new InitializeCluster.Input(clusterId, issued.clusterCertificate(), issued.trustAnchor(), csrKey);
        return aws.runToEnd(awaited -> stage.run(input, awaited));
    }

    private void replaceFirstHsm() {
        var hsm = Clusters.hsms(aws.cluster(clusterId)).getFirst();
        aws.cloud.cloudHsm().replaceHsm(hsm.hsmId());
        aws.cloud.advance(Duration.ofMinutes(5));
    }

    private void store(String json) {
        secretsManager.putSecretValue(
                request -> request.secretId("cloudhsm-pipeline/demo/cluster-ca").secretString(json));
    }

    private static String stored(String certificate, String clusterCertificate) {
        return Json.MAPPER
                .createObjectNode()
                .put("certificate", certificate)
                .put("clusterCertificate", clusterCertificate)
                .toString();
    }

    private static String message(Outcome outcome) {
        return assertInstanceOf(Outcome.Failed.class, outcome).message();
    }

    private String secret() {
        return secretsManager
                .getSecretValue(request -> request.secretId("cloudhsm-pipeline/demo/cluster-ca"))
                .secretString();
    }

    private static String reason(Outcome outcome) {
        return assertInstanceOf(Outcome.Failed.class, outcome).reason();
    }

    @Test
    void genuineHsmIsVerifiedUpToTheAwsRoot() {
        var output = verified(Policy.REQUIRE_AWS, "");
        assertEquals(Verdict.VERIFIED_AWS, output.verdict());
        assertTrue(output.awsChain().verified());
        assertFalse(output.manufacturerChain().verified(), "its root was not given");
        assertTrue(
                output.manufacturerChain().message().startsWith("Not verified up to its root"),
                "what was not verified is said");
        assertEquals(4, output.certificates().size());
    }

    @Test
    void bothChainsAreVerifiedWithTheManufacturersRoot() {
        var output = verified(Policy.REQUIRE_BOTH, aws.cloud.cloudHsm().manufacturerRootPem());
        assertEquals(Verdict.VERIFIED_BOTH, output.verdict());
        assertTrue(output.manufacturerChain().verified());
    }

    @Test
    void hsmOfAnotherRootIsRefusedUnlessThePolicySkips() {
        assertEquals("HSM_IDENTITY_NOT_VERIFIED", reason(verify(Policy.REQUIRE_AWS, "", "")));
        var skipped = (VerifyHsmIdentity.Output) assertInstanceOf(Outcome.Done.class, verify(Policy.SKIP, "", ""))
                .output();
        assertEquals(Verdict.SKIPPED, skipped.verdict());
        assertFalse(skipped.awsChain().verified(), "skipping does not make it verified");
    }

    @Test
    void hardwareCertificatesWithoutExtensionsAreVerifiedToo() {
        aws.cloud.cloudHsm().hardwareIs(HsmHardware.WITHOUT_EXTENSIONS);
        replaceFirstHsm();
        var shown = aws.cluster(clusterId).certificates();
        assertEquals(-1, Pem.certificate(shown.awsHardwareCertificate()).getBasicConstraints());
        var output = verified(Policy.REQUIRE_BOTH, aws.cloud.cloudHsm().manufacturerRootPem());
        assertEquals(Verdict.VERIFIED_BOTH, output.verdict(), "real vendors' certificates have been seen without");
    }

    @Test
    void expiredRootIsTrustedByItsPinnedKeyOnlyIfThatIsAskedForAndTheReportSaysSo() {
        var simulated = Pem.certificate(aws.cloud.cloudHsm().awsRootPem());
        var pinned = new Root(
                "AWS CloudHSM root",
                simulated.getSubjectX500Principal(),
                simulated.getPublicKey(),
                AwsRoot.pinned().notBefore(),
                AwsRoot.pinned().notAfter(),
                Encoded.sha256(simulated));
        var theDayAfter = Instant.parse("2027-04-27T09:00:00Z");
        var refused = verifyOn(theDayAfter, pinned, ExpiredRoot.REFUSE);
        assertEquals("TRUST_ANCHOR_EXPIRED", reason(refused));
        assertTrue(message(refused).contains("give hsmIdentity.expiredRoot ACCEPT_PINNED"), message(refused));

        var output = (VerifyHsmIdentity.Output)
                assertInstanceOf(Outcome.Done.class, verifyOn(theDayAfter, pinned, ExpiredRoot.ACCEPT_PINNED))
                        .output();
        assertEquals(Verdict.VERIFIED_AWS, output.verdict());
        assertEquals(
                "HsmCertificate, AwsHardwareCertificate and the AWS CloudHSM root: each link's name, signature and key"
                        + " hold, and both certificates are valid now. The root's own certificate expired on"
                        + " 2027-04-26T08:37:46Z: because hsmIdentity.expiredRoot is ACCEPT_PINNED, the pinned name and"
                        + " key (SHA-256 of SubjectPublicKeyInfo " + Encoded.keySha256(simulated.getPublicKey())
                        + ") were trusted beyond that.",
                output.awsChain().message());

        var before = (VerifyHsmIdentity.Output) assertInstanceOf(
                        Outcome.Done.class,
                        verifyOn(Instant.parse("2027-04-25T09:00:00Z"), pinned, ExpiredRoot.ACCEPT_PINNED))
                .output();
        assertTrue(before.awsChain().message().endsWith("signature and validity hold."));
    }

    @Test
    void successorVouchesBesideAnotherRoot() {
        var other = Pem.of(TestChain.root("CN=AWS CloudHSM Root G0", TestChain.rsa(2048)));
        var output = (VerifyHsmIdentity.Output) assertInstanceOf(
                        Outcome.Done.class,
                        verify(Policy.REQUIRE_AWS, other + aws.cloud.cloudHsm().awsRootPem(), ""))
                .output();
        assertEquals(Verdict.VERIFIED_AWS, output.verdict());
        assertEquals(
                Encoded.sha256(Pem.certificate(aws.cloud.cloudHsm().awsRootPem())),
                output.certificates().getLast().sha256(),
                "the report names the root that vouches, not the other");
    }

    @Test
    void unfitRootOfTheStackIsNamed() {
        var weak = Pem.of(TestChain.root("CN=weak", TestChain.rsa(1024)));
        var outcome = verify(Policy.REQUIRE_AWS, weak, "");
        assertEquals("TRUST_ANCHOR_UNREADABLE", reason(outcome));
        assertTrue(message(outcome).contains("\"CN=weak\" has an RSA key of 1024 bits"), message(outcome));
    }

    @Test
    void missingManufacturersRootIsNamed() {
        assertEquals(
                "MANUFACTURER_ROOT_MISSING",
                reason(verify(Policy.REQUIRE_BOTH, aws.cloud.cloudHsm().awsRootPem(), "")));
    }

    @Test
    void certificateIsIssuedOnceAndStored() {
        var first = issued(CaKey.KEEP);
        assertEquals(first, issued(CaKey.KEEP), "a second root would not fit what was sent before");
        assertTrue(first.trustAnchor().length() < 5_000, "KMS takes no more");
        assertTrue(secret().contains("\"privateKey\""));
        assertEquals(1, aws.cloud.calls("CreateSecret"));
    }

    @Test
    void storedTrustAnchorIsPassedOnWithoutWhatStandsAroundIt() {
        var issued = issued(CaKey.KEEP);
        var asPrinted = "\uFEFFCertificate:\n    Data: Version: 3 (0x2)\n" + issued.trustAnchor();
        store(stored(asPrinted, "\uFEFF" + issued.clusterCertificate()));
        var again = issued(CaKey.KEEP);
        assertEquals(issued.trustAnchor(), again.trustAnchor(), "clients and KMS take a bare block only");
        assertEquals(issued.clusterCertificate(), again.clusterCertificate());
    }

    @Test
    void storedRootThatDidNotIssueTheClusterCertificateIsFoundWhereItIsRead() {
        var issued = issued(CaKey.KEEP);
        var other = Pem.of(TestChain.root("CN=another root", TestChain.rsa(2048)));
        store(stored(other, issued.clusterCertificate()));
        var early = issue(csrKey(), CaKey.KEEP);
        assertEquals("CLUSTER_CERTIFICATE_MISMATCH", reason(early));
        assertTrue(message(early).contains("the root \"CN=another root\""), message(early));

        store(stored(issued.trustAnchor(), issued.clusterCertificate()));
        assertInstanceOf(Outcome.Done.class, initialize(issued, csrKey()));
        store(stored(other, issued.clusterCertificate()));
        assertEquals("CLUSTER_CERTIFICATE_MISMATCH", reason(issue("", CaKey.KEEP)));
    }

    @Test
    void storedKeyThatIsNotTheRootsIsFoundBeforeItSigns() {
        var issued = issued(CaKey.KEEP);
        var other = Pem.of(TestChain.rsa(2048).getPrivate());
        store(Json.MAPPER
                .createObjectNode()
                .put("certificate", issued.trustAnchor())
                .put("privateKey", other)
                .put("clusterCertificate", issued.clusterCertificate())
                .toString());
        var outcome = issue(csrKey(), CaKey.KEEP);
        assertEquals("CLUSTER_CERTIFICATE_MISMATCH", reason(outcome));
        assertTrue(message(outcome).contains("privateKey is not the key of"), message(outcome));
        assertFalse(message(outcome).contains("BEGIN"), "nothing of a key is shown");
    }

    @Test
    void twoCertificatesWhereOneShouldStandAreNamedAsSuch() {
        var issued = issued(CaKey.KEEP);
        store(stored(issued.trustAnchor() + issued.trustAnchor(), issued.clusterCertificate()));
        var outcome = issue(csrKey(), CaKey.KEEP);
        assertEquals("CLUSTER_CERTIFICATE_UNREADABLE", reason(outcome));
        assertTrue(
                message(outcome).contains("in its member certificate there are 2 \"CERTIFICATE\" blocks; give one"),
                message(outcome));
    }

    @Test
    void discardedKeyIsNowhere() {
        issued(CaKey.DISCARD);
        assertFalse(secret().contains("PRIVATE KEY"), "the user asked for it to be forgotten");
    }

    @Test
    void keptRootSignsTheCsrOfAReplacedHsm() {
        var before = issued(CaKey.KEEP);
        replaceFirstHsm();
        var after = issued(CaKey.KEEP);
        assertEquals(before.rootSha256(), after.rootSha256());
        assertNotEquals(before.certificateSha256(), after.certificateSha256());
    }

    @Test
    void discardedRootIsReplacedForAReplacedHsm() {
        var before = issued(CaKey.DISCARD);
        replaceFirstHsm();
        assertNotEquals(before.rootSha256(), issued(CaKey.DISCARD).rootSha256());
    }

    @Test
    void replacedHsmIsNotInitialisedWithTheOldCertificate() {
        var key = csrKey();
        var issued = issued(CaKey.KEEP);
        replaceFirstHsm();
        assertEquals("CSR_CHANGED", reason(initialize(issued, key)));
        assertEquals("CSR_CHANGED", reason(issue(key, CaKey.KEEP)), "an HSM that was not verified gets no signature");
        assertEquals(0, aws.cloud.calls("InitializeCluster"));
    }

    @Test
    void replacedHsmIsVerifiedAndItsCsrSignedAnew() {
        var key = csrKey();
        issued(CaKey.KEEP);
        replaceFirstHsm();
        var newKey = csrKey();
        assertNotEquals(key, newKey);
        assertInstanceOf(Outcome.Done.class, initialize(issued(CaKey.KEEP), newKey));
        assertEquals(1, aws.cloud.calls("InitializeCluster"));
    }

    @Test
    void certificateOfAnotherKeyIsNotSent() {
        var issued = issued(CaKey.KEEP);
        replaceFirstHsm();
        assertEquals("CERTIFICATE_UNFIT", reason(initialize(issued, csrKey())));
        assertEquals(0, aws.cloud.calls("InitializeCluster"));
    }

    @Test
    void skippingTheFirstTimeSatisfiesNoPolicyThatRequiresMoreTheSecond() {
        var key = verified(Policy.SKIP, "").csrKeySha256();
        var issued = (IssueClusterCertificate.Output)
                assertInstanceOf(Outcome.Done.class, issue(key, CaKey.DISCARD)).output();
        assertInstanceOf(Outcome.Done.class, initialize(issued, key));
        for (var policy : List.of(Policy.REQUIRE_AWS, Policy.REQUIRE_BOTH)) {
            var refused = assertInstanceOf(Outcome.Failed.class, verify(policy, "", ""));
            assertEquals("HSM_NEVER_VERIFIED", refused.reason());
            assertTrue(refused.message().contains("is on record SKIPPED"), refused::message);
        }
        assertEquals(Verdict.SKIPPED, verified(Policy.SKIP, "").verdict(), "the other way out, knowingly");
    }

    @Test
    void clusterThatSomebodyElseInitializedWasVerifiedByNobody() {
        var issued = issued(CaKey.DISCARD);
        assertInstanceOf(Outcome.Done.class, initialize(issued, csrKey()));
        aws.deployments().remove(EmbeddedAws.DEPLOYMENT);
        PipelineTable.provisioning(
                aws.deployments(),
                EmbeddedAws.DEPLOYMENT,
                Map.of(),
                aws.cloud.time().now());
        assertEquals("HSM_NEVER_VERIFIED", reason(verify(Policy.REQUIRE_AWS, "", "")));
        assertEquals(Verdict.ALREADY_INITIALIZED, verified(Policy.SKIP, "").verdict());
    }

    @Test
    void initialisedClusterIsLeftAloneByEveryStage() {
        var issued = issued(CaKey.KEEP);
        var done = assertInstanceOf(Outcome.Done.class, initialize(issued, csrKey()));
        assertEquals(new InitializeCluster.Output("INITIALIZED"), done.output());
        assertEquals(Optional.of("INITIALIZED"), aws.find(clusterId).map(Cluster::stateAsString));
        var again = verified(Policy.REQUIRE_AWS, "");
        assertEquals(
                Verdict.VERIFIED_AWS, again.verdict(), "as on record: AWS shows no hardware certificates any more");
        assertEquals(
                issued,
                assertInstanceOf(Outcome.Done.class, issue(again.csrKeySha256(), CaKey.KEEP))
                        .output());
        assertInstanceOf(Outcome.Done.class, initialize(issued, ""));
        assertEquals(1, aws.cloud.calls("InitializeCluster"));
    }

    @Test
    void lostTrustAnchorOfAnInitialisedClusterIsNamed() {
        initialize(issued(CaKey.KEEP), csrKey());
        secretsManager.deleteSecret(
                request -> request.secretId("cloudhsm-pipeline/demo/cluster-ca").forceDeleteWithoutRecovery(true));
        assertEquals("CLUSTER_CERTIFICATE_LOST", reason(issue("", CaKey.KEEP)));
    }

    @Test
    void furtherHsmsAreNotBoughtBeforeActivation() {
        initialize(issued(CaKey.KEEP), csrKey());
        var outcome = new CreateHsms(aws.cloudHsm, aws.runtime())
                .run(new CreateHsms.Input(clusterId, EmbeddedAws.ZONES, 2), Optional.empty());
        assertEquals("CLUSTER_STATE_UNEXPECTED", reason(outcome));
        assertEquals(1, aws.cloud.calls("CreateHsm"), "AWS refuses it until the cluster is ACTIVE");
    }
}
