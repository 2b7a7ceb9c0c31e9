package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.pki.AwsRoot;
import cloudhsm.pipeline.provisioning.pki.AwsRoots;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.Root;
import java.time.Clock;
import java.util.Optional;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

/** Whether an HSM could be verified with the roots that there are now: asked before the first one bills. */
final class TrustAnchorCheck {
    private static final String PARAMETER = "AwsRootCertificate";
    private static final String MANUFACTURER = "hsmIdentity.manufacturerRootCertificate";

    private final String awsRootCertificate;
    private final Clock clock;
    private final Problems problems;

    /** @param awsRootCertificate PEM of the AWS CloudHSM roots, or "" for the pinned one */
    TrustAnchorCheck(String awsRootCertificate, Clock clock, Problems problems) {
        this.awsRootCertificate = awsRootCertificate;
        this.clock = clock;
        this.problems = problems;
    }

    /** @param own the deployment's cluster; an initialized one is not verified any more */
    void check(ProvisionRequest.HsmIdentity request, Optional<Cluster> own) {
        if (own.isPresent() && !isBeforeInitialization(own.get().state())) return;
        try {
            var roots = AwsRoots.of(AwsRoot.pinned(), awsRootCertificate);
            checkLifetime(roots, request);
            checkManufacturer(roots, request.manufacturerRoot());
        } catch (MalformedPemException malformed) {
            problems.add(
                    PARAMETER,
                    "the parameter that the stack was deployed with cannot be used: " + malformed.getMessage()
                            + "; deploy with roots of AWS, or with nothing for the pinned one");
        }
    }

    private static boolean isBeforeInitialization(ClusterState state) {
        return state == ClusterState.CREATE_IN_PROGRESS || state == ClusterState.UNINITIALIZED;
    }

    private void checkLifetime(AwsRoots roots, ProvisionRequest.HsmIdentity request) {
        var now = clock.instant();
        var expired = request.expiredRoot();
        if (request.policy().equals("SKIP")) return;
        if (roots.anchors().stream().anyMatch(root -> roots.mayVouch(root, expired, now))) return;
        var pinnedWouldDo =
                roots.anchors().stream().anyMatch(root -> roots.mayVouch(root, ExpiredRoot.ACCEPT_PINNED, now));
        problems.add(
                "hsmIdentity.expiredRoot",
                "no HSM could be verified: "
                        + roots.anchors().stream().map(Root::inWords).collect(Collectors.joining(", "))
                        + ", but now is " + now + "; deploy with a root that is valid in " + PARAMETER
                        + ", if AWS has published one"
                        + (pinnedWouldDo
                                ? ", or give ACCEPT_PINNED, which trusts the pinned name and key beyond that date while"
                                        + " every certificate under them is valid"
                                : ""));
    }

    private void checkManufacturer(AwsRoots roots, String manufacturerRoot) {
        if (manufacturerRoot.isEmpty()) return;
        var certificate = Pem.certificate(manufacturerRoot);
        var given = Root.given("manufacturer's root", certificate);
        var subject = "the certificate \"" + certificate.getSubjectX500Principal() + "\" ";
        var now = clock.instant();
        if (now.isAfter(given.notAfter())) {
            problems.add(MANUFACTURER, subject + "expired on " + given.notAfter());
        } else if (now.isBefore(given.notBefore())) {
            problems.add(MANUFACTURER, subject + "is not valid before " + given.notBefore() + ", and now is " + now);
        }
        roots.anchors().stream()
                .filter(root -> root.key().equals(given.key()))
                .findFirst()
                .ifPresent(root -> problems.add(
                        MANUFACTURER,
                        "has the key of the " + root.name() + " \"" + root.subject()
                                + "\"; give the manufacturer's own root"));
    }
}
