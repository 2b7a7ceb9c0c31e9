package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.Service;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Amazon EC2: VPCs, subnets, security groups, network interfaces, instances, endpoint services. The account starts
 * with a default VPC, one public default subnet in each zone, and a way to the internet.
 */
public final class Ec2Service implements Service {
    private static final String XML_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/";

    /** One operation: writes what goes into the answer, or throws {@link AwsException}. */
    @FunctionalInterface
    interface Operation {
        void answer(Ec2Request request, Xml xml);
    }

    private record Registered(Set<String> parameters, Operation operation) {}

    private final Network network;
    private final Tags tags = new Tags();
    private final Instances instances;
    private final EbsEncryption encryption;
    private final Map<String, Registered> operations = new HashMap<>();
    private Map<String, String> metadataDefaults = Map.of();

    public Ec2Service(Account account) {
        this.network = new Network(account);
        this.instances = new Instances(account, network, tags);
        var iam = account.iam();
        new NetworkOperations(this, network, tags, account);
        new SecurityGroupOperations(this, network, tags, iam);
        this.encryption = new EbsEncryption(this, account);
        on("GetInstanceMetadataDefaults", Set.of(), (request, xml) -> {
            account.iam().authorize(request.caller(), "ec2:GetInstanceMetadataDefaults", "*");
            xml.element("accountLevel", () -> metadataDefaults.forEach(xml::text));
        });
        new InstanceOperations(
                this, network, tags, instances, new RunInstances(account, network, tags, instances, encryption), iam);
    }

    /** Completes construction: KMS itself needs EC2. */
    public void connect(VolumeKeys keys) {
        encryption.connect(keys);
    }

    @Override
    public String signingName() {
        return "ec2";
    }

    @Override
    public Set<String> operations() {
        return Set.copyOf(operations.keySet());
    }

    @Override
    public String operation(AwsRequest request) {
        return Ec2Request.parse(request).text("Action").orElse("");
    }

    /** @param parameters the members that the operation understands; any other is refused */
    void on(String name, Set<String> parameters, Operation operation) {
        operations.put(name, new Registered(parameters, operation));
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode typedInput, AwsRequest request) {
        var registered = operations.get(operation);
        if (registered == null) {
            throw AwsException.badRequest(
                    "InvalidAction",
                    "The embedded AWS does not answer ec2:" + operation + "; it answers "
                            + operations.keySet().stream().sorted().toList());
        }
        var parsed = Ec2Request.parse(request);
        parsed.requireOnly(registered.parameters());
        var xml = new Xml();
        xml.text("requestId", request.requestId());
        registered.operation().answer(parsed, xml);
        return xml(
                200,
                "<" + operation + "Response xmlns=\"" + XML_NAMESPACE + "\">" + xml + "</" + operation + "Response>");
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        var first = violations.getFirst();
        return switch (first.kind()) {
            case MISSING ->
                AwsException.badRequest("MissingParameter", "The request must contain the parameter " + first.member());
            case UNKNOWN ->
                AwsException.badRequest("UnknownParameter", "The parameter " + first.member() + " is not recognized");
            default ->
                AwsException.badRequest(
                        "InvalidParameterValue",
                        "Value (" + first.value() + ") for parameter " + first.path() + " is invalid. "
                                + first.constraint());
        };
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        // What the endpoint and IAM call by their common names has names of its own in EC2.
        var code = switch (error.code()) {
            case "AccessDeniedException" -> "UnauthorizedOperation";
            case "UnrecognizedClientException", "InvalidSignatureException" -> "AuthFailure";
            case "ThrottlingException" -> "RequestLimitExceeded";
            case "InternalFailure" -> "InternalError";
            default -> error.code();
        };
        var status = switch (code) {
            case "UnauthorizedOperation" -> 403;
            case "AuthFailure" -> 401;
            case "RequestLimitExceeded" -> 503;
            default -> error.status();
        };
        var message = code.equals("UnauthorizedOperation")
                ? "You are not authorized to perform this operation. " + error.getMessage()
                : error.getMessage();
        var xml = new Xml();
        xml.element(
                "Errors",
                () -> xml.element("Error", () -> {
                    xml.text("Code", code);
                    xml.text("Message", message);
                }));
        xml.text("RequestID", request.requestId());
        return xml(status, "<Response>" + xml + "</Response>");
    }

    /**
     * What GetInstanceMetadataDefaults answers from now on; launches here say themselves what they want.
     *
     * @param defaults by EC2's names, for example {@code httpEndpoint} → {@code disabled}
     */
    public void metadataDefaults(Map<String, String> defaults) {
        metadataDefaults = Map.copyOf(defaults);
    }

    private static AwsResponse xml(int status, String body) {
        return AwsResponse.text(
                status, "text/xml;charset=UTF-8", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + body);
    }

    /** A subnet; the default VPC has one in each zone a to c. */
    public record Subnet(String subnetId, String vpcId, String availabilityZone, String cidrBlock) {}

    /** An elastic network interface. */
    public record NetworkInterface(String networkInterfaceId, String subnetId, String privateIpAddress) {}

    /**
     * An instance, as other services need to see it.
     *
     * @param state as the API names it: {@code pending}, {@code running}, {@code stopped}, …
     * @param identity under which its programs act; empty without an instance profile, or before it first ran
     */
    public record InstanceView(
            String instanceId,
            String state,
            String subnetId,
            String vpcId,
            String privateIpAddress,
            List<String> securityGroupIds,
            Optional<Identity> identity) {
        public InstanceView {
            securityGroupIds = List.copyOf(securityGroupIds);
        }

        public boolean isRunning() {
            return state.equals("running");
        }
    }

    /** The subnet, or empty if there is none of that id. */
    public Optional<Subnet> subnet(String subnetId) {
        return Optional.ofNullable(network.subnets.get(subnetId));
    }

    /** All subnets, the default VPC's first, in the order of their zones. */
    public List<Subnet> subnets() {
        return List.copyOf(network.subnets.values());
    }

    /** Addresses that are still free in the subnet. */
    public int freeAddresses(String subnetId) {
        return network.freeAddresses(subnetId);
    }

    /**
     * Takes a free address of the subnet.
     *
     * @throws AwsException InsufficientFreeAddressesInSubnet
     */
    public NetworkInterface createNetworkInterface(String subnetId, String securityGroupId, String description) {
        return createNetworkInterface(subnetId, securityGroupId, description, Optional.empty());
    }

    /**
     * Takes an address of the subnet.
     *
     * @param privateIpAddress the address wanted, or empty for any that is free
     * @throws AwsException InvalidIPAddress.InUse, InvalidParameterValue, InsufficientFreeAddressesInSubnet
     */
    public NetworkInterface createNetworkInterface(
            String subnetId, String securityGroupId, String description, Optional<String> privateIpAddress) {
        return network.createNetworkInterface(subnetId, List.of(securityGroupId), description, privateIpAddress, "");
    }

    /** Gives the address back; nothing happens if the interface is gone. */
    public void deleteNetworkInterface(String networkInterfaceId) {
        network.interfaces.remove(networkInterfaceId);
    }

    /** Creates the group that CloudHSM makes for a cluster: TCP 2223 to 2225 from and to itself. Returns its id. */
    public String createClusterSecurityGroup(String vpcId, String name) {
        var group = network.createSecurityGroup(name, "CloudHSM cluster security group", vpcId);
        group.egress.clear();
        group.addClusterRules();
        return group.groupId;
    }

    /** Whether the group has the self-referencing rules for TCP 2223 to 2225 that CloudHSM and KMS need. */
    public boolean admitsCluster(String securityGroupId) {
        return Optional.ofNullable(network.securityGroups.get(securityGroupId))
                .map(SecurityGroup::admitsItselfOnClusterPorts)
                .orElse(false);
    }

    /** @throws AwsException InvalidGroup.NotFound, DependencyViolation while an interface or a rule uses the group */
    public void deleteSecurityGroup(String securityGroupId) {
        network.deleteSecurityGroup(securityGroupId);
    }

    /** The instance, or empty if there is none of that id; a terminated one is there for another hour. */
    public Optional<InstanceView> instance(String instanceId) {
        return instances.find(instanceId).map(Instance::view);
    }

    /** Whether the instance can open a connection to port 443 of a host on the internet, AWS's endpoints among them. */
    public boolean reachesInternet(String instanceId) {
        var instance = instances.find(instanceId).orElse(null);
        if (instance == null || instance.state != Instance.State.RUNNING) return false;
        var letOut = instance.securityGroupIds.stream()
                .map(network.securityGroups::get)
                .anyMatch(group -> group != null && group.letsOutTo443());
        return letOut
                && instance.publicIpAddress.isPresent()
                && network.routeTable(instance.vpcId).internetGatewayId().isPresent();
    }

    /** The tags of an instance or of any other EC2 resource. */
    public Map<String, String> tags(String resourceId) {
        return Map.copyOf(tags.of(resourceId));
    }

    /**
     * Ids of all that was made in the network and is still there: instances until they are terminated, network
     * interfaces, and security groups but the ones that every VPC has.
     */
    public List<String> made() {
        var made = new ArrayList<String>();
        instances.all().stream()
                .filter(instance -> instance.state != Instance.State.TERMINATED)
                .forEach(instance -> made.add(instance.instanceId));
        made.addAll(network.interfaces.keySet());
        network.securityGroups.values().stream()
                .filter(group -> !group.groupName.equals("default"))
                .forEach(group -> made.add(group.groupId));
        return List.copyOf(made);
    }

    /** Creates an instance profile with this role in it, as a stack does; returns its ARN. */
    public String createInstanceProfile(String name, Role role) {
        return instances.createProfile(name, role);
    }

    /** Deletes the profile; instances that have it keep their role's credentials. */
    public void deleteInstanceProfile(String name) {
        instances.deleteProfile(name);
    }

    /** Tells the watcher of every change of an instance's state, as it happens. */
    public void watchInstances(Consumer<InstanceView> watcher) {
        instances.watch(watcher);
    }

    /** The id of the newest Amazon Linux image that AWS publishes under this Systems Manager parameter. */
    public Optional<String> imageParameter(String name) {
        return Images.byParameter(name).map(Images.Image::imageId);
    }
}
