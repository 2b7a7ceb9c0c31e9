package cloudhsm.pipeline.provisioning.preflight;

import java.util.List;

/**
 * Where the cluster goes.
 *
 * @param zones one for each subnet, in the same order
 */
record NetworkChoice(String vpcId, List<String> zones, List<String> subnetIds) {
    NetworkChoice {
        zones = List.copyOf(zones);
        subnetIds = List.copyOf(subnetIds);
    }
}
