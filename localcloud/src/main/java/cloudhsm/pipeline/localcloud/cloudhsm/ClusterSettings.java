package cloudhsm.pipeline.localcloud.cloudhsm;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a cluster is created with and keeps.
 *
 * @param subnets subnet id by Availability Zone
 * @param sourceBackupId the backup it was created from
 */
record ClusterSettings(
        String hsmType,
        String mode,
        String networkType,
        String vpcId,
        Map<String, String> subnets,
        Optional<String> sourceBackupId) {
    ClusterSettings {
        subnets = Collections.unmodifiableMap(new LinkedHashMap<>(subnets));
    }
}
