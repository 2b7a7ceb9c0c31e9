package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** What the EC2 resources of a deployment are labelled with, for people, policies and reports of costs. */
final class Tags {
    private static final String ROLE = "cloudhsm-pipeline:role";
    private static final String CLIENT = "client";

    private Tags() {}

    /** @param intent by which a new resource is found whose creation was not answered */
    static TagSpecification on(ResourceType type, String deployment, String intent) {
        return TagSpecification.builder()
                .resourceType(type)
                .tags(
                        tag("Name", "cloudhsm-client-" + deployment),
                        tag(Clusters.DEPLOYMENT_TAG, deployment),
                        tag(ROLE, CLIENT),
                        tag(Deployments.INTENT_TAG, intent))
                .build();
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }
}
