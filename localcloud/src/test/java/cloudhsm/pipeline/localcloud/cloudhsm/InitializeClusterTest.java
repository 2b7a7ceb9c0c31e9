package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

class InitializeClusterTest {
    private final CloudHsmScenario scenario = new CloudHsmScenario();

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void hsmCertificateVerifiesUnderBothRoots() throws Exception {
        var certificates = scenario.describe(scenario.clusterWithCsr()).certificates();
        var hsm = TestAuthority.certificate(certificates.hsmCertificate());
        var aws = TestAuthority.certificate(certificates.awsHardwareCertificate());
        var manufacturer = TestAuthority.certificate(certificates.manufacturerHardwareCertificate());
        var awsRoot = TestAuthority.certificate(scenario.aws.cloudHsm().awsRootPem());
        var manufacturerRoot = TestAuthority.certificate(scenario.aws.cloudHsm().manufacturerRootPem());

        assertSigned(awsRoot, aws);
        assertSigned(aws, hsm);
        assertSigned(manufacturerRoot, manufacturer);
        assertSigned(manufacturer, hsm);
        assertEquals(
                TestAuthority.csr(certificates.clusterCsr()).getSubjectPublicKeyInfo(),
                hsm.getSubjectPublicKeyInfo(),
                "this equality is what proves that the CSR comes from the HSM");
    }

    @Test
    void csrSubjectHasOneRdnOfFiveAttributesAndThenTheCommonName() {
        var csr = scenario.describe(scenario.clusterWithCsr()).certificates().clusterCsr();
        var subject = TestAuthority.csr(csr).getSubject();
        assertEquals(2, subject.getRDNs().length);
        assertEquals(5, subject.getRDNs()[0].size(), "rebuilt from a string this name would change");
        assertTrue(
                subject.toString()
                        .matches("C=US\\+ST=CA\\+OU=LS2\\+L=SanJose\\+O=Marvell,CN=HSM:.*:PARTN:\\d+\\\\, for FIPS"
                                + " mode"),
                subject.toString());
    }

    @Test
    void hardwareCertificatesGiveWayToTheClusterCertificate() {
        var id = scenario.initializedCluster();
        var certificates = scenario.describe(id).certificates();
        assertNull(certificates.clusterCsr(), "offered only before initialisation");
        assertNull(certificates.hsmCertificate(), "offered only before initialisation");
        assertNull(certificates.awsHardwareCertificate(), "offered only before initialisation");
        assertNull(certificates.manufacturerHardwareCertificate(), "offered only before initialisation");
        assertTrue(certificates.clusterCertificate().contains("BEGIN CERTIFICATE"));
    }

    @Test
    void answersThatItIsInProgress() {
        var id = scenario.clusterWithCsr();
        var certificate = scenario.authority.sign(csr(id));
        var answer = scenario.cloudHsm.initializeCluster(
                request -> request.clusterId(id).signedCert(certificate).trustAnchor(scenario.authority.rootPem()));
        assertEquals(ClusterState.INITIALIZE_IN_PROGRESS, answer.state());
        assertEquals(
                "Cluster is initializing. State will change to INITIALIZED upon completion.", answer.stateMessage());
        assertTrue(
                refusal(id, certificate, scenario.authority.rootPem()).contains("must be UNINITIALIZED"),
                "a second call must not start over");
    }

    @Test
    void clusterWithoutHsmIsRefused() {
        var other = new TestAuthority();
        var refused = refusal(scenario.uninitializedCluster(), other.rootPem(), other.rootPem());
        assertTrue(refused.contains("has no active HSM"), refused);
    }

    @Test
    void textAroundThePemIsRefused() {
        var id = scenario.clusterWithCsr();
        var refused = refusal(id, "Subject: CN\n" + scenario.authority.sign(csr(id)), scenario.authority.rootPem());
        assertTrue(refused.contains("'signedCert' failed to satisfy constraint"), refused);
    }

    @Test
    void certificateOfAnotherAuthorityIsRefused() {
        var id = scenario.clusterWithCsr();
        var refused = refusal(id, scenario.authority.sign(csr(id)), new TestAuthority().rootPem());
        assertEquals("SignedCert was not issued by the TrustAnchor's first certificate", refused);
    }

    @Test
    void certificateForAnotherKeyIsRefused() {
        var id = scenario.clusterWithCsr();
        var refused = refusal(id, scenario.authority.signForAnotherKey(csr(id)), scenario.authority.rootPem());
        assertEquals("The public key of SignedCert is not that of the cluster's certificate signing request", refused);
    }

    @Test
    void certificateForAReplacedHsmIsRefused() {
        var id = scenario.clusterWithCsr();
        var stale = scenario.authority.sign(csr(id));
        scenario.aws
                .cloudHsm()
                .replaceHsm(scenario.describe(id).hsms().getFirst().hsmId());
        scenario.waitForCsr(id);
        assertTrue(refusal(id, stale, scenario.authority.rootPem()).contains("public key"));
    }

    @Test
    void anchorThatIsNotSelfSignedIsRefused() {
        var id = scenario.clusterWithCsr();
        var leaf = scenario.authority.sign(csr(id));
        assertEquals("TrustAnchor must end with a self-signed root certificate", refusal(id, leaf, leaf));
    }

    @ParameterizedTest
    @ValueSource(strings = {"SHA1withRSA", "SHA1withRSAandMGF1"})
    void weakDigestIsRefused(String signature) {
        var id = scenario.clusterWithCsr();
        isSignedWeakly(refusal(id, scenario.authority.sign(csr(id), signature), scenario.authority.rootPem()));
        var weak = new TestAuthority(TestAuthority.newKeys(2048), signature);
        var refused = refusal(id, weak.sign(csr(id), "SHA256withRSA"), weak.rootPem());
        assertTrue(refused.startsWith("TrustAnchor must be signed with"), refused);
    }

    private static void isSignedWeakly(String refused) {
        assertTrue(refused.startsWith("SignedCert must be signed with RSA, RSASSA-PSS or ECDSA and SHA-224"), refused);
    }

    @ParameterizedTest
    @ValueSource(strings = {"SHA224withRSAandMGF1", "SHA256withRSAandMGF1", "SHA512withRSAandMGF1", "SHA384withRSA"})
    void everyDigestOfTheManualIsAcceptedWithPssToo(String signature) {
        var id = scenario.clusterWithCsr();
        var authority = new TestAuthority(TestAuthority.newKeys(2048), signature);
        scenario.cloudHsm.initializeCluster(request ->
                request.clusterId(id).signedCert(authority.sign(csr(id))).trustAnchor(authority.rootPem()));
    }

    @Test
    void rootWithExtensionsNeedsBasicConstraints() {
        var id = scenario.clusterWithCsr();
        var leaf = scenario.authority.sign(csr(id));
        var refused = refusal(id, leaf, scenario.authority.root(TestAuthority.Extras.ONLY_KEY_USAGE));
        assertEquals("A TrustAnchor certificate with extensions must have Basic Constraints", refused);
        scenario.cloudHsm.initializeCluster(request -> request.clusterId(id)
                .signedCert(leaf)
                .trustAnchor(scenario.authority.root(TestAuthority.Extras.BASIC_CONSTRAINTS)));
    }

    @Test
    void rootThatAllowsNoAuthorityBelowItVouchesForNone() {
        var id = scenario.clusterWithCsr();
        var strict = scenario.authority.signBelow(csr(id), 0);
        assertEquals(
                "A TrustAnchor certificate allows 0 authorities below it, not 1",
                refusal(id, strict.certificate(), strict.chain()));
        var right = scenario.authority.signBelow(csr(id), 1);
        scenario.cloudHsm.initializeCluster(
                request -> request.clusterId(id).signedCert(right.certificate()).trustAnchor(right.chain()));
    }

    private String csr(String clusterId) {
        return scenario.describe(clusterId).certificates().clusterCsr();
    }

    private String refusal(String clusterId, String signedCert, String trustAnchor) {
        return assertThrows(
                        CloudHsmInvalidRequestException.class,
                        () -> scenario.cloudHsm.initializeCluster(request -> request.clusterId(clusterId)
                                .signedCert(signedCert)
                                .trustAnchor(trustAnchor)))
                .awsErrorDetails()
                .errorMessage();
    }

    private static void assertSigned(X509CertificateHolder issuer, X509CertificateHolder certificate) throws Exception {
        assertEquals(issuer.getSubject(), certificate.getIssuer());
        assertTrue(certificate.isSignatureValid(new JcaContentVerifierProviderBuilder().build(issuer)));
    }
}
