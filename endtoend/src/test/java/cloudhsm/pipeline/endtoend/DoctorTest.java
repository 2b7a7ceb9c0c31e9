package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Quotas;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.doctor.Finding;
import cloudhsm.pipeline.runlocal.doctor.Rights;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.s3.S3Client;

/** {@code ./run-local doctor} before the first deployment: each thing that can be wrong, one by one. */
class DoctorTest {
    private static final String TRUST = """
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
         "Action": "sts:AssumeRole"}]}\
        """;

    @TempDir
    private Path directory;

    private LocalCloud cloud;

    @BeforeEach
    void start() {
        cloud = LocalCloud.start();
    }

    @AfterEach
    void end() {
        cloud.close();
    }

    private static PolicyDocument policy(String json) {
        return PolicyDocument.parse(Json.parse(json));
    }

    /** A session of a role that has this policy. */
    private Identity deployer(String statements) {
        var role = cloud.iam().createRole("Deployer", policy(TRUST));
        role.policies().put("Deploy", policy("{\"Statement\": [" + statements + "]}"));
        return cloud.iam().session(role, "somebody");
    }

    private static final String EVERYTHING = "{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}";

    private static String deny(String action) {
        return "{\"Effect\": \"Deny\", \"Action\": \"" + action + "\", \"Resource\": \"*\"}";
    }

    @Test
    void anAccountThatIsReadyIsSaidToBe() {
        var examined = Examined.of(cloud);
        assertEquals(0, examined.exitCode(), examined::toString);
        assertTrue(examined.findings().size() > 20, examined::toString);
    }

    @Test
    void aCallThatAwsThrottlesTwiceIsMadeAThirdTime() {
        throttle(2);
        var before = cloud.time().now();
        var examined = Examined.of(cloud);
        assertEquals(0, examined.exitCode(), examined::toString);
        assertEquals(before.plusSeconds(3), cloud.time().now(), "one second, then two");
    }

    @Test
    void whatAwsThrottlesThreeTimesWasNotSeen() {
        throttle(3);
        Examined.of(cloud).assertUnseen("CloudHSM key stores", "ThrottlingException");
    }

    private void throttle(int calls) {
        for (int number = 1; number <= calls; number++)
            cloud.faults().add("kms", "DescribeCustomKeyStores", number, Faults.Kind.THROTTLED);
    }

    @Test
    void everyCallIsARead() {
        Examined.of(cloud);
        var operations = new TreeSet<String>();
        cloud.endpoint().calls().forEach(call -> operations.add(call.operation()));
        var reads = new TreeSet<>(operations);
        reads.removeIf(operation -> !operation.matches("(Describe|Get|Head|List|Simulate|Validate|Query).*"));
        assertEquals(reads, operations, "nothing may be made or changed before somebody decides to deploy");
        assertTrue(operations.size() > 15, operations::toString);
    }

    @Test
    void whoDeploysAsARoleIsLookedUpAsThatRole() {
        var examined = Examined.of(cloud, deployer(EVERYTHING));
        assertEquals(0, examined.exitCode(), examined::toString);
        assertTrue(
                examined.toString().contains("arn:aws:iam::111122223333:role/Deployer may do all"), examined::toString);
    }

    @Test
    void everyTypeOfTheTemplateHasItsActions() throws IOException {
        var examined = Examined.of(cloud);
        assertTrue(
                examined.all(Finding.Verdict.NOTED).stream()
                        .noneMatch(each -> each.found().contains("it is not known here")),
                examined::toString);
        assertTrue(Rights.knownTypes().size() > 15);
        var copy = Examined.copyOfProject(directory);
        Examined.change(copy.resolve("template.yaml"), "Type: AWS::CloudWatch::Dashboard", "Type: AWS::New::Type");
        assertTrue(Examined.of(cloud, copy).toString().contains("what CloudFormation does for AWS::New::Type"));
    }

    // ---- who and where

    @Test
    void aClockThatIsTenMinutesOff() {
        var wrong = Clock.offset(Clock.systemUTC(), Duration.ofMinutes(10));
        examined("eu-central-1", wrong)
                .assertWrong("clock", "this machine's clock is 600 s ahead of AWS's", "set the clock");
    }

    private Examined examined(String region, Clock clock) {
        return Examined.of(
                cloud,
                region,
                cloud.iam().administrator(),
                LocalDeployment.projectRoot(),
                "{}",
                Optional.empty(),
                clock);
    }

    @ParameterizedTest
    @CsvSource({"cn-north-1, is in the partition aws-cn", "eu-nowhere-1, is no Region"})
    void aRegionThatTheAccountCannotBeIn(String region, String found) {
        examined(region, Clock.systemUTC()).assertWrong("Region", found, "--region");
    }

    @ParameterizedTest
    @CsvSource({
        "ap-southeast-4, CloudHSM key stores, KMS has none in ap-southeast-4",
        "ap-southeast-4, CloudHSM, not offered in ap-southeast-4",
        "ap-southeast-6, Lambda, SnapStart is not offered in ap-southeast-6",
        "eu-south-2, CloudHSM key stores, KMS has none in eu-south-2"
    })
    void aRegionThatLacksSomething(String region, String check, String found) {
        try (var elsewhere = LocalCloud.start(region, 1)) {
            var examined = Examined.of(elsewhere);
            assertEquals(1, examined.exitCode(), examined::toString);
            assertTrue(
                    examined.all(Finding.Verdict.WRONG).stream()
                            .anyMatch(each -> each.check().equals(check)
                                    && each.found().contains(found)
                                    && each.next().contains("another Region")),
                    examined::toString);
        }
    }

    // ---- room

    @Test
    void asManyClustersAsAreAllowed() {
        cloud.account().quotas().apply(Quotas.CLUSTERS, 1);
        var subnet = cloud.ec2().subnets().getFirst().subnetId();
        cloud.client(CloudHsmV2Client.builder())
                .createCluster(
                        cluster -> cluster.hsmType("hsm2m.medium").mode("FIPS").subnetIds(subnet));
        Examined.of(cloud).assertWrong("CloudHSM clusters", "has 1 cluster of 1", "L-4B16B391");
    }

    @Test
    void fewerHsmsThanAreWanted() {
        Examined.of(cloud, "{\"hsm\": {\"count\": 7}}")
                .assertWrong("HSMs", "has 0 HSMs of 6, and a new deployment needs 7", "L-95BA35D1");
    }

    @Test
    void aQuotaThatWasRaisedCounts() {
        cloud.account().quotas().apply(Quotas.HSMS, 12);
        assertEquals(0, Examined.of(cloud, "{\"hsm\": {\"count\": 7}}").exitCode());
    }

    @Test
    void noRoomForAKeyStore() {
        cloud.account().quotas().apply("L-F33DCFEB", 0);
        Examined.of(cloud).assertWrong("custom key stores", "has 0 key stores of 0", "does not raise");
    }

    @Test
    void fewerConcurrentExecutionsThanThePipelineNeeds() {
        cloud.lambda().concurrencyQuota(5);
        Examined.of(cloud)
                .assertWrong(
                        "Lambda concurrency",
                        "the account runs 5 functions at a time (Service Quotas says 5), 5 of them unreserved",
                        "L-B99A9384");
    }

    @Test
    void aBucketThatTheCallerMayNotSee() {
        cloud.client(S3Client.builder().forcePathStyle(true))
                .createBucket(bucket -> bucket.bucket("reports")
                        .createBucketConfiguration(where -> where.locationConstraint("eu-central-1")));
        Examined.of(
                        cloud,
                        deployer(EVERYTHING + ", " + deny("s3:ListBucket")),
                        LocalDeployment.projectRoot(),
                        "{\"bucket\": {\"name\": \"reports\"}}",
                        Optional.empty())
                .assertWrong("bucket name", "reports is another account's, or you may not see it", "another name");
    }

    @Test
    void aBucketThatIsThereIsNoted() {
        cloud.client(S3Client.builder().forcePathStyle(true))
                .createBucket(bucket -> bucket.bucket("reports")
                        .createBucketConfiguration(where -> where.locationConstraint("eu-central-1")));
        var examined = Examined.of(cloud, "{\"buckets\": [{\"name\": \"cloudhsm-free\"}, {\"name\": \"reports\"}]}");
        assertEquals(0, examined.exitCode(), examined::toString);
        assertTrue(examined.toString().contains("bucket name: cloudhsm-free is free"), examined::toString);
        assertTrue(examined.toString().contains("note    bucket name: reports is there already"), examined::toString);
    }

    @Test
    void instancesThatComeWithoutTheMetadataService() {
        cloud.ec2().metadataDefaults(Map.of("httpEndpoint", "disabled"));
        Examined.of(cloud).assertWrong("instance metadata", "the client has no credentials", "--http-endpoint enabled");
    }

    @Test
    void fieldsThatTheProvisioningDoesNotKnow() {
        Examined.of(cloud, "{\"maxCost\": 32, \"hsm\": {\"number\": 2}}")
                .assertWrong("input", "does not know hsm.number, maxCost.", "events/provision.schema.json");
    }

    @Test
    void anInputThatIsNoObject() {
        Examined.of(cloud, "[1]").assertWrong("input", "it is no JSON object", "{}");
    }

    @Test
    void aDeployerWhoseRightsAreOnTheStacksNamesMayDeploy() {
        var named =
                "{\"Effect\": \"Allow\", \"Action\": [\"lambda:*\", \"iam:*\", \"sqs:*\", \"states:*\"], \"Resource\":"
                        + " [\"arn:aws:lambda:*:111122223333:function:cloudhsm-pipeline-*\","
                        + " \"arn:aws:lambda:*:111122223333:event-source-mapping:*\","
                        + " \"arn:aws:iam::111122223333:*/cloudhsm-pipeline-*\","
                        + " \"arn:aws:iam::111122223333:role/Deployer\","
                        + " \"arn:aws:iam::111122223333:role/aws-service-role/*\","
                        + " \"arn:aws:iam::111122223333:role/AWSServiceRoleFor*\","
                        + " \"arn:aws:sqs:*:111122223333:cloudhsm-pipeline-*\","
                        + " \"arn:aws:states:*:111122223333:stateMachine:cloudhsm-pipeline-*\"]}";
        var others = "{\"Effect\": \"Allow\", \"Resource\": \"*\", \"Action\": [\"cloudformation:*\", \"cloudhsm:*\","
            + " \"cloudwatch:*\", \"dynamodb:*\", \"ec2:*\", \"events:*\", \"kms:*\", \"lambda:GetAccountSettings\","
            + " \"logs:*\", \"pricing:*\", \"s3:*\", \"servicequotas:*\", \"sns:*\", \"ssm:*\","
            + " \"states:ValidateStateMachineDefinition\"]}";
        var examined = Examined.of(cloud, deployer(named + ", " + others));
        assertEquals(0, examined.exitCode(), examined::toString);
    }

    // ---- network

    @Test
    void aVpcThatIsNotThere() {
        Examined.of(cloud, "{\"network\": {\"vpcId\": \"vpc-0a1b2c3d4e5f67890\"}}")
                .assertWrong("VPC", "vpc-0a1b2c3d4e5f67890 of the input is not in eu-central-1", "network.vpcId");
    }

    private String network(String... subnetIds) {
        var input = Json.object();
        var list = input.putObject("network").putArray("subnetIds");
        for (var id : subnetIds) list.add(id);
        return Json.text(input);
    }

    private String subnet(int zone) {
        return cloud.ec2().subnets().get(zone).subnetId();
    }

    @Test
    void aSubnetThatIsNotThere() {
        Examined.of(cloud, network(subnet(0), subnet(1), "subnet-0a1b2c3d4e5f67890"))
                .assertWrong("subnets", "subnet-0a1b2c3d4e5f67890 is not in eu-central-1", "network.subnetIds");
    }

    @Test
    void aSubnetInAZoneWithoutCloudHsm() {
        Examined.of(cloud, network(subnet(0), subnet(1), subnet(2)))
                .assertWrong("subnets", "is in eu-central-1c, which does not offer CloudHSM", "eu-central-1a");
    }

    @Test
    void subnetsInOneZoneOnly() {
        Examined.of(cloud, network(subnet(0)))
                .assertWrong("subnets", "are in 1 of the zones eu-central-1a, eu-central-1b, and two are needed", "");
    }

    @Test
    void aSubnetOfAnotherVpc() {
        var ec2 = cloud.client(Ec2Client.builder());
        var other = ec2.createVpc(vpc -> vpc.cidrBlock("10.9.0.0/16")).vpc().vpcId();
        Examined.of(
                        cloud,
                        "{\"network\": {\"vpcId\": \"" + other + "\", \"subnetIds\": [\"" + subnet(0) + "\", \""
                                + subnet(1) + "\"]}}")
                .assertWrong("subnets", "not in " + other, "network.subnetIds");
    }

    @Test
    void aSubnetWithoutFreeAddresses() {
        var ec2 = cloud.client(Ec2Client.builder());
        var vpc = ec2.createVpc(each -> each.cidrBlock("10.9.0.0/16")).vpc().vpcId();
        var small = ec2.createSubnet(
                        each -> each.vpcId(vpc).cidrBlock("10.9.0.0/28").availabilityZone("eu-central-1a"))
                .subnet()
                .subnetId();
        ec2.createSubnet(each -> each.vpcId(vpc).cidrBlock("10.9.1.0/24").availabilityZone("eu-central-1b"));
        var group = cloud.ec2().createClusterSecurityGroup(vpc, "taken");
        while (cloud.ec2().freeAddresses(small) > 2) cloud.ec2().createNetworkInterface(small, group, "taken");
        Examined.of(cloud, "{\"network\": {\"vpcId\": \"" + vpc + "\"}}")
                .assertWrong("subnets", "are in 1 of the zones", "make or free subnets");
    }

    // ---- rights

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lambda:CreateFunction",
                "cloudformation:ExecuteChangeSet",
                "kms:CreateKey",
                "lambda:PublishVersion",
                "events:PutTargets"
            })
    void anActionThatIsDenied(String action) {
        Examined.of(cloud, deployer(EVERYTHING + ", " + deny(action)))
                .assertWrong("rights", action + " (explicitDeny)", "allow these actions");
    }

    @Test
    void anActionThatNothingAllows() {
        var reads = "{\"Effect\": \"Allow\", \"Action\": [\"*:Get*\", \"*:Describe*\", \"*:List*\", \"*:Simulate*\","
                + " \"*:Validate*\", \"iam:*\", \"lambda:*\"], \"Resource\": \"*\"}";
        Examined.of(cloud, deployer(reads)).assertWrong("rights", "sqs:CreateQueue (implicitDeny)", "deploy as a role");
    }

    @Test
    void aRoleThatMayBeHandedToLambdaAlone() {
        var passing = "{\"Effect\": \"Deny\", \"Action\": \"iam:PassRole\", \"Resource\": \"*\","
                + " \"Condition\": {\"StringNotEquals\": {\"iam:PassedToService\": \"lambda.amazonaws.com\"}}}";
        Examined.of(cloud, deployer(EVERYTHING + ", " + passing))
                .assertWrong("rights", "iam:PassRole to states.amazonaws.com (explicitDeny)", "allow these actions");
    }

    @Test
    void whatTheOrganizationDeniesIsSaidToBeItsDenial() {
        cloud.iam()
                .serviceControlPolicy(
                        policy("{\"Statement\": [" + EVERYTHING + ", " + deny("states:CreateStateMachine") + "]}"));
        Examined.of(cloud)
                .assertWrong(
                        "rights",
                        "a service control policy of the organization denies states:CreateStateMachine",
                        "administers the organization");
    }

    @Test
    void anOrganizationWithoutServiceLinkedRoles() {
        cloud.iam()
                .serviceControlPolicy(
                        policy("{\"Statement\": [" + EVERYTHING + ", " + deny("iam:CreateServiceLinkedRole") + "]}"));
        Examined.of(cloud)
                .assertWrong("rights", "iam:CreateServiceLinkedRole for CloudHSM", "administers the organization");
    }

    // ---- template and definitions

    @ParameterizedTest
    @CsvSource({
        "'Type: AWS::CloudWatch::Dashboard', 'Kind: AWS::CloudWatch::Dashboard', Every Resources object must contain a"
                + " Type",
        "'AWSTemplateFormatVersion: \"2010-09-09\"', 'Resource: {}', Invalid template property or properties [Resource]"
    })
    void aTemplateThatCloudFormationRefuses(String text, String by, String found) throws IOException {
        var copy = Examined.copyOfProject(directory);
        Examined.change(copy.resolve("template.yaml"), text, by);
        Examined.of(cloud, copy).assertWrong("template", found, "correct it there");
    }

    @Test
    void aTemplateThatIsTooLarge() throws IOException {
        var copy = Examined.copyOfProject(directory);
        var template = copy.resolve("template.yaml");
        Examined.change(template, "start the state machine of", "x".repeat(1_000_000));
        Examined.of(cloud, copy).assertWrong("template", "and CloudFormation takes 1000000", "a stack of their own");
    }

    @ParameterizedTest
    @CsvSource({
        "'\"Default\": \"SetLimits\"', '\"Default\": \"Nowhere\"', MISSING_TRANSITION_TARGET",
        "'${PreflightFunctionArn}', '${NoSuchFunctionArn}', [NoSuchFunctionArn]",
        "'{% $plan.deployment %}', '{% $$.deployment %}', UNSUPPORTED_JSONATA_EXPRESSION"
    })
    void aDefinitionThatStepFunctionsRefuses(String text, String by, String found) throws IOException {
        var copy = Examined.copyOfProject(directory);
        Examined.change(copy.resolve("statemachine/provision.asl.json"), text, by);
        Examined.of(cloud, copy).assertWrong("definition statemachine/provision.asl.json", found, "in ");
    }

    // ---- what cannot be seen

    @Test
    void aReadThatIsDenied() {
        Examined.of(cloud, deployer(EVERYTHING + ", " + deny("ec2:DescribeSubnets")))
                .assertUnseen("subnets", "ec2:DescribeSubnets was refused: UnauthorizedOperation");
        assertEquals(0, cloud.calls("CreateChangeSet"));
    }

    @Test
    void whatIsDeniedOfEachApiIsToldInASentence() {
        var examined = Examined.of(
                cloud,
                deployer(EVERYTHING
                        + ", {\"Effect\": \"Deny\", \"Resource\": \"*\", \"Action\": [\"servicequotas:*\","
                        + " \"pricing:GetProducts\", \"kms:DescribeCustomKeyStores\", \"lambda:GetAccountSettings\","
                        + " \"states:ValidateStateMachineDefinition\", \"cloudformation:ValidateTemplate\","
                        + " \"iam:SimulatePrincipalPolicy\"]}"));
        for (var check : new String[] {"price", "rights", "template", "Lambda concurrency", "CloudHSM key stores"}) {
            examined.assertUnseen(check, "was refused: AccessDenied");
        }
    }

    @Test
    void credentialsOfNobody() {
        var nobody = new Identity("AKIANOBODY", "wrong", "", Optional.empty(), Clock.systemUTC());
        Examined.of(cloud, nobody).assertUnseen("identity", "sts:GetCallerIdentity was refused");
    }

    @Test
    void aRegionThatDoesNotKnowTheCaller() {
        examined("us-east-1", Clock.systemUTC())
                .assertUnseen("CloudHSM", "ec2:DescribeVpcEndpointServices was refused: SignatureDoesNotMatch");
    }
}
