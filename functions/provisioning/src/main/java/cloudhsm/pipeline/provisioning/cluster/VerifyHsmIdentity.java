package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.AwsRoot;
import cloudhsm.pipeline.provisioning.pki.AwsRoots;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.pki.Finding;
import cloudhsm.pipeline.provisioning.pki.HsmCertificates;
import cloudhsm.pipeline.provisioning.pki.HsmIdentity;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.Root;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.Certificates;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

/**
 * Verifies that the first HSM is genuine before anything is entrusted to it: the chain to AWS, the chain to the
 * manufacturer, and that the CSR is for the key which both attest. AWS offers the certificates until the cluster is
 * initialised, not after.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/verify-hsm-identity.html">Verify the identity of
 *     the HSM</a>
 */
public final class VerifyHsmIdentity extends StageHandler<VerifyHsmIdentity.Input> {
    /** What has to be verified for the execution to go on; what fails although it could be checked always stops it. */
    public enum Policy {
        /** Both chains; needs the manufacturer's root. */
        REQUIRE_BOTH,
        /** The AWS chain; of the manufacturer's, what can be checked. */
        REQUIRE_AWS,
        /** Nothing; what was found is reported. */
        SKIP
    }

    /** What was verified. */
    public enum Verdict {
        VERIFIED_BOTH,
        VERIFIED_AWS,
        SKIPPED,
        /** The cluster was initialized before, and nobody verified its HSM for this deployment. */
        ALREADY_INITIALIZED
    }

    /**
     * @param manufacturerRoot PEM, or "" if the user has none
     * @param expiredRoot REFUSE if it is null
     */
    public record Input(
            String deployment, String clusterId, Policy policy, String manufacturerRoot, ExpiredRoot expiredRoot) {
        public Input {
            manufacturerRoot = Objects.requireNonNullElse(manufacturerRoot, "");
            expiredRoot = Objects.requireNonNullElse(expiredRoot, ExpiredRoot.REFUSE);
        }
    }

    /** @param message what was checked, or everything that is wrong */
    public record Chain(boolean verified, String message) {}

    /**
     * @param name as in DescribeClusters, or of the root
     * @param issuer of a root: itself
     * @param sha256 fingerprint, lower-case hex
     * @param notAfter ISO-8601, UTC
     */
    public record CertificateFacts(String name, String subject, String issuer, String sha256, String notAfter) {}

    /** @param csrKeySha256 of the CSR's SubjectPublicKeyInfo; "" if the cluster is initialised already */
    public record Output(
            Verdict verdict,
            String csrKeySha256,
            Chain awsChain,
            Chain manufacturerChain,
            List<CertificateFacts> certificates) {
        public Output {
            certificates = List.copyOf(certificates);
        }
    }

    private final Clusters clusters;
    private final Deployments deployments;
    private final HsmIdentity identity;
    private final Clock clock;
    private final Root pinnedAwsRoot;
    private final String awsRootCertificate;

    /** Called by Lambda, once per execution environment. */
    public VerifyHsmIdentity() {
        this(
                Aws.cloudHsm(),
                Deployments.ofFunction(),
                StageRuntime.ofFunction(),
                AwsRoot.pinned(),
                Aws.environment("AWS_ROOT_CERTIFICATE"));
    }

    /** @param awsRootCertificate PEM of the AWS CloudHSM roots, or "" for the pinned one */
    VerifyHsmIdentity(
            CloudHsmV2Client cloudHsm,
            Deployments deployments,
            StageRuntime runtime,
            Root pinnedAwsRoot,
            String awsRootCertificate) {
        super(Input.class, runtime);
        this.clusters = new Clusters(cloudHsm);
        this.deployments = deployments;
        this.identity = new HsmIdentity(runtime.clock());
        this.clock = runtime.clock();
        this.pinnedAwsRoot = pinnedAwsRoot;
        this.awsRootCertificate = awsRootCertificate;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case UNINITIALIZED ->
                        Clusters.csr(cluster).isPresent()
                                ? verify(cluster, input)
                                : new Outcome.Waiting(
                                        Resource.clusterCsr(cluster.clusterId()),
                                        Set.of(Resource.ABSENT),
                                        HsmCreation.CREATION_BUDGET);
                    case INITIALIZE_IN_PROGRESS,
                            INITIALIZED,
                            ACTIVE,
                            UPDATE_IN_PROGRESS,
                            MODIFY_IN_PROGRESS,
                            ROLLBACK_IN_PROGRESS -> alreadyInitialized(cluster, input);
                    case CREATE_IN_PROGRESS, DEGRADED, DELETE_IN_PROGRESS, DELETED, UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "An HSM is verified in an UNINITIALIZED cluster");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome verify(Cluster cluster, Input input) {
        AwsRoots awsRoots;
        Optional<Root> manufacturerRoot;
        try {
            awsRoots = AwsRoots.of(pinnedAwsRoot, awsRootCertificate);
            manufacturerRoot = Optional.of(input.manufacturerRoot())
                    .filter(pem -> !pem.isBlank())
                    .map(pem -> Root.given("manufacturer's root", Pem.certificate(pem)));
        } catch (MalformedPemException malformed) {
            return new Outcome.Failed(
                    "TRUST_ANCHOR_UNREADABLE",
                    "A root certificate given by the user cannot be used: " + malformed.getMessage()
                            + ". Nothing was changed. Next: correct the stack's parameter AwsRootCertificate, or"
                            + " hsmIdentity.manufacturerRootCertificate of the request.");
        }
        var shown = certificates(cluster.certificates());
        settle(Question.HARDWARE_CERTIFICATES, algorithms(shown));
        var issuer = readable(shown.awsHardware()).flatMap(awsRoots::issuerOf);
        var checks = new Checks(
                identity.awsChain(shown, awsRoots, input.expiredRoot()),
                identity.manufacturerChain(shown, manufacturerRoot),
                manufacturerRoot.isPresent(),
                identity.csr(shown),
                issuer.filter(root -> clock.instant().isAfter(root.notAfter())));
        var roots = new ArrayList<>(issuer.map(List::of).orElse(awsRoots.anchors()));
        manufacturerRoot.ifPresent(roots::add);
        var outcome = judge(cluster, input.policy(), checks, facts(shown, roots), csrKey(shown));
        if (outcome instanceof Outcome.Done done) deployments.verified(input.deployment(), done.output());
        return outcome;
    }

    private static HsmCertificates certificates(Certificates shown) {
        return new HsmCertificates(
                shown.hsmCertificate(),
                shown.awsHardwareCertificate(),
                shown.manufacturerHardwareCertificate(),
                shown.clusterCsr());
    }

    /**
     * Everything that was found wrong; nothing where all is well.
     *
     * @param expiredAwsRoot the root of the AWS chain, if it was trusted, or refused, beyond its end
     */
    private record Checks(
            List<Finding> aws,
            List<Finding> manufacturer,
            boolean manufacturerRootGiven,
            List<Finding> csr,
            Optional<Root> expiredAwsRoot) {
        List<Finding> all() {
            return Stream.of(aws, manufacturer, csr)
                    .flatMap(List::stream)
                    .distinct()
                    .toList();
        }

        Chain awsChain() {
            if (!aws.isEmpty()) return new Chain(false, messages(aws));
            var links = "HsmCertificate, AwsHardwareCertificate and the AWS CloudHSM root: each link's name, signature";
            return new Chain(
                    true,
                    expiredAwsRoot
                            .map(root -> links + " and key hold, and both certificates are valid now. The root's own"
                                    + " certificate expired on " + root.notAfter() + ": because"
                                    + " hsmIdentity.expiredRoot is ACCEPT_PINNED, the pinned name and key (SHA-256 of"
                                    + " SubjectPublicKeyInfo " + Encoded.keySha256(root.key())
                                    + ") were trusted beyond that.")
                            .orElse(links + " and validity hold."));
        }

        Chain manufacturerChain() {
            if (!manufacturer.isEmpty()) return new Chain(false, messages(manufacturer));
            return manufacturerRootGiven
                    ? new Chain(
                            true,
                            "HsmCertificate, ManufacturerHardwareCertificate and the manufacturer's root: each"
                                    + " link's name, signature and validity hold.")
                    : new Chain(
                            false,
                            "Not verified up to its root: hsmIdentity.manufacturerRootCertificate was not"
                                    + " given. The ManufacturerHardwareCertificate did issue the HsmCertificate.");
        }
    }

    private static Outcome judge(
            Cluster cluster, Policy policy, Checks checks, List<CertificateFacts> facts, Optional<String> csrKey) {
        if (csrKey.isEmpty()) return failed("HSM_IDENTITY_NOT_VERIFIED", cluster, checks.all());
        var csr = checks.csr().isEmpty() ? "" : " " + messages(checks.csr());
        return switch (policy) {
            case SKIP ->
                new Outcome.Done(new Output(
                        Verdict.SKIPPED,
                        csrKey.get(),
                        new Chain(
                                checks.awsChain().verified(),
                                "Not required by the policy SKIP. "
                                        + checks.awsChain().message() + csr),
                        new Chain(
                                checks.manufacturerChain().verified(),
                                "Not required by the policy SKIP. "
                                        + checks.manufacturerChain().message()),
                        facts));
            case REQUIRE_AWS, REQUIRE_BOTH -> {
                if (!checks.all().isEmpty()) yield failed(reason(checks.all()), cluster, checks.all());
                if (policy == Policy.REQUIRE_BOTH && !checks.manufacturerRootGiven()) {
                    yield manufacturerRootMissing(cluster);
                }
                yield new Outcome.Done(new Output(
                        checks.manufacturerRootGiven() ? Verdict.VERIFIED_BOTH : Verdict.VERIFIED_AWS,
                        csrKey.get(),
                        checks.awsChain(),
                        checks.manufacturerChain(),
                        facts));
            }
        };
    }

    /** The reason that tells most: an expired anchor says nothing about the HSM, a wrong signature does. */
    private static String reason(List<Finding> findings) {
        var kinds = findings.stream().map(Finding::kind).collect(Collectors.toSet());
        if (kinds.equals(Set.of(Finding.Kind.TRUST_ANCHOR_EXPIRED))) return "TRUST_ANCHOR_EXPIRED";
        if (kinds.equals(Set.of(Finding.Kind.KEY_MISMATCH))) return "CSR_KEY_MISMATCH";
        if (kinds.stream().allMatch(Finding.Kind::isUnfit)) return "HSM_CERTIFICATE_UNFIT";
        return "HSM_IDENTITY_NOT_VERIFIED";
    }

    private static Outcome failed(String reason, Cluster cluster, List<Finding> findings) {
        var next = switch (reason) {
            case "TRUST_ANCHOR_EXPIRED" ->
                "if it is the AWS root, give hsmIdentity.expiredRoot ACCEPT_PINNED, which trusts the key of"
                        + " the pinned root beyond its end, or deploy with a root that is valid in"
                        + " AwsRootCertificate, if AWS has published one; if it is the manufacturer's, give"
                        + " hsmIdentity.manufacturerRootCertificate anew, or REQUIRE_AWS as its policy without it."
                        + " Then start a new execution.";
            case "HSM_CERTIFICATE_UNFIT" ->
                "names, signatures and dates hold, so ask AWS Support whether its HSMs have what was seen. If"
                        + " they do, a new execution with hsmIdentity.policy SKIP goes on with this HSM and"
                        + " reports the same as not verified; if not, delete the HSM and start a new execution.";
            case "CSR_KEY_MISMATCH" ->
                "do not use this HSM; delete it, start a new execution, and tell AWS Support if it" + " happens again.";
            default ->
                "do not use this HSM. If a root that you gave is the wrong one, correct it; otherwise delete"
                        + " the HSM, start a new execution, and tell AWS Support if it happens again.";
        };
        return new Outcome.Failed(
                reason,
                "The first HSM of cluster " + cluster.clusterId() + " was not verified. " + messages(findings)
                        + " Nothing was changed; the HSM bills by the hour. Next: " + next);
    }

    private static Outcome manufacturerRootMissing(Cluster cluster) {
        return new Outcome.Failed(
                "MANUFACTURER_ROOT_MISSING",
                "The first HSM of cluster " + cluster.clusterId() + " was verified up to the AWS root, but the policy"
                        + " REQUIRE_BOTH needs hsmIdentity.manufacturerRootCertificate. Nothing was changed; the HSM"
                        + " bills by the hour. Next: give the root, or choose REQUIRE_AWS.");
    }

    /** What was verified before counts, if it satisfies the policy of today. */
    private Outcome alreadyInitialized(Cluster cluster, Input input) {
        var record = deployments.find(input.deployment());
        var before = verifiedBefore(cluster, record);
        if (before.filter(output -> satisfies(output.verdict(), input.policy())).isPresent()) {
            return new Outcome.Done(fromBackup(cluster, before.get()));
        }
        var unmet = neverMet(input.policy(), cluster, record);
        if (unmet.isPresent()) return neverVerified(unmet.get());
        var chain = new Chain(
                false,
                "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString()
                        + ": AWS offers the hardware certificates only until initialization, so this execution verified"
                        + " nothing, and no other is on record that did.");
        return new Outcome.Done(new Output(Verdict.ALREADY_INITIALIZED, "", chain, chain, List.of()));
    }

    /** A cluster from a backup has the certificate of the former one, and so the key that the verified HSM has made. */
    private static Output fromBackup(Cluster cluster, Output verified) {
        if (cluster.sourceBackupId() == null) return verified;
        var since = " That was the first HSM of the former cluster. Cluster " + cluster.clusterId() + " was made from "
                + cluster.sourceBackupId() + " and has the same certificate, whose key leaves an HSM in CloudHSM's own"
                + " backups only; of the hardware that holds it now AWS offers no certificates.";
        return new Output(
                verified.verdict(),
                verified.csrKeySha256(),
                new Chain(verified.awsChain().verified(), verified.awsChain().message() + since),
                new Chain(
                        verified.manufacturerChain().verified(),
                        verified.manufacturerChain().message() + since),
                verified.certificates());
    }

    /** What is on record for the key that the cluster's certificate has; it is shown once the cluster is initialized. */
    private static Optional<Output> verifiedBefore(Cluster cluster, Optional<Deployment> record) {
        return onRecord(record).filter(output -> isOf(cluster, output.csrKeySha256()));
    }

    private static Optional<Output> onRecord(Optional<Deployment> record) {
        return record.map(Deployment::verified)
                .filter(verified -> !verified.isEmpty())
                .map(verified -> Json.MAPPER.convertValue(verified, Output.class));
    }

    private static boolean isOf(Cluster cluster, String keySha256) {
        var shown = Optional.ofNullable(cluster.certificates()).map(Certificates::clusterCertificate);
        return shown.isEmpty()
                || shown.flatMap(VerifyHsmIdentity::readable)
                        .map(certificate -> Encoded.keySha256(certificate.getPublicKey()))
                        .equals(Optional.of(keySha256));
    }

    private static boolean satisfies(Verdict verdict, Policy policy) {
        return switch (policy) {
            case REQUIRE_BOTH -> verdict == Verdict.VERIFIED_BOTH;
            case REQUIRE_AWS -> verdict == Verdict.VERIFIED_BOTH || verdict == Verdict.VERIFIED_AWS;
            case SKIP -> true;
        };
    }

    /**
     * Why the policy can never be met by the cluster any more, as a sentence without its full stop; empty where it is met,
     * and before initialization, when this stage can see to it.
     *
     * @param record the deployment's
     */
    public static Optional<String> neverMet(Policy policy, Cluster cluster, Optional<Deployment> record) {
        if (!isInitialized(cluster.state())) return Optional.empty();
        return unmet(
                policy,
                "cluster " + cluster.clusterId() + ", which is " + cluster.stateAsString(),
                verifiedBefore(cluster, record));
    }

    /**
     * The same of a cluster that is yet to be made from a backup of the deployment's former one.
     *
     * @param record the deployment's
     */
    public static Optional<String> neverMet(Policy policy, Backup backup, Optional<Deployment> record) {
        return unmet(policy, "a cluster from " + backup.backupId(), onRecord(record));
    }

    private static Optional<String> unmet(Policy policy, String cluster, Optional<Output> before) {
        if (before.map(Output::verdict)
                .map(verdict -> satisfies(verdict, policy))
                .orElse(policy == Policy.SKIP)) {
            return Optional.empty();
        }
        return Optional.of("The policy " + policy + " is not met by " + cluster + ": "
                + before.map(output -> "of its first HSM is on record " + output.verdict())
                        .orElse("nothing is on record of its first HSM")
                + ", and AWS offers the hardware certificates only until initialization");
    }

    private static boolean isInitialized(ClusterState state) {
        return switch (state) {
            case INITIALIZE_IN_PROGRESS,
                    INITIALIZED,
                    ACTIVE,
                    UPDATE_IN_PROGRESS,
                    MODIFY_IN_PROGRESS,
                    ROLLBACK_IN_PROGRESS -> true;
            case CREATE_IN_PROGRESS, UNINITIALIZED, DEGRADED, DELETE_IN_PROGRESS, DELETED, UNKNOWN_TO_SDK_VERSION ->
                false;
        };
    }

    private static Outcome neverVerified(String unmet) {
        return new Outcome.Failed(
                "HSM_NEVER_VERIFIED",
                unmet
                        + ". Nothing was changed; the HSMs bill by the hour. Next: tear the deployment down and"
                        + " provision it anew with this policy; or start a new execution with a hsmIdentity.policy"
                        + " that what is on record satisfies, if that is enough for you.");
    }

    private static String messages(List<Finding> findings) {
        return findings.stream().map(Finding::message).distinct().collect(Collectors.joining(" "));
    }

    private static Optional<String> csrKey(HsmCertificates shown) {
        try {
            return Optional.of(Encoded.keySha256(Pem.csr(shown.clusterCsr())));
        } catch (MalformedPemException malformed) {
            return Optional.empty();
        }
    }

    private static Optional<X509Certificate> readable(String pem) {
        try {
            return Optional.of(Pem.certificate(pem));
        } catch (MalformedPemException malformed) {
            return Optional.empty();
        }
    }

    private static String algorithms(HsmCertificates shown) {
        return Stream.of(
                        algorithms("HsmCertificate", shown.hsm()),
                        algorithms("AwsHardwareCertificate", shown.awsHardware()),
                        algorithms("ManufacturerHardwareCertificate", shown.manufacturerHardware()))
                .flatMap(Optional::stream)
                .collect(Collectors.joining("; "));
    }

    private static Optional<String> algorithms(String name, String pem) {
        return readable(pem)
                .map(certificate -> name + " " + certificate.getSigAlgName() + ", "
                        + switch (certificate.getPublicKey()) {
                            case RSAPublicKey key -> "RSA " + key.getModulus().bitLength();
                            case ECPublicKey key ->
                                "EC " + key.getParams().getOrder().bitLength();
                            default -> certificate.getPublicKey().getAlgorithm();
                        }
                        + (certificate.getNonCriticalExtensionOIDs() == null
                                ? ", no extensions"
                                : ", with extensions"));
    }

    private static List<CertificateFacts> facts(HsmCertificates shown, List<Root> roots) {
        var facts = new ArrayList<CertificateFacts>();
        facts("HsmCertificate", shown.hsm()).ifPresent(facts::add);
        facts("AwsHardwareCertificate", shown.awsHardware()).ifPresent(facts::add);
        facts("ManufacturerHardwareCertificate", shown.manufacturerHardware()).ifPresent(facts::add);
        roots.stream().map(VerifyHsmIdentity::facts).forEach(facts::add);
        return facts;
    }

    private static Optional<CertificateFacts> facts(String name, String pem) {
        return readable(pem).map(certificate -> facts(name, certificate));
    }

    private static CertificateFacts facts(String name, X509Certificate certificate) {
        return new CertificateFacts(
                name,
                certificate.getSubjectX500Principal().toString(),
                certificate.getIssuerX500Principal().toString(),
                Encoded.sha256(certificate),
                certificate.getNotAfter().toInstant().toString());
    }

    private static CertificateFacts facts(Root root) {
        return new CertificateFacts(
                root.name(),
                root.subject().toString(),
                root.subject().toString(),
                root.sha256(),
                root.notAfter().toString());
    }
}
