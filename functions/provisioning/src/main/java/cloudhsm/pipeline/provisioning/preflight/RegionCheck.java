package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.input.Problems;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.ServiceDetail;

/** Finds out whether the Region has what the pipeline needs. Where CloudHSM is not, it cannot even be asked. */
final class RegionCheck {
    /**
     * Regions whose KMS has no CloudHSM key stores: Melbourne, Spain, Beijing, Ningxia.
     *
     * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/keystore-cloudhsm.html">CloudHSM key stores</a>
     */
    private static final Set<String> WITHOUT_KEY_STORES =
            Set.of("ap-southeast-4", "eu-south-2", "cn-north-1", "cn-northwest-1");

    private final Ec2Client ec2;
    private final String region;
    private final Problems problems;

    RegionCheck(Ec2Client ec2, String region, Problems problems) {
        this.ec2 = ec2;
        this.region = region;
        this.problems = problems;
    }

    /** The zones that offer CloudHSM; empty if the pipeline cannot be in the Region, and then the problems say why. */
    Set<String> zones() {
        if (WITHOUT_KEY_STORES.contains(region)) {
            problems.add("Region", "KMS has no CloudHSM key stores in " + region + "; deploy the pipeline elsewhere");
            return Set.of();
        }
        var zones = zonesOffering();
        if (zones.isEmpty()) {
            problems.add("Region", "CloudHSM is not offered in " + region + "; deploy the pipeline elsewhere");
        }
        return zones;
    }

    /** Zones in which a cluster's HSMs can be: EC2 knows them by CloudHSM's endpoint service. */
    private Set<String> zonesOffering() {
        try {
            return ec2
                    .describeVpcEndpointServices(
                            request -> request.serviceNames("com.amazonaws." + region + ".cloudhsmv2"))
                    .serviceDetails()
                    .stream()
                    .map(ServiceDetail::availabilityZones)
                    .flatMap(List::stream)
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (Ec2Exception failure) {
            if (failure.awsErrorDetails().errorCode().equals("InvalidServiceName")) return Set.of();
            throw failure;
        }
    }
}
