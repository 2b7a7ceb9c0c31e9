package cloudhsm.pipeline.localcloud.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.ec2.model.UserIdGroupPair;

class Ec2ServiceTest {
    private static final String IMAGE =
            "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";

    private final LocalCloud aws = LocalCloud.start();
    private final Ec2Client ec2 = client(aws.iam().administrator());

    @AfterEach
    void close() {
        aws.close();
    }

    private Ec2Client client(Identity identity) {
        return Ec2Client.builder()
                .endpointOverride(aws.uri())
                .region(Region.of(aws.account().region()))
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(identity.accessKeyId(), identity.secretAccessKey())))
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .overrideConfiguration(configuration -> configuration.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    private static void basics(RunInstancesRequest.Builder request) {
        request.imageId(IMAGE).instanceType(InstanceType.T4_G_MICRO).minCount(1).maxCount(1);
    }

    private Instance run(Consumer<RunInstancesRequest.Builder> more) {
        return ec2.runInstances(request -> {
                    basics(request);
                    more.accept(request);
                })
                .instances()
                .getFirst();
    }

    private Instance described(String instanceId) {
        return ec2.describeInstances(request -> request.instanceIds(instanceId))
                .reservations()
                .getFirst()
                .instances()
                .getFirst();
    }

    private static void assertRefused(String code, org.junit.jupiter.api.function.Executable call) {
        var refused = assertThrows(Ec2Exception.class, call);
        assertEquals(code, refused.awsErrorDetails().errorCode(), refused.getMessage());
    }

    @Test
    void defaultVpcHasOnePublicSubnetInEachZone() {
        var vpc = ec2.describeVpcs(request -> request.filters(
                        Filter.builder().name("is-default").values("true").build()))
                .vpcs()
                .getFirst();
        var subnets = ec2.describeSubnets(request -> request.filters(
                        Filter.builder().name("vpc-id").values(vpc.vpcId()).build(),
                        Filter.builder().name("default-for-az").values("true").build()))
                .subnets();
        assertEquals("172.31.0.0/16", vpc.cidrBlock());
        assertEquals(
                List.of("eu-central-1a", "eu-central-1b", "eu-central-1c"),
                subnets.stream().map(subnet -> subnet.availabilityZone()).toList());
        assertEquals(4091, subnets.getFirst().availableIpAddressCount(), "AWS keeps five addresses of each subnet");
        assertTrue(ec2.describeRouteTables().routeTables().getFirst().routes().stream()
                .anyMatch(route -> "0.0.0.0/0".equals(route.destinationCidrBlock())));
    }

    @Test
    void notEveryZoneOffersCloudHsm() {
        var zones = ec2.describeVpcEndpointServices(
                        request -> request.serviceNames("com.amazonaws.eu-central-1.cloudhsmv2"))
                .serviceDetails()
                .getFirst()
                .availabilityZones();
        assertEquals(List.of("eu-central-1a", "eu-central-1b"), zones);
    }

    @Test
    void networkInterfaceTakesAnAddressUntilItIsDeleted() {
        var subnet = aws.ec2().subnets().getFirst();
        var group = aws.ec2().createClusterSecurityGroup(subnet.vpcId(), "cloudhsm-cluster-x-sg");
        var created = aws.ec2().createNetworkInterface(subnet.subnetId(), group, "CloudHSM Managed Interface");
        assertEquals(4090, aws.ec2().freeAddresses(subnet.subnetId()));
        assertTrue(created.privateIpAddress().matches("172\\.31\\.([0-9]|1[0-5])\\.\\d+"), created.privateIpAddress());
        assertRefused("DependencyViolation", () -> ec2.deleteSecurityGroup(request -> request.groupId(group)));
        aws.ec2().deleteNetworkInterface(created.networkInterfaceId());
        ec2.deleteSecurityGroup(request -> request.groupId(group));
        assertEquals(4091, aws.ec2().freeAddresses(subnet.subnetId()));
    }

    @Test
    void clusterGroupIsOnlyGoodWithItsOwnRules() {
        var group = aws.ec2()
                .createClusterSecurityGroup(aws.ec2().subnets().getFirst().vpcId(), "cluster");
        assertTrue(aws.ec2().admitsCluster(group));
        var itself = UserIdGroupPair.builder().groupId(group).build();
        var ports = IpPermission.builder()
                .ipProtocol("tcp")
                .fromPort(2223)
                .toPort(2225)
                .userIdGroupPairs(itself)
                .build();
        ec2.revokeSecurityGroupIngress(request -> request.groupId(group).ipPermissions(ports));
        assertFalse(aws.ec2().admitsCluster(group), "KMS then answers CloudHsmClusterInvalidConfiguration");
    }

    @Test
    void instanceRunsAfterAWhileAndIsGoneAnHourAfterTermination() {
        var instanceId = run(request -> {}).instanceId();
        assertEquals(InstanceStateName.PENDING, described(instanceId).state().name());
        aws.advance(Duration.ofSeconds(41));
        assertEquals(InstanceStateName.RUNNING, described(instanceId).state().name());
        ec2.terminateInstances(request -> request.instanceIds(instanceId));
        assertEquals(
                InstanceStateName.SHUTTING_DOWN, described(instanceId).state().name());
        aws.advance(Duration.ofMinutes(2));
        assertEquals(InstanceStateName.TERMINATED, described(instanceId).state().name());
        aws.advance(Duration.ofHours(1));
        assertRefused("InvalidInstanceID.NotFound", () -> described(instanceId));
    }

    @Test
    void sameClientTokenGivesTheSameInstance() {
        var first = run(request -> request.clientToken("once")).instanceId();
        assertEquals(first, run(request -> request.clientToken("once")).instanceId());
        assertRefused(
                "IdempotentParameterMismatch",
                () -> run(request -> request.clientToken("once").instanceType(InstanceType.T4_G_SMALL)));
    }

    @Test
    void imageAndTypeMustFit() {
        assertRefused("InvalidParameterValue", () -> run(request -> request.instanceType(InstanceType.T3_MICRO)));
        assertRefused("InvalidAMIID.NotFound", () -> run(request -> request.imageId("ami-01234567890abcdef")));
    }

    @Test
    void securityGroupOfAnotherVpcIsRefused() {
        var other = ec2.createVpc(request -> request.cidrBlock("10.0.0.0/16")).vpc();
        var group = ec2.createSecurityGroup(request ->
                        request.groupName("other").description("other").vpcId(other.vpcId()))
                .groupId();
        assertRefused("InvalidParameter", () -> run(request -> request.securityGroupIds(group)));
    }

    @Test
    void instancesAreFoundByTheirTags() {
        var demo = TagSpecification.builder()
                .resourceType(ResourceType.INSTANCE)
                .tags(Tag.builder().key("deployment").value("demo").build())
                .build();
        var instanceId = run(request -> request.tagSpecifications(demo)).instanceId();
        run(request -> {});
        var found = ec2.describeInstances(request -> request.filters(
                        Filter.builder().name("tag:deployment").values("demo").build()))
                .reservations();
        assertEquals(1, found.size());
        assertEquals(instanceId, found.getFirst().instances().getFirst().instanceId());
    }

    @Test
    void launchingWithARoleNeedsTheRightToPassIt() {
        var trust = policy("{'Effect':'Allow','Principal':{'Service':'ec2.amazonaws.com'},'Action':'sts:AssumeRole'}");
        aws.ec2().createInstanceProfile("client", aws.iam().createRole("client", trust));
        var launcher = aws.iam().createRole("launcher", trust);
        var launch = "{'Effect':'Allow','Action':['ec2:RunInstances','ssm:GetParameters'],'Resource':'*'}";
        launcher.policies().put("launch", policy(launch));
        var asLauncher = client(aws.iam().session(launcher, "test"));
        Consumer<RunInstancesRequest.Builder> withProfile = request -> {
            basics(request);
            request.iamInstanceProfile(profile -> profile.name("client"));
        };
        assertRefused("UnauthorizedOperation", () -> asLauncher.runInstances(withProfile));
        launcher.policies()
                .put(
                        "pass",
                        policy(
                                "{'Effect':'Allow','Action':'iam:PassRole','Resource':'arn:aws:iam::111122223333:role/client',"
                                    + "'Condition':{'StringEquals':{'iam:PassedToService':'ec2.amazonaws.com'}}}"));
        assertEquals(1, asLauncher.runInstances(withProfile).instances().size());
    }

    private static PolicyDocument policy(String statement) {
        return PolicyDocument.parse(Json.parse(("{'Statement':[" + statement + "]}").replace('\'', '"')));
    }
}
