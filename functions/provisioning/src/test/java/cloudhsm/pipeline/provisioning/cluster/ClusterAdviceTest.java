package cloudhsm.pipeline.provisioning.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import cloudhsm.pipeline.localcloud.cloudhsm.HsmHardware;
import cloudhsm.pipeline.provisioning.cluster.IssueClusterCertificate.CaKey;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity.Policy;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity.Verdict;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.AwsRoot;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.Tag;

/** What the runbook advises about a cluster, its HSMs and its certificate, followed literally. */
class ClusterAdviceTest {
    private static final String CA_SECRET = "cloudhsm-pipeline/demo/cluster-ca";

    private final EmbeddedAws aws = new EmbeddedAws();
    private final SecretsManagerClient secretsManager = aws.client(SecretsManagerClient.builder());
    private String clusterId;

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome createFirstHsm() {
        var stage = new CreateFirstHsm(aws.cloudHsm, aws.runtime());
        var input = new CreateFirstHsm.Input(clusterId, EmbeddedAws.ZONES);
        return aws.runToEnd(awaited -> stage.run(input, awaited));
    }

    private Outcome verify(Policy policy, String manufacturerRoot) {
        return new VerifyHsmIdentity(
                        aws.cloudHsm,
                        aws.deployments(),
                        aws.runtime(),
                        AwsRoot.pinned(),
                        aws.cloud.cloudHsm().awsRootPem())
                .run(
                        new VerifyHsmIdentity.Input(
                                EmbeddedAws.DEPLOYMENT, clusterId, policy, manufacturerRoot, ExpiredRoot.REFUSE),
                        Optional.empty());
    }

    private String csrKey() {
        return ((VerifyHsmIdentity.Output) done(verify(Policy.REQUIRE_AWS, ""))).csrKeySha256();
    }

    private Outcome issue(String csrKey) {
        return new IssueClusterCertificate(aws.cloudHsm, secretsManager, aws.deployments(), aws.runtime())
                .run(
                        new IssueClusterCertificate.Input(
                                EmbeddedAws.DEPLOYMENT, clusterId, csrKey, Duration.ofDays(3652), CaKey.KEEP),
                        Optional.empty());
    }

    private IssueClusterCertificate.Output issued() {
        return (IssueClusterCertificate.Output) done(issue(csrKey()));
    }

    private Outcome initialize(String certificate, String trustAnchor, String csrKey) {
        var stage = new InitializeCluster(aws.cloudHsm, aws.runtime());
        var input = new InitializeCluster.Input(clusterId, certificate, trustAnchor, csrKey);
        return aws.runToEnd(awaited -> stage.run(input, awaited));
    }

    private Outcome initialize(IssueClusterCertificate.Output issued) {
        return initialize(issued.clusterCertificate(), issued.trustAnchor(), csrKey());
    }

    private String csrKeyUnverified() {
        var skipped = (VerifyHsmIdentity.Output) done(verify(Policy.SKIP, ""));
        assertEquals(Verdict.SKIPPED, skipped.verdict());
        return skipped.csrKeySha256();
    }

    /** A first HSM on such hardware; what is made afterwards is sound. */
    private void givenFirstHsmOn(HsmHardware hardware) {
        aws.cloud.cloudHsm().hardwareIs(hardware);
        clusterId = aws.givenFirstHsm();
        aws.cloud.cloudHsm().hardwareIs(HsmHardware.SOUND);
    }

    /** Deletes the HSM, then does what a new execution does. */
    private void anotherHsmIsVerifiedAndInitialised() {
        var hsm = Clusters.hsms(aws.cluster(clusterId)).getFirst();
        aws.cloudHsm.deleteHsm(delete -> delete.clusterId(clusterId).hsmId(hsm.hsmId()));
        done(createFirstHsm());
        done(initialize(issued()));
    }

    private static Record done(Outcome outcome) {
        return assertInstanceOf(Outcome.Done.class, outcome, outcome::toString).output();
    }

    private static String reason(Outcome outcome) {
        return assertInstanceOf(Outcome.Failed.class, outcome, outcome::toString)
                .reason();
    }

    @Test
    void clusterInAnotherModeIsTakenByAskingForWhatIsThere() {
        clusterId = aws.givenCluster();
        var stage = new CreateCluster(aws.cloudHsm, aws.deployments(), aws.runtime());
        var other =
                new CreateCluster.Input(EmbeddedAws.DEPLOYMENT, "hsm2m.medium", "NON_FIPS", "", 90, aws.subnetIds());
        assertEquals("CLUSTER_DIFFERS", reason(stage.run(other, Optional.empty())));
        done(aws.runToEnd(awaited -> stage.run(aws.clusterInput(), awaited)));
    }

    @Test
    void afterBothHsmsAndTheirClusterAreDeletedANewExecutionGetsACsr() {
        aws.cloud.cloudHsm().acceptConcurrentFirstHsms(true);
        clusterId = aws.givenCluster();
        for (var zone : EmbeddedAws.ZONES)
            aws.cloudHsm.createHsm(create -> create.clusterId(clusterId).availabilityZone(zone));
        aws.cloud.advance(Duration.ofMinutes(20));
        assertEquals("TWO_HSMS_BEFORE_INITIALIZATION", reason(createFirstHsm()));
        for (var hsm : Clusters.hsms(aws.cluster(clusterId)))
            aws.cloudHsm.deleteHsm(delete -> delete.clusterId(clusterId).hsmId(hsm.hsmId()));
        aws.cloud.advance(Duration.ofMinutes(20));
        aws.cloudHsm.deleteCluster(delete -> delete.clusterId(clusterId));
        clusterId = aws.givenCluster();
        done(createFirstHsm());
        csrKey();
    }

    @Test
    void degradedZonesAreTriedAgainByALaterExecution() {
        clusterId = aws.givenCluster();
        EmbeddedAws.ZONES.forEach(zone -> aws.cloud.cloudHsm().nextHsmDegrades(zone));
        assertEquals("HSM_DEGRADED", reason(createFirstHsm()));
        aws.cloud.advance(Duration.ofMinutes(20));
        done(createFirstHsm());
        assertEquals(1, Clusters.hsms(aws.cluster(clusterId)).size());
    }

    @Test
    void capacityIsAskedForAgainByALaterExecution() {
        clusterId = aws.givenCluster();
        EmbeddedAws.ZONES.forEach(zone -> aws.cloud.cloudHsm().zoneIsFull(zone, true));
        assertEquals("NO_HSM_CAPACITY", reason(createFirstHsm()));
        aws.cloud.cloudHsm().zoneIsFull(EmbeddedAws.ZONE_B, false);
        done(createFirstHsm());
    }

    @Test
    void zonesOfTheClustersOwnSubnetsHaveRoomForAnHsm() {
        clusterId = aws.givenCluster();
        var stage = new CreateFirstHsm(aws.cloudHsm, aws.runtime());
        var elsewhere = new CreateFirstHsm.Input(clusterId, List.of("eu-central-1c"));
        assertEquals("NO_ZONE_FOR_HSM", reason(stage.run(elsewhere, Optional.empty())));
        done(createFirstHsm());
    }

    @Test
    void theManufacturersRootOrAnotherPolicyVerifiesTheHsm() {
        clusterId = aws.givenFirstHsm();
        assertEquals("MANUFACTURER_ROOT_MISSING", reason(verify(Policy.REQUIRE_BOTH, "")));
        done(verify(Policy.REQUIRE_BOTH, aws.cloud.cloudHsm().manufacturerRootPem()));
        done(verify(Policy.REQUIRE_AWS, ""));
    }

    @Test
    void aRootThatCannotBeReadIsCorrected() {
        clusterId = aws.givenFirstHsm();
        var root = aws.cloud.cloudHsm().manufacturerRootPem();
        assertEquals("TRUST_ANCHOR_UNREADABLE", reason(verify(Policy.REQUIRE_BOTH, root.replace("BEGIN", "BEGINS"))));
        done(verify(Policy.REQUIRE_BOTH, root));
    }

    @ParameterizedTest
    @EnumSource(names = {"NO_AUTHORITY", "CSR_SIGNED_WITH_SHA1"})
    void anHsmWhoseCertificatesAreUnfitIsTakenBySkipWhereAwsSaysThatAllHaveThem(HsmHardware hardware) {
        givenFirstHsmOn(hardware);
        assertEquals("HSM_CERTIFICATE_UNFIT", reason(verify(Policy.REQUIRE_AWS, "")));
        var csrKey = csrKeyUnverified();
        var issued = (IssueClusterCertificate.Output) done(issue(csrKey));
        done(initialize(issued.clusterCertificate(), issued.trustAnchor(), csrKey));
    }

    @ParameterizedTest
    @EnumSource(names = {"NO_AUTHORITY", "CSR_SIGNED_WITH_SHA1"})
    void anHsmWhoseCertificatesAreUnfitIsDeletedWhereOthersHaveBetterOnes(HsmHardware hardware) {
        givenFirstHsmOn(hardware);
        assertEquals("HSM_CERTIFICATE_UNFIT", reason(verify(Policy.REQUIRE_AWS, "")));
        anotherHsmIsVerifiedAndInitialised();
    }

    @Test
    void anHsmThatIsNotVerifiedIsDeletedAndAnotherOneIs() {
        givenFirstHsmOn(HsmHardware.FORGED);
        assertEquals("HSM_IDENTITY_NOT_VERIFIED", reason(verify(Policy.REQUIRE_AWS, "")));
        anotherHsmIsVerifiedAndInitialised();
    }

    @Test
    void anHsmWhoseCsrIsRejectedIsDeletedAndAnothersIsSigned() {
        givenFirstHsmOn(HsmHardware.CSR_SIGNED_BY_ANOTHER_KEY);
        assertEquals("HSM_IDENTITY_NOT_VERIFIED", reason(verify(Policy.REQUIRE_AWS, "")));
        assertEquals("CSR_REJECTED", reason(issue(csrKeyUnverified())), "whatever is skipped");
        anotherHsmIsVerifiedAndInitialised();
    }

    @Test
    void certificateThatIsNotForTheCsrIsIssuedAgainByANewExecution() {
        clusterId = aws.givenFirstHsm();
        var issued = issued();
        assertEquals("CERTIFICATE_UNREADABLE", reason(initialize("no certificate", issued.trustAnchor(), csrKey())));
        var hsm = Clusters.hsms(aws.cluster(clusterId)).getFirst();
        aws.cloud.cloudHsm().replaceHsm(hsm.hsmId());
        aws.cloud.advance(Duration.ofMinutes(5));
        assertEquals("CERTIFICATE_UNFIT", reason(initialize(issued)));
        done(initialize(issued()));
    }

    @Test
    void aSecretThatWasLostOrSpoiltIsWrittenAgainAsTheCauseSays() throws JsonProcessingException {
        clusterId = aws.givenFirstHsm();
        var issued = issued();
        done(initialize(issued));
        secretsManager.deleteSecret(delete -> delete.secretId(CA_SECRET).forceDeleteWithoutRecovery(true));
        assertEquals("CLUSTER_CERTIFICATE_LOST", reason(issue("")));
        assertEquals("CLUSTER_CERTIFICATE_UNREADABLE", reason(issue("")), "the secret is there, and empty");

        secretsManager.putSecretValue(put -> put.secretId(CA_SECRET).secretString("a note"));
        assertEquals("CLUSTER_CERTIFICATE_UNREADABLE", reason(issue("")));

        var written = Json.MAPPER.writeValueAsString(Json.MAPPER
                .createObjectNode()
                .put("certificate", issued.trustAnchor())
                .put("clusterCertificate", issued.clusterCertificate()));
        secretsManager.putSecretValue(put -> put.secretId(CA_SECRET).secretString(written));
        assertEquals(issued.trustAnchor(), ((IssueClusterCertificate.Output) done(issue(""))).trustAnchor());
    }

    @Test
    void aRootThatSomebodyStoredBeforeSignsNothingUntilItsSecretIsDeleted() {
        clusterId = aws.givenFirstHsm();
        var planted = ClusterCa.create(
                "planted", Duration.ofDays(3652), aws.cloud.time().clock());
        var text = Json.MAPPER
                .createObjectNode()
                .put("certificate", Pem.of(planted.root()))
                .put("privateKey", Pem.of(planted.key()))
                .put(
                        "clusterCertificate",
                        Pem.of(planted.sign(
                                Pem.csr(aws.cluster(clusterId).certificates().clusterCsr()),
                                aws.cloud.time().clock())))
                .toString();
        secretsManager.createSecret(create -> create.name(CA_SECRET)
                .secretString(text)
                .tags(Tag.builder()
                        .key(Clusters.DEPLOYMENT_TAG)
                        .value(EmbeddedAws.DEPLOYMENT)
                        .build()));
        assertEquals("SECRET_NOT_OURS", reason(issue(csrKey())));

        // Deleted as the console does it: the name stays taken for a month.
        secretsManager.deleteSecret(delete -> delete.secretId(CA_SECRET));
        var issued = issued();
        assertNotEquals(Encoded.sha256(planted.root()), issued.rootSha256());
        assertEquals(issued, issued(), "and the deployment's own one is found again");
        done(initialize(issued));
    }
}
