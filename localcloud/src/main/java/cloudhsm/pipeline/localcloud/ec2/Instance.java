package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.InstanceView;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.NetworkInterface;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** An instance and its state. */
final class Instance {
    /** Instance states with the codes that go with them on the wire. */
    enum State {
        PENDING(0, "pending"),
        RUNNING(16, "running"),
        SHUTTING_DOWN(32, "shutting-down"),
        TERMINATED(48, "terminated"),
        STOPPING(64, "stopping"),
        STOPPED(80, "stopped");

        private final int code;
        private final String text;

        State(int code, String text) {
            this.code = code;
            this.text = text;
        }

        String text() {
            return text;
        }

        void write(Xml xml, String element) {
            xml.element(element, () -> {
                xml.text("code", String.valueOf(code));
                xml.text("name", text);
            });
        }
    }

    /** Why the instance is in its state, as the API tells it: {@code code} and {@code code: words}. */
    record Reason(String code, String message) {
        static final Reason USER_INITIATED = of("Client.UserInitiatedShutdown", "User initiated shutdown");

        static Reason of(String code, String words) {
            return new Reason(code, code + ": " + words);
        }
    }

    final String instanceId;
    final String reservationId;
    final String clientToken;
    final String imageId;
    final String instanceType;
    final String architecture;
    final String vpcId;
    final NetworkInterface networkInterface;
    final List<String> securityGroupIds;
    final Optional<InstanceProfile> profile;
    final Optional<String> publicIpAddress;
    final String httpTokens;
    final int hopLimit;
    final Instant launched;
    State state = State.PENDING;
    Optional<Reason> reason = Optional.empty();
    Optional<Identity> identity = Optional.empty();

    Instance(
            String instanceId,
            String reservationId,
            String clientToken,
            String imageId,
            String instanceType,
            String architecture,
            String vpcId,
            NetworkInterface networkInterface,
            List<String> securityGroupIds,
            Optional<InstanceProfile> profile,
            Optional<String> publicIpAddress,
            String httpTokens,
            int hopLimit,
            Instant launched) {
        this.instanceId = instanceId;
        this.reservationId = reservationId;
        this.clientToken = clientToken;
        this.imageId = imageId;
        this.instanceType = instanceType;
        this.architecture = architecture;
        this.vpcId = vpcId;
        this.networkInterface = networkInterface;
        this.securityGroupIds = List.copyOf(securityGroupIds);
        this.profile = profile;
        this.publicIpAddress = publicIpAddress;
        this.httpTokens = httpTokens;
        this.hopLimit = hopLimit;
        this.launched = launched;
    }

    InstanceView view() {
        return new InstanceView(
                instanceId,
                state.text(),
                networkInterface.subnetId(),
                vpcId,
                networkInterface.privateIpAddress(),
                securityGroupIds,
                identity);
    }
}
