package cloudhsm.pipeline.provisioning.client;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.HttpTokensState;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.VolumeType;
import software.amazon.awssdk.services.ssm.SsmClient;

/** Launches the client, once however often it is asked to. */
final class ClientInstance {
    /** Commands on the instance itself get its role from the metadata; what is forwarded through it does not. */
    private static final int METADATA_HOPS = 1;

    /** The client token belongs to an instance that is gone, or was launched with other parameters. */
    private static final Set<String> TOKEN_USED_UP =
            Set.of("IdempotentInstanceTerminated", "IdempotentParameterMismatch");

    /** How many used-up tokens are passed over; EC2 remembers a token for a day or so. */
    private static final int MOST_TOKENS = 50;

    /**
     * What every client is made of.
     *
     * @param parameter the public SSM parameter that names the newest Amazon Linux image
     */
    record Image(String parameter, String instanceProfileArn) {}

    /** @param securityGroupIds the cluster's group and the client's own */
    record Launch(
            String deployment, String clusterId, String subnetId, List<String> securityGroupIds, String instanceType) {}

    /**
     * Amazon Linux's root device. Its key is named, because an account may have made a customer managed key the default
     * of EBS: EC2 would need that key's rights of whoever launches, and ends an instance at once whose volume it cannot
     * make. AWS's own key needs none.
     */
    private static final BlockDeviceMapping ROOT_VOLUME = BlockDeviceMapping.builder()
            .deviceName("/dev/xvda")
            .ebs(volume -> volume.encrypted(true)
                    .kmsKeyId("alias/aws/ebs")
                    .volumeType(VolumeType.GP3)
                    .deleteOnTermination(true))
            .build();

    private final Ec2Client ec2;
    private final SsmClient ssm;
    private final Image image;

    ClientInstance(Ec2Client ec2, SsmClient ssm, Image image) {
        this.ec2 = ec2;
        this.ssm = ssm;
        this.image = image;
    }

    /**
     * Launches one instance and returns its id. The client token is derived from the deployment, the cluster and the
     * number of earlier instances, so asking again after a lost answer returns the instance that was launched.
     *
     * @param earlier ids of the deployment's clients that EC2 still shows, none of which is wanted any more
     */
    String launch(Launch launch, Set<String> earlier) {
        var imageId = ssm.getParameter(request -> request.name(image.parameter()))
                .parameter()
                .value();
        for (int number = earlier.size(); ; number++) {
            try {
                var instanceId = ec2.runInstances(request(launch, imageId, clientToken(launch, number)))
                        .instances()
                        .getFirst()
                        .instanceId();
                // A token of one that is on its way out answers with that one.
                if (!earlier.contains(instanceId)) return instanceId;
            } catch (Ec2Exception refused) {
                var usedUp = TOKEN_USED_UP.contains(refused.awsErrorDetails().errorCode());
                if (!usedUp || number >= earlier.size() + MOST_TOKENS) throw refused;
            }
        }
    }

    private RunInstancesRequest request(Launch launch, String imageId, String clientToken) {
        return RunInstancesRequest.builder()
                .clientToken(clientToken)
                .imageId(imageId)
                .instanceType(launch.instanceType())
                .minCount(1)
                .maxCount(1)
                .subnetId(launch.subnetId())
                .securityGroupIds(launch.securityGroupIds())
                .iamInstanceProfile(profile -> profile.arn(image.instanceProfileArn()))
                .metadataOptions(metadata ->
                        metadata.httpTokens(HttpTokensState.REQUIRED).httpPutResponseHopLimit(METADATA_HOPS))
                .blockDeviceMappings(ROOT_VOLUME)
                .tagSpecifications(
                        Tags.on(ResourceType.INSTANCE, launch.deployment()),
                        Tags.on(ResourceType.VOLUME, launch.deployment()),
                        Tags.on(ResourceType.NETWORK_INTERFACE, launch.deployment()))
                .build();
    }

    private static String clientToken(Launch launch, int number) {
        var name = launch.deployment() + "/" + launch.clusterId() + "/" + number;
        return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8)).toString();
    }
}
