package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.TestChain;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.x500.X500Name;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

/** The pinned AWS root ends on 2027-04-26: a provisioning of the day after is decided on before anything bills. */
class ExpiredRootTest {
    private static final Instant THE_DAY_AFTER = Instant.parse("2027-04-27T09:00:00Z");
    private static final String PINNED = """
        hsmIdentity.expiredRoot: no HSM could be verified: the AWS CloudHSM root "CN=AWS CloudHSM Root G1, \
        OU=CloudHSM, O=Amazon Web Services INC., L=Herndon, ST=Virginia, C=US" is valid from 2017-04-28T08:37:46Z to \
        2027-04-26T08:37:46Z, but now is 2027-04-27T09:00:00Z; deploy with a root that is valid in \
        AwsRootCertificate, if AWS has published one, or give ACCEPT_PINNED, which trusts the pinned name and key \
        beyond that date while every certificate under them is valid\
        """;

    private final EmbeddedAws aws = new EmbeddedAws();

    @BeforeEach
    void createTable() {
        PreflightScenario.createTable(aws);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome plan(String awsRootCertificate, String request) {
        var runtime = aws.runtime(Clock.fixed(THE_DAY_AFTER, ZoneOffset.UTC));
        try {
            return PreflightScenario.stage(aws, Quotas.DEFAULT, awsRootCertificate, runtime)
                    .run(
                            new Preflight.Input(
                                    PreflightScenario.EXECUTION, Json.MAPPER.readTree(request.replace('\'', '"'))),
                            Optional.empty());
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Plan planned(Outcome outcome) {
        return PreflightScenario.plan(outcome);
    }

    private static String problems(Outcome outcome) {
        var failed = assertInstanceOf(Outcome.Failed.class, outcome);
        assertEquals("INVALID_INPUT", failed.reason());
        return failed.message();
    }

    /** A root that is valid on the day. */
    private static String successor() {
        return Pem.of(TestChain.root("CN=AWS CloudHSM Root G2", TestChain.rsa(2048)));
    }

    @Test
    void defaultsAreRefusedBeforeAnythingBills() {
        assertTrue(problems(plan("", "{}")).endsWith("\n1. " + PINNED), () -> problems(plan("", "{}")));
        for (var operation : new String[] {"CreateCluster", "CreateHsm", "CreateBucket", "CreateKey", "PutItem"}) {
            assertEquals(0, aws.cloud.calls(operation), operation);
        }
    }

    @Test
    void pinnedRootIsAcceptedIfThatIsAskedFor() {
        var plan = planned(plan("", "{'hsmIdentity': {'expiredRoot': 'ACCEPT_PINNED'}}"));
        assertEquals(ExpiredRoot.ACCEPT_PINNED, plan.expiredRoot());
    }

    @Test
    void nothingIsRefusedWhereNothingHasToBeVerified() {
        assertEquals(
                ExpiredRoot.REFUSE,
                planned(plan("", "{'hsmIdentity': {'policy': 'SKIP'}}")).expiredRoot());
    }

    @Test
    void successorBesideAnExpiredRootIsEnough() {
        var keys = TestChain.rsa(2048);
        var name = "CN=AWS CloudHSM Root G1";
        var expired = TestChain.issue(name, keys.getPrivate(), new X500Name(name), keys, Duration.ofDays(30));
        planned(plan(Pem.of(expired) + successor(), "{}"));
        var alone = problems(plan(Pem.of(expired), "{'hsmIdentity': {'expiredRoot': 'ACCEPT_PINNED'}}"));
        assertTrue(alone.contains("no HSM could be verified"), alone);
        assertFalse(alone.contains("ACCEPT_PINNED"), "it would not help: this root is not the pinned one");
    }

    @Test
    void unusableParameterOfTheStackIsNamedBeforeAnythingBills() {
        var problems = problems(plan("-----BEGIN CERTIFICATE-----", "{}"));
        assertTrue(
                problems.contains("AwsRootCertificate: the parameter that the stack was deployed with cannot be used: a"
                        + " \"BEGIN CERTIFICATE\" block has no \"END CERTIFICATE\""),
                problems);
    }

    @Test
    void rootOfAwsInTheManufacturersPlaceIsNamed() {
        var root = successor();
        var request = Json.MAPPER.createObjectNode();
        request.putObject("hsmIdentity").put("manufacturerRootCertificate", root);
        var problems = problems(plan(root, request.toString()));
        assertTrue(
                problems.endsWith("1. hsmIdentity.manufacturerRootCertificate: has the key of the AWS CloudHSM root"
                        + " \"CN=AWS CloudHSM Root G2\"; give the manufacturer's own root"),
                problems);
    }

    @Test
    void initializedClusterGoesOnBecauseNothingIsVerifiedAnyMore() {
        var clusterId = aws.givenFirstHsm();
        var request = "{'deployment': 'demo'}";
        assertTrue(problems(plan("", request)).contains("no HSM could be verified"), "its HSM is not verified yet");
        var clock = aws.cloud.time().clock();
        var ca = ClusterCa.create("demo", Duration.ofDays(3652), clock);
        var certificate = ca.sign(Pem.csr(aws.cluster(clusterId).certificates().clusterCsr()), clock);
        aws.cloudHsm.initializeCluster(initialization -> initialization
                .clusterId(clusterId)
                .signedCert(Pem.of(certificate))
                .trustAnchor(Pem.of(ca.root())));
        aws.cloud.advance(Duration.ofMinutes(15));
        assertEquals(ClusterState.INITIALIZED, aws.cluster(clusterId).state());
        var holds = new VerifyHsmIdentity.Chain(true, "holds");
        aws.deployments()
                .verified(
                        "demo",
                        new VerifyHsmIdentity.Output(
                                VerifyHsmIdentity.Verdict.VERIFIED_AWS,
                                Encoded.keySha256(certificate.getPublicKey()),
                                holds,
                                holds,
                                List.of()));
        planned(plan("", request));
    }
}
