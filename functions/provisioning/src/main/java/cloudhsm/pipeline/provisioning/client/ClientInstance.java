package cloudhsm.pipeline.provisioning.client;

import java.util.List;
import java.util.Set;
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
    record Launch(String deployment, String subnetId, List<String> securityGroupIds, String instanceType) {}

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
     * Launches one instance and returns its id. Asking again after a lost answer returns the instance that was launched;
     * where EC2 shows that one no more, another is launched.
     *
     * @param intent which no instance that EC2 shows carries
     */
    String launch(Launch launch, String intent) {
        var imageId = ssm.getParameter(request -> request.name(image.parameter()))
                .parameter()
                .value();
        for (int number = 0; ; number++) {
            try {
                return ec2.runInstances(request(launch, imageId, intent, number))
                        .instances()
                        .getFirst()
                        .instanceId();
            } catch (Ec2Exception refused) {
                var usedUp = TOKEN_USED_UP.contains(refused.awsErrorDetails().errorCode());
                if (!usedUp || number == MOST_TOKENS) throw refused;
            }
        }
    }

    private RunInstancesRequest request(Launch launch, String imageId, String intent, int number) {
        return RunInstancesRequest.builder()
                .clientToken(number == 0 ? intent : intent + "/" + number)
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
                        Tags.on(ResourceType.INSTANCE, launch.deployment(), intent),
                        Tags.on(ResourceType.VOLUME, launch.deployment(), intent),
                        Tags.on(ResourceType.NETWORK_INTERFACE, launch.deployment(), intent))
                .build();
    }
}
