package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.TestChain;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong with an input, the message says exactly what, and nothing has been created. */
class InvalidInputTest {
    private static final EmbeddedAws AWS = new EmbeddedAws();
    private static final Preflight STAGE = PreflightScenario.stage(AWS);

    @BeforeAll
    static void createTable() {
        PreflightScenario.createTable(AWS);
    }

    @AfterAll
    static void close() {
        AWS.close();
    }

    @AfterEach
    void nothingWasCreated() {
        for (var operation : new String[] {"CreateCluster", "CreateHsm", "CreateBucket", "CreateKey", "PutItem"}) {
            assertEquals(0, AWS.cloud.calls(operation), operation);
        }
    }

    private static String rejection(JsonNode request) {
        var outcome = STAGE.run(new Preflight.Input(PreflightScenario.EXECUTION, request), Optional.empty());
        var failed = assertInstanceOf(Outcome.Failed.class, outcome, "the input must not be accepted");
        assertEquals("INVALID_INPUT", failed.reason());
        return failed.message();
    }

    private static Arguments bad(String request, String message) {
        return Arguments.of(request.replace('\'', '"'), message);
    }

    /** A key policy with one statement that allows everything to whom it says. */
    private static Arguments openPolicy(String whom, String statement) {
        return bad(
                "{'key': {'policy': {'Statement': [{'Effect': 'Allow', 'Action': 'kms:*', 'Resource': '*', " + whom
                        + "}]}}}",
                "key.policy: " + statement + " is for everybody, in every account: name its principals, or add a"
                        + " condition such as {\"StringEquals\": {\"kms:CallerAccount\": \"111122223333\"}}");
    }

    private static String subnet(int index) {
        return AWS.cloud.ec2().subnets().get(index).subnetId();
    }

    private static String quotedPem(String pem) {
        return Json.MAPPER.valueToTree(pem).toString();
    }

    static Stream<Arguments> badInputs() {
        return Stream.of(
                bad("[]", "input: the execution input must be a JSON object, not an array"),
                bad(
                        "{'dployment': 'x'}",
                        "dployment: is not a known field; here are atLimit, bucket, buckets, client, cluster,"
                                + " clusterCertificate, deployment, healthCheck, hsm, hsmIdentity, key, keyStore,"
                                + " maxCostUsd, network, recovery, teardownAfter"),
                bad("{'bucket': {'nam': 'x'}}", "bucket.nam: is not a known field; here are adopt, name"),
                bad("{'bucket': null}", "bucket: must be an object, not null"),
                bad("{'buckets': {}}", "buckets: must be an array of objects, not an object"),
                bad("{'buckets': ['x']}", "buckets[0]: must be an object, not the text \"x\""),
                bad(
                        "{'buckets': [{'name': 'a-b-c'}, {'nam': 'x'}]}",
                        "buckets[1].nam: is not a known field; here are adopt, name"),
                bad(
                        "{'bucket': {'name': 'a-b-c'}, 'buckets': [{'name': 'd-e-f'}]}",
                        "bucket: is short for buckets with one in it; give either of them, not both"),
                bad(
                        "{'buckets': [{'name': 'a-b-c'}, {'name': 'a-b-c', 'adopt': true}]}",
                        "buckets[1].name: \"a-b-c\" is listed twice"),
                bad(
                        "{'buckets': ["
                                + IntStream.range(0, 21)
                                        .mapToObj(i -> "{'name': 'photos-" + i + "'}")
                                        .collect(Collectors.joining(","))
                                + "]}",
                        "buckets: a deployment has at most 20 buckets, as they are proven one after the other; with"
                                + " those that it has already, these are 21"),
                bad("{'deployment': 7}", "deployment: must be text, not 7"),
                bad(
                        "{'deployment': 'Demo'}",
                        "deployment: \"Demo\" must have 1 to 32 characters, all lower-case letters, digits or hyphens"),
                bad(
                        "{'deployment': ''}",
                        "deployment: \"\" must have 1 to 32 characters, all lower-case letters, digits or hyphens"),
                bad(
                        "{'deployment': 'a-name-of-thirty-two-characters-'}",
                        "bucket.name: the default"
                            + " \"cloudhsm-a-name-of-thirty-two-characters--111122223333-eu-central-1\" must have 3 to"
                            + " 63 characters; it has 67"),
                bad(
                        "{'network': {'vpcId': 'vpc-1'}}",
                        "network.vpcId: \"vpc-1\" is not the id of a VPC, such as \"vpc-0a1b2c3d4e5f67890\""),
                bad(
                        "{'network': {'vpcId': 'vpc-0a1b2c3d'}}",
                        "network.vpcId: vpc-0a1b2c3d does not exist in eu-central-1"),
                bad(
                        "{'network': {'subnetIds': ['subnet-0a1b2c3d']}}",
                        "network.subnetIds: one subnet is not enough: a KMS key store needs HSMs in two zones, so give"
                                + " two subnets"),
                bad(
                        "{'network': {'subnetIds': ['subnet-0a1b2c3d', 'net-1']}}",
                        "network.subnetIds: \"net-1\" is not the id of a subnet, such as \"subnet-0a1b2c3d4e5f67890\""),
                bad(
                        "{'network': {'subnetIds': ['subnet-0a1b2c3d', 'subnet-0a1b2c3d']}}",
                        "network.subnetIds: \"subnet-0a1b2c3d\" is listed twice"),
                bad(
                        "{'network': {'subnetIds': 'subnet-0a1b2c3d'}}",
                        "network.subnetIds: must be an array of texts, not the text \"subnet-0a1b2c3d\""),
                bad(
                        "{'network': {'subnetIds': ['" + subnet(0) + "', 'subnet-0a1b2c3d']}}",
                        "network.subnetIds: subnet-0a1b2c3d does not exist in eu-central-1"),
                bad(
                        "{'network': {'subnetIds': ['" + subnet(0) + "', '" + subnet(2) + "']}}",
                        "network.subnetIds: " + subnet(2) + " is in eu-central-1c, which does not offer CloudHSM;"
                                + " eu-central-1a, eu-central-1b do"),
                bad(
                        "{'hsm': {'type': 'hsm1.medium'}}",
                        "hsm.type: \"hsm1.medium\" cannot be used: no new clusters since April 2025, support ended on"
                                + " 31 March 2026; use \"hsm2m.medium\""),
                bad(
                        "{'hsm': {'type': 'hsm9.large'}}",
                        "hsm.type: \"hsm9.large\" is not an HSM type for new clusters; use \"hsm2m.medium\""),
                bad("{'hsm': {'mode': 'fips'}}", "hsm.mode: must be one of FIPS, NON_FIPS, not \"fips\""),
                bad("{'teardownAfter': 'PT1H'}", "teardownAfter: must be from PT2H to P365D, not PT1H"),
                bad("{'teardownAfter': '2h'}", "teardownAfter: \"2h\" is not an ISO-8601 duration, such as \"PT8H\""),
                bad(
                        "{'maxCostUsd': 5}",
                        "maxCostUsd: must be at least 7.68, the price of 2 HSMs for 2 hours, because provisioning"
                            + " alone takes about one; not 5. 1.92 USD per HSM and hour is the price in eu-central-1"
                            + " as of 2025-02-24; if it has changed, set the stack's parameter PricePerHsmHour."),
                bad("{'maxCostUsd': '9'}", "maxCostUsd: must be a number, not the text \"9\""),
                bad("{'atLimit': 'PAUSE'}", "atLimit: needs a limit: give teardownAfter or maxCostUsd"),
                bad("{'hsm': {'count': 1}}", "hsm.count: must be from 2 to 6, not 1"),
                bad("{'hsm': {'count': 7}}", "hsm.count: must be from 2 to 6, not 7"),
                bad("{'hsm': {'count': '3'}}", "hsm.count: must be a whole number, not the text \"3\""),
                bad("{'hsm': {'count': 2.5}}", "hsm.count: must be a whole number, not 2.5"),
                bad(
                        "{'hsm': {'count': 3}, 'maxCostUsd': 9}",
                        "maxCostUsd: must be at least 11.52, the price of 3 HSMs for 2 hours, because provisioning"
                                + " alone takes about one; not 9. 1.92 USD per HSM and hour is the price in"
                                + " eu-central-1 as of 2025-02-24; if it has changed, set the stack's parameter"
                                + " PricePerHsmHour."),
                bad(
                        "{'maxCostUsd': 9, 'atLimit': 'STOP'}",
                        "atLimit: must be one of PAUSE, TEARDOWN, NONE, not \"STOP\""),
                bad(
                        "{'maxCostUsd': 9, 'atLimit': 'NONE'}",
                        "atLimit: NONE takes all limits back, so it does not go with teardownAfter or maxCostUsd; leave"
                                + " one of them out, or choose PAUSE or TEARDOWN"),
                bad(
                        "{'recovery': {'backupId': 'newest'}}",
                        "recovery.backupId: \"newest\" is not the id of a backup, such as \"backup-rtq2dwi2gq6\""),
                bad(
                        "{'recovery': {'backup': 'backup-rtq2dwi2gq6'}}",
                        "recovery.backup: is not a known field; here are backupId"),
                bad(
                        "{'recovery': {'backupId': 'backup-rtq2dwi2gq6'}}",
                        "recovery.backupId: \"backup-rtq2dwi2gq6\" is no READY backup of a cluster of this deployment;"
                                + " there is none"),
                bad("{'healthCheck': ['HSM_LOST']}", "healthCheck: must be text, not an array"),
                bad(
                        "{'healthCheck': '" + "x".repeat(2001) + "'}",
                        "healthCheck: must have at most 2000 characters; it has 2001"),
                bad("{'hsm': {'backupRetentionDays': 6}}", "hsm.backupRetentionDays: must be from 7 to 379, not 6"),
                bad("{'hsm': {'backupRetentionDays': 380}}", "hsm.backupRetentionDays: must be from 7 to 379, not 380"),
                bad(
                        "{'hsm': {'backupRetentionDays': '90'}}",
                        "hsm.backupRetentionDays: must be a whole number, not the text \"90\""),
                bad(
                        "{'hsm': {'backupRetentionDays': 90.5}}",
                        "hsm.backupRetentionDays: must be a whole number, not 90.5"),
                bad(
                        "{'hsmIdentity': {'policy': 'TRUST'}}",
                        "hsmIdentity.policy: must be one of REQUIRE_AWS, REQUIRE_BOTH, SKIP, not \"TRUST\""),
                bad(
                        "{'hsmIdentity': {'policy': 'REQUIRE_BOTH'}}",
                        "hsmIdentity.policy: REQUIRE_BOTH needs hsmIdentity.manufacturerRootCertificate; give it, or"
                                + " choose REQUIRE_AWS"),
                bad(
                        "{'hsmIdentity': {'manufacturerRootCertificate': 'mrvl.crt'}}",
                        "hsmIdentity.manufacturerRootCertificate: there is no \"BEGIN CERTIFICATE\" block"),
                bad(
                        "{'hsmIdentity': {'manufacturerRootCertificate': " + quotedPem(expiredRoot()) + "}}",
                        "hsmIdentity.manufacturerRootCertificate: the certificate \"CN=old\" expired on"
                                + " 2026-11-01T10:00:00Z"),
                bad(
                        "{'hsmIdentity': {'manufacturerRootCertificate': " + quotedPem(leaf()) + "}}",
                        "hsmIdentity.manufacturerRootCertificate: the certificate \"CN=leaf\" is not self-signed, so it"
                                + " is not a root"),
                bad(
                        "{'hsmIdentity': {'manufacturerRootCertificate': " + quotedPem(futureRoot()) + "}}",
                        "hsmIdentity.manufacturerRootCertificate: the certificate \"CN=new\" is not valid before"
                                + " 2026-11-09T09:00:00Z, and now is 2026-11-02T09:01:00Z"),
                bad(
                        "{'hsmIdentity': {'manufacturerRootCertificate': " + quotedPem(weakRoot()) + "}}",
                        "hsmIdentity.manufacturerRootCertificate: the certificate \"CN=weak\" has an RSA key of 1024"
                                + " bits with the public exponent 65537 (1.2.840.113549.1.1.1); accepted are RSA of at"
                                + " least 2048 bits with an odd exponent above 65536, and EC on a named curve of at"
                                + " least 256 bits"),
                bad(
                        "{'hsmIdentity': {'manufacturerRootCertificate': " + quotedPem(leaf() + leaf()) + "}}",
                        "hsmIdentity.manufacturerRootCertificate: there are 2 \"CERTIFICATE\" blocks; give one"),
                bad(
                        "{'hsmIdentity': {'expiredRoot': 'ACCEPT'}}",
                        "hsmIdentity.expiredRoot: must be one of REFUSE, ACCEPT_PINNED, not \"ACCEPT\""),
                bad(
                        "{'clusterCertificate': {'validity': '31 hours'}}",
                        "clusterCertificate.validity: \"31 hours\" is not an ISO-8601 duration in days, such as"
                                + " \"P3652D\""),
                bad(
                        "{'clusterCertificate': {'validity': 'P-3652D'}}",
                        "clusterCertificate.validity: must be from P30D to P7304D, not P-3652D"),
                bad(
                        "{'clusterCertificate': {'validity': 'PT31H'}}",
                        "clusterCertificate.validity: must be from P30D to P7304D, not PT31H"),
                bad(
                        "{'clusterCertificate': {'validity': 'P7305D'}}",
                        "clusterCertificate.validity: must be from P30D to P7304D, not P7305D"),
                bad(
                        "{'clusterCertificate': {'caKey': 'LOSE'}}",
                        "clusterCertificate.caKey: must be one of DISCARD, KEEP, not \"LOSE\""),
                bad(
                        "{'client': {'instanceType': 'small'}}",
                        "client.instanceType: \"small\" is not an instance type, such as \"t4g.small\""),
                bad("{'client': {'keep': 'yes'}}", "client.keep: must be true or false, not the text \"yes\""),
                bad("{'keyStore': {'name': ''}}", "keyStore.name: must have 1 to 256 characters; it has 0"),
                bad(
                        "{'keyStore': {'name': '" + "x".repeat(257) + "'}}",
                        "keyStore.name: must have 1 to 256 characters; it has 257"),
                bad(
                        "{'key': {'alias': 'demo'}}",
                        "key.alias: \"demo\" must be \"alias/\" followed by letters, digits, \"/\", \"_\" or \"-\""),
                bad(
                        "{'key': {'alias': 'alias/aws/s3'}}",
                        "key.alias: \"alias/aws/s3\" is reserved: \"alias/aws/\" names AWS managed keys"),
                bad(
                        "{'key': {'description': '" + "x".repeat(8193) + "'}}",
                        "key.description: must have at most 8192 characters; it has 8193"),
                bad("{'key': {'deletable': 'yes'}}", "key.deletable: must be true or false, not the text \"yes\""),
                bad(
                        "{'key': {'administrators': ['admin']}}",
                        "key.administrators: \"admin\" is not the ARN of a role or user, such as"
                                + " \"arn:aws:iam::111122223333:role/KeyAdministrator\""),
                bad(
                        "{'key': {'users': ['arn:aws:iam::999900001111:user/eve']}}",
                        "key.users: \"arn:aws:iam::999900001111:user/eve\" belongs to the account 999900001111, not to"
                                + " 111122223333; for other accounts give key.policy"),
                bad(
                        "{'key': {'policy': {'Version': '2012-10-17'}}}",
                        "key.policy: is not a key policy: it has no \"Statement\""),
                bad(
                        "{'key': {'policy': {'Statement': [], 'Id': '" + "x".repeat(32_768) + "'}}}",
                        "key.policy: has 32792 bytes; KMS takes at most 32768 (32 KB)"),
                openPolicy("'Principal': '*'", "statement 1"),
                openPolicy("'Sid': 'Use', 'Principal': {'AWS': '*'}", "the statement \"Use\""),
                openPolicy("'Principal': {'AWS': ['arn:aws:iam::111122223333:root', '*']}", "statement 1"),
                openPolicy("'NotPrincipal': {'AWS': 'arn:aws:iam::111122223333:user/eve'}", "statement 1"),
                openPolicy(
                        "'Principal': '*', 'Condition': {'StringEquals':"
                                + " {'kms:ViaService': 's3.eu-central-1.amazonaws.com'}}",
                        "statement 1"),
                openPolicy("'Principal': '*', 'Condition': {'StringLike': {'kms:CallerAccount': '*'}}", "statement 1"),
                openPolicy(
                        "'Principal': '*', 'Condition': {'ArnLike': {'aws:PrincipalArn': 'arn:aws:iam::*:role/admin'}}",
                        "statement 1"),
                openPolicy(
                        "'Principal': '*', 'Condition': {'StringEqualsIfExists': {'aws:PrincipalOrgID': 'o-a1b2c3'}}",
                        "statement 1"),
                openPolicy(
                        "'Principal': '*', 'Condition': {'StringNotEquals': {'kms:CallerAccount': '999900001111'}}",
                        "statement 1"),
                bad(
                        "{'key': {'deletable': false}, 'teardownAfter': 'PT8H', 'atLimit': 'TEARDOWN'}",
                        "atLimit: TEARDOWN deletes the key, which \"key\": {\"deletable\": false} forbids; choose"
                                + " PAUSE, or give \"deletable\": true"),
                bad("{'bucket': {'name': 'ab'}}", "bucket.name: \"ab\" must have 3 to 63 characters; it has 2"),
                bad(
                        "{'bucket': {'name': 'My_Bucket'}}",
                        "bucket.name: \"My_Bucket\" must consist of lower-case letters, digits, hyphens and dots"),
                bad(
                        "{'bucket': {'name': '-bucket'}}",
                        "bucket.name: \"-bucket\" must begin and end with a letter or a digit"),
                bad("{'bucket': {'name': 'a..b'}}", "bucket.name: \"a..b\" must not have two dots in a row"),
                bad(
                        "{'bucket': {'name': '192.168.5.4'}}",
                        "bucket.name: \"192.168.5.4\" must not look like an IP address"),
                bad(
                        "{'bucket': {'name': 'xn--bucket'}}",
                        "bucket.name: \"xn--bucket\" must not begin with \"xn--\": reserved by S3"),
                bad(
                        "{'bucket': {'name': 'amzn-s3-demo-bucket'}}",
                        "bucket.name: \"amzn-s3-demo-bucket\" must not begin with \"amzn-s3-demo-\": reserved by S3"),
                bad(
                        "{'bucket': {'name': 'reports-444455556666-eu-central-1-an'}}",
                        "bucket.name: \"reports-444455556666-eu-central-1-an\" must not end with \"-an\", unless it is"
                                + " with \"-111122223333-eu-central-1-an\": S3 keeps that for buckets of the account's"
                                + " regional namespace"),
                bad(
                        "{'bucket': {'name': 'project-an'}}",
                        "bucket.name: \"project-an\" must not end with \"-an\", unless it is with"
                                + " \"-111122223333-eu-central-1-an\": S3 keeps that for buckets of the account's"
                                + " regional namespace"),
                bad(
                        "{'bucket': {'name': 'bucket-s3alias'}}",
                        "bucket.name: \"bucket-s3alias\" must not end with \"-s3alias\": reserved by S3"));
    }

    private static String expiredRoot() {
        var keys = TestChain.rsa(2048);
        return Pem.of(TestChain.issue("CN=old", keys.getPrivate(), new X500Name("CN=old"), keys, Duration.ofHours(1)));
    }

    private static String futureRoot() {
        var keys = TestChain.rsa(2048);
        return Pem.of(TestChain.issue(
                "CN=new",
                keys.getPrivate(),
                new X500Name("CN=new"),
                keys,
                TestChain.NOW.plus(Duration.ofDays(7)),
                Duration.ofDays(99),
                "SHA256withRSA"));
    }

    private static String weakRoot() {
        return Pem.of(TestChain.root("CN=weak", TestChain.rsa(1024)));
    }

    private static String leaf() {
        return Pem.of(TestChain.issue(
                "CN=issuer",
                TestChain.rsa(2048).getPrivate(),
                new X500Name("CN=leaf"),
                TestChain.rsa(2048),
                Duration.ofDays(99)));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("badInputs")
    void badInputIsNamedExactly(String request, String message) throws Exception {
        assertEquals(
                "The execution input does not fit, or the account is not ready: 1 problem. Nothing was created. Next:"
                        + " solve all of them, then start a new execution.\n1. " + message,
                rejection(Json.MAPPER.readTree(request)));
    }

    @Test
    void allProblemsAreToldAtOnce() throws Exception {
        var request = """
            {"depolyment": "x",
             "network": {"vpcId": "vpc", "subnetIds": ["a"]},
             "hsm": {"type": "hsm1.medium", "mode": "SECURE", "count": 0, "backupRetentionDays": 0},
             "hsmIdentity": {"policy": "REQUIRE_BOTH"},
             "clusterCertificate": {"validity": "soon", "caKey": "x"},
             "client": {"instanceType": "x"},
             "keyStore": {"name": ""},
             "key": {"alias": "x", "administrators": ["x"], "users": ["y"], "policy": {"Statement": []}},
             "bucket": {"name": "X"}}
            """;
        assertEquals("""
            The execution input does not fit, or the account is not ready: 17 problems. Nothing was created. \
            Next: solve all of them, then start a new execution.
            1. network.vpcId: "vpc" is not the id of a VPC, such as "vpc-0a1b2c3d4e5f67890"
            2. network.subnetIds: "a" is not the id of a subnet, such as "subnet-0a1b2c3d4e5f67890"
            3. network.subnetIds: one subnet is not enough: a KMS key store needs HSMs in two zones, so give two subnets
            4. hsm.type: "hsm1.medium" cannot be used: no new clusters since April 2025, support ended on 31 March 2026; use "hsm2m.medium"
            5. hsm.mode: must be one of FIPS, NON_FIPS, not "SECURE"
            6. hsm.count: must be from 2 to 6, not 0
            7. hsm.backupRetentionDays: must be from 7 to 379, not 0
            8. hsmIdentity.policy: REQUIRE_BOTH needs hsmIdentity.manufacturerRootCertificate; give it, or choose REQUIRE_AWS
            9. clusterCertificate.validity: "soon" is not an ISO-8601 duration in days, such as "P3652D"
            10. clusterCertificate.caKey: must be one of DISCARD, KEEP, not "x"
            11. client.instanceType: "x" is not an instance type, such as "t4g.small"
            12. keyStore.name: must have 1 to 256 characters; it has 0
            13. key.alias: "x" must be "alias/" followed by letters, digits, "/", "_" or "-"
            14. key.administrators: "x" is not the ARN of a role or user, such as "arn:aws:iam::111122223333:role/KeyAdministrator"
            15. key.users: "y" is not the ARN of a role or user, such as "arn:aws:iam::111122223333:role/KeyAdministrator"
            16. bucket.name: "X" must have 3 to 63 characters; it has 1
            17. depolyment: is not a known field; here are atLimit, bucket, buckets, client, cluster, clusterCertificate, deployment, healthCheck, hsm, hsmIdentity, key, keyStore, maxCostUsd, network, recovery, teardownAfter\
            """, rejection(Json.MAPPER.readTree(request)));
    }
}
