package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** The API's operations on instances. */
final class InstanceOperations {
    private final Network network;
    private final Tags tags;
    private final Instances instances;
    private final Iam iam;

    InstanceOperations(
            Ec2Service ec2, Network network, Tags tags, Instances instances, RunInstances runInstances, Iam iam) {
        this.network = network;
        this.tags = tags;
        this.instances = instances;
        this.iam = iam;
        ec2.on("RunInstances", RunInstances.PARAMETERS, (request, xml) -> {
            var launched = runInstances.run(request);
            writeReservation(xml, launched);
        });
        ec2.on("DescribeInstances", NetworkOperations.with("InstanceId"), this::describeInstances);
        change(ec2, "TerminateInstances", instances::terminate);
        change(ec2, "StopInstances", instances::stop);
        change(ec2, "StartInstances", instances::restart);
    }

    private void change(Ec2Service ec2, String operation, Function<Instance, Instance.State> change) {
        ec2.on(operation, Set.of("InstanceId"), (request, xml) -> {
            var ids = request.list("InstanceId");
            if (ids.isEmpty()) {
                throw AwsException.badRequest("MissingParameter", "The request must contain the parameter InstanceId");
            }
            for (var id : ids) {
                iam.authorize(request.caller(), "ec2:" + operation, network.arn("instance", id), tags.context(id));
            }
            var chosen = ids.stream().map(instances::get).toList();
            xml.items("instancesSet", chosen, instance -> {
                var previous = change.apply(instance);
                xml.text("instanceId", instance.instanceId);
                instance.state.write(xml, "currentState");
                previous.write(xml, "previousState");
            });
        });
    }

    private void describeInstances(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeInstances", "*");
        var ids = request.list("InstanceId");
        ids.forEach(instances::get);
        var found = new Filters<Instance>(instance -> tags.of(instance.instanceId))
                .text("instance-id", instance -> instance.instanceId)
                .text("instance-state-name", instance -> instance.state.text())
                .text("client-token", instance -> instance.clientToken)
                .text("subnet-id", instance -> instance.networkInterface.subnetId())
                .text("vpc-id", instance -> instance.vpcId)
                .text("image-id", instance -> instance.imageId)
                .text("instance-type", instance -> instance.instanceType)
                .text("reservation-id", instance -> instance.reservationId)
                .on("instance.group-id", instance -> instance.securityGroupIds)
                .apply(
                        request,
                        instances.all().stream()
                                .filter(instance -> ids.isEmpty() || ids.contains(instance.instanceId)));
        xml.items("reservationSet", request.page(found), instance -> writeReservation(xml, List.of(instance)));
        request.writeNextToken(xml, found.size());
    }

    private void writeReservation(Xml xml, List<Instance> reserved) {
        xml.text("reservationId", reserved.getFirst().reservationId);
        xml.text("ownerId", Iam.ACCOUNT);
        xml.items("instancesSet", reserved, instance -> writeInstance(xml, instance));
    }

    private void writeInstance(Xml xml, Instance instance) {
        xml.text("instanceId", instance.instanceId);
        xml.text("imageId", instance.imageId);
        instance.state.write(xml, "instanceState");
        instance.reason.ifPresent(reason -> xml.element("stateReason", () -> {
            xml.text("code", reason.code());
            xml.text("message", reason.message());
        }));
        xml.text("instanceType", instance.instanceType);
        xml.text("architecture", instance.architecture);
        xml.text("launchTime", DateTimeFormatter.ISO_INSTANT.format(instance.launched));
        xml.text("clientToken", instance.clientToken);
        instance.profile.ifPresent(profile -> xml.element("iamInstanceProfile", () -> {
            xml.text("arn", profile.arn());
            xml.text("id", profile.instanceProfileId());
        }));
        xml.element("metadataOptions", () -> {
            xml.text("state", "applied");
            xml.text("httpTokens", instance.httpTokens);
            xml.text("httpPutResponseHopLimit", String.valueOf(instance.hopLimit));
            xml.text("httpEndpoint", "enabled");
        });
        tags.write(xml, instance.instanceId);
        if (instance.state == Instance.State.TERMINATED) return; // its place in the network is gone
        var subnet = network.subnet(instance.networkInterface.subnetId());
        xml.element("placement", () -> xml.text("availabilityZone", subnet.availabilityZone()));
        xml.text("subnetId", subnet.subnetId());
        xml.text("vpcId", instance.vpcId);
        xml.text("privateIpAddress", instance.networkInterface.privateIpAddress());
        instance.publicIpAddress.ifPresent(address -> xml.text("ipAddress", address));
        NetworkOperations.writeGroups(xml, network, instance.securityGroupIds);
        xml.items("networkInterfaceSet", List.of(instance.networkInterface), one -> {
            xml.text("networkInterfaceId", one.networkInterfaceId());
            xml.text("subnetId", one.subnetId());
            xml.text("vpcId", instance.vpcId);
            xml.text("privateIpAddress", one.privateIpAddress());
            xml.text("status", "in-use");
            NetworkOperations.writeGroups(xml, network, instance.securityGroupIds);
        });
    }
}
