package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.Ec2Client;

/** Networks in which no cluster of use to KMS can be made, and those in which one can although it does not look so. */
class PreflightNetworkTest {
    private static final String ZONE_A = EmbeddedAws.ZONE_A;
    private static final String ZONE_B = EmbeddedAws.ZONE_B;
    private static final EmbeddedAws AWS = new EmbeddedAws();
    private static final Ec2Client EC2 = AWS.client(Ec2Client.builder());
    private static int vpcs;

    private final String vpc = vpc();
    private int subnets;

    @BeforeAll
    static void createTable() {
        PreflightScenario.createTable(AWS);
    }

    @AfterAll
    static void close() {
        AWS.close();
    }

    private static String vpc() {
        vpcs++;
        return EC2.createVpc(request -> request.cidrBlock("10." + vpcs + ".0.0/16"))
                .vpc()
                .vpcId();
    }

    private String subnet(String zone) {
        var cidr = "10." + vpcs + "." + subnets++ + ".0/28";
        return EC2.createSubnet(request -> request.vpcId(vpc).cidrBlock(cidr).availabilityZone(zone))
                .subnet()
                .subnetId();
    }

    /** Takes addresses until so many are left. */
    private static void fill(String subnetId, int left) {
        var group = EC2.describeSecurityGroups().securityGroups().getFirst().groupId();
        while (AWS.cloud.ec2().freeAddresses(subnetId) > left) {
            AWS.cloud.ec2().createNetworkInterface(subnetId, group, "in use");
        }
    }

    private static Outcome run(String network) {
        try {
            var request = Json.MAPPER.readTree("{\"network\": " + network.replace('\'', '"') + "}");
            return PreflightScenario.stage(AWS)
                    .run(new Preflight.Input(PreflightScenario.EXECUTION, request), Optional.empty());
        } catch (JsonProcessingException malformed) {
            throw new AssertionError(malformed);
        }
    }

    private static void refused(String network, String... problems) {
        var failed = assertInstanceOf(Outcome.Failed.class, run(network));
        assertEquals("INVALID_INPUT", failed.reason());
        var expected = new StringBuilder();
        for (int number = 1; number <= problems.length; number++) {
            expected.append('\n').append(number).append(". ").append(problems[number - 1]);
        }
        assertEquals(
                expected.toString(), failed.message().substring(failed.message().indexOf('\n')));
        assertEquals(0, AWS.cloud.calls("CreateCluster"));
    }

    private static List<String> planned(String network) {
        return PreflightScenario.plan(run(network)).subnetIds();
    }

    private static String tooFull(String subnet) {
        return subnet + " has 2 free addresses; 3 are needed for the HSM, KMS's connection and the client";
    }

    @Test
    void vpcWithSubnetsInOneZoneIsRefused() {
        subnet(ZONE_A);
        subnet(ZONE_A);
        subnet("eu-central-1c");
        refused("{'vpcId': '" + vpc + "'}", tooFewZones(1));
    }

    private String tooFewZones(int usable) {
        return "network: " + vpc + " has usable subnets in " + usable + " of the zones that offer CloudHSM ("
                + "eu-central-1a, eu-central-1b); a key store needs HSMs in 2. Create subnets, or name others in"
                + " network.subnetIds";
    }

    @Test
    void vpcWithoutSubnetsIsRefused() {
        refused("{'vpcId': '" + vpc + "'}", tooFewZones(0));
    }

    @Test
    void subnetWithoutFreeAddressesIsNamedWhereItMatters() {
        var a = subnet(ZONE_A);
        var b = subnet(ZONE_B);
        fill(b, 2);
        refused("{'vpcId': '" + vpc + "'}", "network: " + tooFull(b), tooFewZones(1));
        refused("{'subnetIds': ['" + a + "', '" + b + "']}", "network.subnetIds: " + tooFull(b));
    }

    @Test
    void fullSubnetIsPassedOverForTheEmptiestOfItsZone() {
        var a = subnet(ZONE_A);
        var full = subnet(ZONE_B);
        var fuller = subnet(ZONE_B);
        var emptiest = subnet(ZONE_B);
        fill(full, 2);
        fill(fuller, 3);
        assertEquals(List.of(a, emptiest), planned("{'vpcId': '" + vpc + "'}"));
    }

    @Test
    void subnetsOfOneZoneAreRefused() {
        var one = subnet(ZONE_A);
        var other = subnet(ZONE_A);
        refused(
                "{'subnetIds': ['" + one + "', '" + other + "']}",
                "network.subnetIds: " + one + " and " + other
                        + " are both in eu-central-1a; CloudHSM takes one subnet in a zone");
    }

    @Test
    void subnetsOfTwoVpcsAreRefused() {
        var here = subnet(ZONE_A);
        var elsewhere = AWS.subnetIds().get(1);
        var defaultVpc = AWS.cloud.ec2().subnet(elsewhere).orElseThrow().vpcId();
        var both = List.of(vpc, defaultVpc).stream().sorted().toList();
        refused(
                "{'subnetIds': ['" + here + "', '" + elsewhere + "']}",
                "network.subnetIds: are in several VPCs: " + String.join(", ", both));
        refused(
                "{'vpcId': '" + vpc + "', 'subnetIds': ['" + here + "', '" + elsewhere + "']}",
                "network.subnetIds: " + elsewhere + " is in " + defaultVpc + ", not in " + vpc);
    }

    @Test
    void regionsWithoutCloudHsmOrItsKeyStoresAreRefused() {
        assertEquals(
                "1. Region: KMS has no CloudHSM key stores in ap-southeast-4; deploy the pipeline elsewhere",
                problemsIn("ap-southeast-4"));
        assertEquals(
                "1. Region: CloudHSM is not offered in eu-central-9; deploy the pipeline elsewhere",
                problemsIn("eu-central-9"));
    }

    private static String problemsIn(String region) {
        var problems = new Problems();
        assertTrue(new RegionCheck(EC2, region, problems).zones().isEmpty());
        return problems.message();
    }
}
