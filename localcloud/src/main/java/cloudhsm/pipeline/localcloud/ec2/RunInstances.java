package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.Subnet;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** The operation RunInstances. */
final class RunInstances {
    static final Set<String> PARAMETERS = Set.of(
            "ImageId",
            "InstanceType",
            "MinCount",
            "MaxCount",
            "SubnetId",
            "SecurityGroupId",
            "NetworkInterface",
            "IamInstanceProfile",
            "MetadataOptions",
            "TagSpecification",
            "ClientToken",
            "BlockDeviceMapping",
            "InstanceInitiatedShutdownBehavior",
            "DryRun",
            "UserData");

    private static final String FROM_PARAMETER = "resolve:ssm:";

    private final Account account;
    private final Network network;
    private final Tags tags;
    private final Instances instances;
    private final EbsEncryption encryption;

    /** By client token: what was asked, and what came of it. */
    private final Map<String, Launched> byClientToken = new HashMap<>();

    private record Launched(Map<String, String> parameters, List<Instance> instances) {}

    /** Where an instance goes. */
    private record Place(Subnet subnet, List<String> securityGroupIds, boolean publicAddress) {}

    RunInstances(Account account, Network network, Tags tags, Instances instances, EbsEncryption encryption) {
        this.account = account;
        this.network = network;
        this.tags = tags;
        this.instances = instances;
        this.encryption = encryption;
    }

    /** @return the instances, in one reservation; those of the first call if the client token was used before */
    List<Instance> run(Ec2Request request) {
        var count = count(request);
        requireNoUserData(request);
        var instanceType = request.required("InstanceType");
        var image = image(request);
        Images.requireSameArchitecture(instanceType, image);
        var place = place(request);
        var profile = profile(request);
        var volumeKeys = encryption.keys(request);
        var httpTokens = oneOf(request, "MetadataOptions.HttpTokens", "required", Set.of("required", "optional"));
        var hopLimit = request.number("MetadataOptions.HttpPutResponseHopLimit", 2);
        authorize(request, image, place, profile);
        if (request.text("DryRun").orElse("false").equals("true")) {
            throw new AwsException("DryRunOperation", 412, "Request would have succeeded, but DryRun flag is set.");
        }

        var token = request.text("ClientToken").orElse("");
        var parameters = new TreeMap<>(request.parameters());
        var earlier = token.isEmpty() ? null : byClientToken.get(token);
        if (earlier != null) {
            if (earlier.instances().stream().allMatch(one -> one.state == Instance.State.TERMINATED)) {
                throw AwsException.badRequest(
                        "IdempotentInstanceTerminated",
                        "The request to launch an instance uses the same client token as a previous request for which"
                                + " the instance has been terminated.");
            }
            if (earlier.parameters().equals(parameters)) return earlier.instances();
            throw AwsException.badRequest(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used in previous"
                            + " request(s).");
        }

        var reservationId = network.id("r");
        var launched = new ArrayList<Instance>();
        for (int i = 0; i < count; i++) {
            var instanceId = network.id("i");
            var networkInterface = network.createNetworkInterface(
                    place.subnet().subnetId(), place.securityGroupIds(), "", Optional.empty(), instanceId);
            var instance = new Instance(
                    instanceId,
                    reservationId,
                    token,
                    image.imageId(),
                    instanceType,
                    image.architecture(),
                    place.subnet().vpcId(),
                    networkInterface,
                    place.securityGroupIds(),
                    profile,
                    place.publicAddress() ? Optional.of(publicAddress()) : Optional.empty(),
                    httpTokens,
                    hopLimit,
                    account.time().now());
            tags.put(instanceId, request.tagsAtCreation("instance"));
            tags.put(networkInterface.networkInterfaceId(), request.tagsAtCreation("network-interface"));
            instances.launch(instance, () -> encryption.refusal(request.caller(), volumeKeys));
            launched.add(instance);
        }
        if (!token.isEmpty()) byClientToken.put(token, new Launched(parameters, List.copyOf(launched)));
        return launched;
    }

    private static int count(Ec2Request request) {
        request.required("MinCount");
        request.required("MaxCount");
        var least = request.number("MinCount", 1);
        var most = request.number("MaxCount", 1);
        if (least < 1 || most < least) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Value (" + least + ") for parameter minCount is invalid.");
        }
        return most;
    }

    private static void requireNoUserData(Ec2Request request) {
        var userData = request.text("UserData").orElse("");
        try {
            if (Base64.getDecoder().decode(userData).length == 0) return;
        } catch (IllegalArgumentException malformed) {
            throw AwsException.badRequest("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
        }
        throw AwsException.badRequest(
                "UnknownParameter", "The embedded AWS runs no user data; send the instance a command through SSM");
    }

    /** {@code resolve:ssm:<public parameter>} needs the caller's right to read the parameter. */
    private Images.Image image(Ec2Request request) {
        var imageId = request.required("ImageId");
        if (!imageId.startsWith(FROM_PARAMETER)) return Images.byId(imageId);
        var parameter = imageId.substring(FROM_PARAMETER.length());
        account.iam()
                .authorize(request.caller(), "ssm:GetParameters", account.publicArn("ssm", "parameter" + parameter));
        return Images.byParameter(parameter)
                .orElseThrow(() -> AwsException.badRequest(
                        "InvalidParameterValue", "The parameter '" + parameter + "' in ImageId does not exist"));
    }

    private Place place(Ec2Request request) {
        var interfaces = request.structures("NetworkInterface");
        if (interfaces.size() > 1) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "The embedded AWS gives an instance one network interface");
        }
        if (!interfaces.isEmpty() && (request.hasPrefix("SubnetId") || request.hasPrefix("SecurityGroupId"))) {
            throw AwsException.badRequest(
                    "InvalidParameterCombination",
                    "Network interfaces and an instance-level subnet ID or security groups may not be specified on the"
                            + " same request");
        }
        var prefix = interfaces.isEmpty() ? "" : interfaces.getFirst();
        var subnet = request.text(prefix + "SubnetId")
                .map(network::subnet)
                .orElseGet(() -> network.subnets.values().stream()
                        .filter(network::isPublic)
                        .findFirst()
                        .orElseThrow(() -> AwsException.badRequest(
                                "MissingInput", "No subnets found for the default VPC. Please specify a subnet.")));
        var groups = request.list(prefix + "SecurityGroupId");
        if (groups.isEmpty()) groups = List.of(network.defaultSecurityGroup(subnet.vpcId()).groupId);
        for (var groupId : groups) {
            if (!network.securityGroup(groupId).vpcId.equals(subnet.vpcId())) {
                throw AwsException.badRequest(
                        "InvalidParameter",
                        "Security group " + groupId + " and subnet " + subnet.subnetId()
                                + " belong to different networks.");
            }
        }
        var publicAddress = request.text(prefix + "AssociatePublicIpAddress")
                .map(Boolean::parseBoolean)
                .orElse(network.isPublic(subnet));
        return new Place(subnet, groups, publicAddress);
    }

    private Optional<InstanceProfile> profile(Ec2Request request) {
        var name = request.text("IamInstanceProfile.Name");
        var arn = request.text("IamInstanceProfile.Arn");
        if (name.isEmpty() && arn.isEmpty()) return Optional.empty();
        var profile = name.isPresent() ? instances.profileByName(name.get()) : instances.profileByArn(arn.get());
        if (profile.isPresent()) return profile;
        var kind = name.isPresent() ? "name" : "arn";
        throw AwsException.badRequest(
                "InvalidParameterValue",
                "Value (" + name.or(() -> arn).get() + ") for parameter iamInstanceProfile." + kind
                        + " is invalid. Invalid IAM Instance Profile " + (name.isPresent() ? "name" : "ARN"));
    }

    private static String oneOf(Ec2Request request, String parameter, String otherwise, Set<String> accepted) {
        var value = request.text(parameter).orElse(otherwise);
        if (!accepted.contains(value)) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Value (" + value + ") for parameter " + parameter + " is invalid.");
        }
        return value;
    }

    /**
     * Every resource that the launch touches is checked.
     *
     * @see <a href="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances">
     *     Launch instances (RunInstances)</a>
     */
    private void authorize(Ec2Request request, Images.Image image, Place place, Optional<InstanceProfile> profile) {
        var iam = account.iam();
        var caller = request.caller();
        var action = "ec2:RunInstances";
        iam.authorize(
                caller,
                action,
                account.publicArn("ec2", "image/" + image.imageId()),
                Map.of("ec2:Owner", Images.OWNER, "ec2:ImageID", image.imageId()));
        var instanceTags = request.tagsAtCreation("instance");
        var context = Tags.requestContext(instanceTags);
        context.put("ec2:InstanceType", request.required("InstanceType"));
        request.text("MetadataOptions.HttpTokens").ifPresent(value -> context.put("ec2:MetadataHttpTokens", value));
        request.text("MetadataOptions.HttpPutResponseHopLimit")
                .ifPresent(value -> context.put("ec2:MetadataHttpPutResponseHopLimit", value));
        profile.ifPresent(one -> context.put("ec2:InstanceProfile", one.arn()));
        iam.authorize(caller, action, network.arn("instance", "*"), context);
        var subnetId = place.subnet().subnetId();
        iam.authorize(caller, action, network.arn("subnet", subnetId), tags.context(subnetId));
        for (var groupId : place.securityGroupIds()) {
            iam.authorize(caller, action, network.arn("security-group", groupId), tags.context(groupId));
        }
        iam.authorize(
                caller,
                action,
                network.arn("network-interface", "*"),
                Tags.requestContext(request.tagsAtCreation("network-interface")));
        iam.authorize(
                caller, action, network.arn("volume", "*"), Tags.requestContext(request.tagsAtCreation("volume")));
        for (var type : List.of("instance", "network-interface", "volume")) {
            var newTags = request.tagsAtCreation(type);
            if (newTags.isEmpty()) continue;
            var tagging = Tags.requestContext(newTags);
            tagging.put("ec2:CreateAction", "RunInstances");
            iam.authorize(caller, "ec2:CreateTags", network.arn(type, "*"), tagging);
        }
        profile.ifPresent(one -> iam.authorize(
                caller, "iam:PassRole", one.role().arn(), Map.of("iam:PassedToService", "ec2.amazonaws.com")));
    }

    /** From the range that RFC 5737 keeps for documentation. */
    private String publicAddress() {
        return "203.0.113." + account.random().nextInt(1, 255);
    }
}
