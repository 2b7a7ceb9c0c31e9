package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** By which the pipeline knows the EC2 resources of a deployment again. */
final class Tags {
    static final String ROLE = "cloudhsm-pipeline:role";
    static final String CLIENT = "client";

    private Tags() {}

    static TagSpecification on(ResourceType type, String deployment) {
        return TagSpecification.builder()
                .resourceType(type)
                .tags(
                        tag("Name", "cloudhsm-client-" + deployment),
                        tag(Clusters.DEPLOYMENT_TAG, deployment),
                        tag(ROLE, CLIENT))
                .build();
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }
}
