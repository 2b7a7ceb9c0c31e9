package cloudhsm.pipeline.provisioning.client;

import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.InstanceInformationStringFilter;
import software.amazon.awssdk.services.ssm.model.PingStatus;

/** Asks Systems Manager whether an instance answers. */
final class ClientPing {
    private final SsmClient ssm;

    ClientPing(SsmClient ssm) {
        this.ssm = ssm;
    }

    /** False also for an instance that has never registered, or is terminated. */
    boolean isOnline(String instanceId) {
        return ssm
                .describeInstanceInformation(request -> request.filters(InstanceInformationStringFilter.builder()
                        .key("InstanceIds")
                        .values(instanceId)
                        .build()))
                .instanceInformationList()
                .stream()
                .anyMatch(information -> information.pingStatus() == PingStatus.ONLINE);
    }
}
