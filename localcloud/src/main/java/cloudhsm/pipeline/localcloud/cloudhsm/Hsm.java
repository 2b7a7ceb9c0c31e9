package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import java.time.Instant;
import java.util.Optional;

/** One HSM. AWS may replace the hardware: then its id changes and its network interface stays. */
public final class Hsm {
    private final String availabilityZone;
    private final String subnetId;
    private final Instant createdAt;
    private Optional<Instant> deletedAt = Optional.empty();
    private String hsmId;
    private HsmState state = HsmState.CREATE_IN_PROGRESS;
    private String stateMessage = "";
    private Optional<Ec2Service.NetworkInterface> networkInterface = Optional.empty();
    private Optional<Partition> partition = Optional.empty();
    private Optional<HsmIdentity> identity = Optional.empty();

    Hsm(String hsmId, String availabilityZone, String subnetId, Instant createdAt) {
        this.hsmId = hsmId;
        this.availabilityZone = availabilityZone;
        this.subnetId = subnetId;
        this.createdAt = createdAt;
    }

    public String hsmId() {
        return hsmId;
    }

    public String availabilityZone() {
        return availabilityZone;
    }

    public String subnetId() {
        return subnetId;
    }

    public HsmState state() {
        return state;
    }

    public String stateMessage() {
        return stateMessage;
    }

    /** Empty for the first minute of the HSM's creation. */
    public Optional<String> eniId() {
        return networkInterface.map(Ec2Service.NetworkInterface::networkInterfaceId);
    }

    /** The IPv4 address of its network interface; empty for the first minute of the HSM's creation. */
    public Optional<String> eniIp() {
        return networkInterface.map(Ec2Service.NetworkInterface::privateIpAddress);
    }

    /** Whether it answers clients. */
    public boolean active() {
        return state == HsmState.ACTIVE;
    }

    /** When CreateHsm was accepted: the meter runs from here. */
    public Instant createdAt() {
        return createdAt;
    }

    /** When its deletion was complete and the meter stopped; empty while the HSM exists. */
    public Optional<Instant> deletedAt() {
        return deletedAt;
    }

    void setDeletedAt(Instant deletedAt) {
        this.deletedAt = Optional.of(deletedAt);
    }

    void setHsmId(String hsmId) {
        this.hsmId = hsmId;
    }

    void setState(HsmState state, String stateMessage) {
        this.state = state;
        this.stateMessage = stateMessage;
    }

    void setNetworkInterface(Ec2Service.NetworkInterface networkInterface) {
        this.networkInterface = Optional.of(networkInterface);
    }

    /** Users and keys; empty until the HSM is ACTIVE in an initialised cluster. */
    Optional<Partition> partition() {
        return partition;
    }

    void setPartition(Partition partition) {
        this.partition = Optional.of(partition);
    }

    /** Key pair, CSR and certificates; only of a first HSM before initialisation. */
    Optional<HsmIdentity> identity() {
        return identity;
    }

    void setIdentity(Optional<HsmIdentity> identity) {
        this.identity = identity;
    }
}
