package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmAccessDeniedException;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmV2Exception;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.CreateClusterRequest;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

class CreateClusterTest {
    private static final String EC2_RIGHTS = """
        "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:CreateSecurityGroup",
        "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress",
        "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaceAttribute",
        "ec2:CreateTags"
        """;

    private final CloudHsmScenario scenario = new CloudHsmScenario();

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void answersWithoutSecurityGroupWhichComesLater() {
        var created = create(scenario.clusterRequest().build());
        assertEquals(ClusterState.CREATE_IN_PROGRESS, created.state());
        assertNull(created.securityGroup(), "AWS creates the group after it has answered");
        assertEquals("7", created.backupRetentionPolicy().value());

        scenario.waitForCluster(created.clusterId(), ClusterState.UNINITIALIZED);

        var group = scenario.describe(created.clusterId()).securityGroup();
        assertTrue(scenario.aws.ec2().admitsCluster(group), "clients and KMS need the group's rules for itself");
        assertNull(
                scenario.describe(created.clusterId()).certificates().clusterCsr(),
                "there is no CSR before there is an HSM");
        var timing = scenario.aws.cloudHsm().timings().getFirst();
        assertEquals("CreateCluster", timing.what());
        assertTrue(
                Duration.between(timing.startedAt(), timing.endedAt()).compareTo(Duration.ofMinutes(2)) >= 0,
                "a cluster takes minutes");
    }

    @Test
    void hsm1IsRejected() {
        var refused = refusal(scenario.clusterRequest().hsmType("hsm1.medium").build());
        assertEquals("HSM type hsm1.medium is not available for new clusters", refused);
    }

    @Test
    void modeIsRequired() {
        var refused = refusal(scenario.clusterRequest().mode((ClusterMode) null).build());
        assertEquals("Mode is required for HSM type hsm2m.medium", refused);
    }

    @Test
    void twoSubnetsOfOneZoneAreRejected() {
        try (var ec2 = scenario.ec2()) {
            var vpc = scenario.aws.ec2().subnets().getFirst().vpcId();
            var second = ec2.createSubnet(request -> request.vpcId(vpc)
                            .availabilityZone(CloudHsmScenario.ZONE_A)
                            .cidrBlock("172.31.200.0/24"))
                    .subnet()
                    .subnetId();
            var refused = refusal(scenario.clusterRequest()
                    .subnetIds(scenario.subnetIn(CloudHsmScenario.ZONE_A), second)
                    .build());
            assertTrue(refused.contains("are in the same Availability Zone eu-central-1a"), refused);
        }
    }

    @Test
    void malformedSubnetIdIsRejectedByTheModel() {
        var refused = refusal(scenario.clusterRequest().subnetIds("subnet-x").build());
        assertTrue(refused.startsWith("1 validation error detected: Value '[subnet-x]' at 'subnetIds'"), refused);
    }

    @Test
    void fifthClusterIsRejected() {
        for (int i = 0; i < 4; i++) create(scenario.clusterRequest().build());
        assertTrue(refusal(scenario.clusterRequest().build()).contains("already has 4 clusters"));
    }

    @Test
    void unknownIdDescribesAsEmptyList() {
        var answer = scenario.cloudHsm.describeClusters(
                request -> request.filters(Map.of("clusterIds", List.of("cluster-aaaaaaaaaaa"))));
        assertEquals(List.of(), answer.clusters(), "DescribeClusters has no not-found error");
    }

    @Test
    void describeMayAnswerFromBeforeTheCreation() {
        scenario.aws.cloudHsm().answerNextDescribesFromNow(1);
        create(scenario.clusterRequest().build());
        assertEquals(List.of(), scenario.cloudHsm.describeClusters().clusters(), "reads are eventually consistent");
        assertEquals(1, scenario.cloudHsm.describeClusters().clusters().size());
    }

    @Test
    void describesPageByPage() {
        for (int i = 0; i < 3; i++) create(scenario.clusterRequest().build());
        var pages = scenario.cloudHsm.describeClustersPaginator(request -> request.maxResults(2)).stream()
                .toList();
        assertEquals(
                List.of(2, 1),
                pages.stream().map(page -> page.clusters().size()).toList());
    }

    @Test
    void tagsOfTheClusterCanBeListedAndChanged() {
        var tag = Tag.builder().key("deployment").value("demo").build();
        var id = create(scenario.clusterRequest().tagList(tag).build()).clusterId();
        assertEquals(List.of(tag), scenario.describe(id).tagList());
        scenario.cloudHsm.untagResource(request -> request.resourceId(id).tagKeyList("deployment"));
        var other = Tag.builder().key("a").value("").build();
        scenario.cloudHsm.tagResource(request -> request.resourceId(id).tagList(other));
        assertEquals(
                List.of(other),
                scenario.cloudHsm.listTags(request -> request.resourceId(id)).tagList());
    }

    @Test
    void onlyBackupRetentionCanBeModified() {
        var id = create(scenario.clusterRequest().build()).clusterId();
        scenario.cloudHsm.modifyCluster(request -> request.clusterId(id)
                .backupRetentionPolicy(policy -> policy.type("DAYS").value("30")));
        assertEquals("30", scenario.describe(id).backupRetentionPolicy().value());
        assertThrows(
                CloudHsmInvalidRequestException.class,
                () -> scenario.cloudHsm.modifyCluster(
                        request -> request.clusterId(id).hsmType("hsm2m.medium")));
    }

    @Test
    void callerWithoutTheActionIsDenied() {
        try (var client = scenario.client(role("\"cloudhsm:DescribeClusters\""))) {
            var denied = assertThrows(
                    CloudHsmV2Exception.class,
                    () -> client.createCluster(scenario.clusterRequest().build()));
            assertEquals("AccessDeniedException", denied.awsErrorDetails().errorCode());
        }
    }

    @Test
    void callerWithoutEc2RightsIsDenied() {
        try (var client = scenario.client(role("\"cloudhsm:CreateCluster\""))) {
            var denied = assertThrows(
                    CloudHsmAccessDeniedException.class,
                    () -> client.createCluster(scenario.clusterRequest().build()));
            assertTrue(
                    denied.getMessage().contains("ec2:DescribeVpcs"), "CloudHSM acts on EC2 with the caller's rights");
        }
    }

    @Test
    void firstClusterNeedsTheRightToCreateTheServiceLinkedRole() {
        try (var client = scenario.client(role("\"cloudhsm:CreateCluster\"," + EC2_RIGHTS))) {
            var request = scenario.clusterRequest().build();
            var denied = assertThrows(CloudHsmAccessDeniedException.class, () -> client.createCluster(request));
            assertTrue(denied.getMessage()
                    .startsWith("This operation requires that the caller have permission to call"
                            + " iam:CreateServiceLinkedRole"));

            create(request);

            assertNotNull(client.createCluster(request).cluster(), "the role is there now, nobody has to create it");
        }
    }

    private Identity role(String actions) {
        var iam = scenario.aws.iam();
        var trust = PolicyDocument.parse(Json.parse("""
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
             "Action": "sts:AssumeRole"}]}
            """));
        var role = iam.createRole("caller", trust);
        role.policies()
                .put(
                        "rights",
                        PolicyDocument.parse(Json.parse("{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": ["
                                + actions + "], \"Resource\": \"*\"}]}")));
        return iam.session(role, "test");
    }

    private software.amazon.awssdk.services.cloudhsmv2.model.Cluster create(CreateClusterRequest request) {
        return scenario.cloudHsm.createCluster(request).cluster();
    }

    private String refusal(CreateClusterRequest request) {
        return assertThrows(CloudHsmInvalidRequestException.class, () -> scenario.cloudHsm.createCluster(request))
                .awsErrorDetails()
                .errorMessage();
    }
}
