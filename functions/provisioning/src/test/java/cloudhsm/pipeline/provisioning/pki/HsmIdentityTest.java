package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.pki.Finding.Kind;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.x500.X500Name;
import org.junit.jupiter.api.Test;

class HsmIdentityTest {
    private static final TestChain CHAIN = new TestChain();
    private static final Root AWS_ROOT = Root.of("AWS CloudHSM root", CHAIN.awsRoot);
    private static final AwsRoots AWS = new AwsRoots(AwsRoot.pinned(), List.of(AWS_ROOT));
    private static final Root MANUFACTURER = Root.of("manufacturer's root", CHAIN.manufacturerRoot);

    private final HsmIdentity identity = new HsmIdentity(Clock.fixed(TestChain.NOW, ZoneOffset.UTC));

    private List<Finding> awsChain(HsmCertificates shown, AwsRoots roots) {
        return identity.awsChain(shown, roots, ExpiredRoot.REFUSE);
    }

    private static AwsRoots only(Root root) {
        return new AwsRoots(AwsRoot.pinned(), List.of(root));
    }

    private static Set<Kind> kinds(List<Finding> findings) {
        return findings.stream().map(Finding::kind).collect(Collectors.toSet());
    }

    @Test
    void genuineHsmHasNoFindings() {
        assertEquals(List.of(), awsChain(CHAIN.shown(), AWS));
        assertEquals(List.of(), identity.manufacturerChain(CHAIN.shown(), Optional.of(MANUFACTURER)));
        assertEquals(List.of(), identity.csr(CHAIN.shown()));
    }

    @Test
    void hardwareCertificateOfAnotherRootIsFound() {
        var findings = awsChain(CHAIN.shown(), only(MANUFACTURER));
        assertEquals(Set.of(Kind.WRONG_ISSUER, Kind.WRONG_SIGNATURE), kinds(findings));
    }

    @Test
    void rootOfTheSameNameWithAnotherKeyIsFound() {
        var imposter = Root.of("AWS CloudHSM root", TestChain.root("CN=Test AWS root", TestChain.rsa(2048)));
        assertEquals(
                List.of(new Finding(
                        Kind.WRONG_SIGNATURE,
                        "The AwsHardwareCertificate is not signed by the key of the AWS CloudHSM root.")),
                awsChain(CHAIN.shown(), only(imposter)),
                "a name alone proves nothing");
    }

    @Test
    void certificatesInTheWrongOrderAreFound() {
        var shown = CHAIN.shown();
        var swapped =
                new HsmCertificates(shown.awsHardware(), shown.hsm(), shown.manufacturerHardware(), shown.clusterCsr());
        assertTrue(
                kinds(awsChain(swapped, AWS)).contains(Kind.WRONG_SIGNATURE),
                "the hardware certificate must be the one between root and HSM");
    }

    @Test
    void missingLinkIsFound() {
        var shown = CHAIN.shown();
        var without = new HsmCertificates(shown.hsm(), "", shown.manufacturerHardware(), shown.clusterCsr());
        assertEquals(
                List.of(new Finding(Kind.UNREADABLE, "The cluster shows no AwsHardwareCertificate.")),
                awsChain(without, AWS));
    }

    @Test
    void unreadableCertificateIsFoundWithoutAnException() {
        var shown = CHAIN.shown();
        var broken = new HsmCertificates("None", shown.awsHardware(), "", "");
        assertEquals(
                List.of(new Finding(
                        Kind.UNREADABLE,
                        "The HsmCertificate cannot be read: there is no \"BEGIN CERTIFICATE\" block.")),
                awsChain(broken, AWS));
    }

    @Test
    void expiredHsmCertificateIsFound() {
        var expired = TestChain.issue(
                TestChain.HARDWARE_NAME.toString(),
                CHAIN.hardwareKeys.getPrivate(),
                TestChain.partitionName(),
                CHAIN.hsmKeys,
                Duration.ofHours(1));
        var shown = new HsmCertificates(Pem.of(expired), Pem.of(CHAIN.awsHardware), "", Pem.of(CHAIN.csr));
        assertEquals(
                List.of(new Finding(
                        Kind.NOT_VALID_NOW,
                        "The HsmCertificate is valid from 2026-11-01T09:00:00Z to 2026-11-01T10:00:00Z, but now is"
                                + " 2026-11-02T09:00:00Z.")),
                awsChain(shown, AWS));
    }

    @Test
    void expiredRootIsFoundAsSuchAndNamesItsDates() {
        var after = new HsmIdentity(Clock.fixed(AwsRoot.pinned().notAfter().plusSeconds(1), ZoneOffset.UTC));
        var findings = after.awsChain(CHAIN.shown(), only(AwsRoot.pinned()), ExpiredRoot.REFUSE);
        assertTrue(
                findings.contains(new Finding(
                        Kind.TRUST_ANCHOR_EXPIRED,
                        "The AWS CloudHSM root \"CN=AWS CloudHSM Root G1, OU=CloudHSM, O=Amazon Web Services INC.,"
                                + " L=Herndon, ST=Virginia, C=US\" is valid from 2017-04-28T08:37:46Z to"
                                + " 2027-04-26T08:37:46Z, but now is 2027-04-26T08:37:47Z.")),
                findings::toString);
    }

    /** The chain's root, as facts that expired the day before. */
    private static Root expired() {
        return new Root(
                AWS_ROOT.name(),
                AWS_ROOT.subject(),
                AWS_ROOT.key(),
                AWS_ROOT.notBefore(),
                TestChain.NOW.minus(Duration.ofDays(1)),
                AWS_ROOT.sha256());
    }

    @Test
    void expiredPinnedRootIsTrustedByItsKeyIfThatIsAskedFor() {
        var pinned = new AwsRoots(expired(), List.of(expired()));
        assertEquals(
                Set.of(Kind.TRUST_ANCHOR_EXPIRED), kinds(identity.awsChain(CHAIN.shown(), pinned, ExpiredRoot.REFUSE)));
        assertEquals(List.of(), identity.awsChain(CHAIN.shown(), pinned, ExpiredRoot.ACCEPT_PINNED));
    }

    @Test
    void expiredRootThatIsNotPinnedIsNeverTrusted() {
        assertEquals(
                Set.of(Kind.TRUST_ANCHOR_EXPIRED),
                kinds(identity.awsChain(CHAIN.shown(), only(expired()), ExpiredRoot.ACCEPT_PINNED)));
    }

    @Test
    void pinnedNameWithAnotherKeyIsNotThePinnedRoot() {
        var sameName = new Root(
                AWS_ROOT.name(),
                AWS_ROOT.subject(),
                TestChain.rsa(2048).getPublic(),
                AWS_ROOT.notBefore(),
                AWS_ROOT.notAfter(),
                AWS_ROOT.sha256());
        assertEquals(
                Set.of(Kind.TRUST_ANCHOR_EXPIRED),
                kinds(identity.awsChain(
                        CHAIN.shown(), new AwsRoots(sameName, List.of(expired())), ExpiredRoot.ACCEPT_PINNED)));
    }

    @Test
    void expiredCertificateUnderAnAcceptedRootIsFound() {
        var hardware = TestChain.issue(
                AWS_ROOT.subject().getName(),
                CHAIN.awsRootKeys.getPrivate(),
                TestChain.HARDWARE_NAME,
                CHAIN.hardwareKeys,
                Duration.ofHours(1));
        var shown = new HsmCertificates(Pem.of(CHAIN.hsm), Pem.of(hardware), "", Pem.of(CHAIN.csr));
        var pinned = new AwsRoots(expired(), List.of(expired()));
        assertEquals(Set.of(Kind.NOT_VALID_NOW), kinds(identity.awsChain(shown, pinned, ExpiredRoot.ACCEPT_PINNED)));
    }

    @Test
    void rootThatIsNotYetValidIsNotAcceptedAsExpired() {
        var before = new HsmIdentity(Clock.fixed(AWS_ROOT.notBefore().minusSeconds(1), ZoneOffset.UTC));
        var pinned = new AwsRoots(AWS_ROOT, List.of(AWS_ROOT));
        assertTrue(kinds(before.awsChain(CHAIN.shown(), pinned, ExpiredRoot.ACCEPT_PINNED))
                .contains(Kind.TRUST_ANCHOR_EXPIRED));
    }

    @Test
    void successorVouchesBesideAnExpiredRoot() {
        assertEquals(
                List.of(),
                awsChain(CHAIN.shown(), new AwsRoots(AwsRoot.pinned(), List.of(AwsRoot.pinned(), AWS_ROOT))));
    }

    @Test
    void pinnedRootDoesNotVouchForHsmsOfAnotherRoot() {
        assertEquals(
                Set.of(Kind.WRONG_ISSUER, Kind.WRONG_SIGNATURE),
                kinds(awsChain(CHAIN.shown(), only(AwsRoot.pinned()))));
    }

    @Test
    void manufacturersLinkIsCheckedEvenWithoutItsRoot() {
        var otherHardware = TestChain.issue(
                "CN=Test manufacturer root",
                CHAIN.manufacturerRootKeys.getPrivate(),
                TestChain.HARDWARE_NAME,
                TestChain.rsa(2048),
                Duration.ofDays(3650));
        var shown = new HsmCertificates(
                Pem.of(CHAIN.hsm), Pem.of(CHAIN.awsHardware), Pem.of(otherHardware), Pem.of(CHAIN.csr));
        assertEquals(List.of(), identity.manufacturerChain(CHAIN.shown(), Optional.empty()));
        assertEquals(Set.of(Kind.WRONG_SIGNATURE), kinds(identity.manufacturerChain(shown, Optional.empty())));
    }

    @Test
    void csrForAnotherKeyIsFound() {
        var other = TestChain.rsa(2048);
        var shown = new HsmCertificates(
                Pem.of(CHAIN.hsm),
                Pem.of(CHAIN.awsHardware),
                Pem.of(CHAIN.manufacturerHardware),
                Pem.of(TestChain.csr(other, other)));
        assertEquals(Set.of(Kind.KEY_MISMATCH), kinds(identity.csr(shown)));
    }

    @Test
    void csrSignedByAnotherKeyThanItsOwnIsFound() {
        var shown = new HsmCertificates(
                Pem.of(CHAIN.hsm),
                Pem.of(CHAIN.awsHardware),
                Pem.of(CHAIN.manufacturerHardware),
                Pem.of(TestChain.csr(CHAIN.hsmKeys, TestChain.rsa(2048))));
        assertEquals(Set.of(Kind.NO_PROOF_OF_POSSESSION), kinds(identity.csr(shown)));
    }

    @Test
    void everythingThatIsWrongIsFoundAtOnce() {
        var stranger = TestChain.issue(
                "CN=stranger",
                TestChain.rsa(2048).getPrivate(),
                new X500Name("CN=HSM"),
                TestChain.rsa(2048),
                Duration.ofHours(1));
        var shown = new HsmCertificates(Pem.of(stranger), Pem.of(CHAIN.awsHardware), "", Pem.of(CHAIN.csr));
        assertEquals(
                List.of(Kind.NOT_VALID_NOW, Kind.WRONG_ISSUER, Kind.WRONG_SIGNATURE),
                awsChain(shown, AWS).stream().map(Finding::kind).toList());
    }
}
