package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.health.Healings;
import cloudhsm.pipeline.provisioning.health.HealthCheck;
import cloudhsm.pipeline.provisioning.health.SelfHealing;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** What the last stage of a provisioning takes, and what it leaves in the evidence bucket. */
class ReportTest {
    private static ObjectNode evidence() throws IOException {
        try (var sample = ReportTest.class.getResourceAsStream("/evidence.json")) {
            return (ObjectNode) Json.MAPPER.readTree(sample);
        }
    }

    private static ObjectNode input() throws IOException {
        return evidence().without(List.of("finished", "took", "stages", "cost", "observations"));
    }

    private static Set<String> names(ObjectNode object) {
        return object.propertyStream().map(Map.Entry::getKey).collect(Collectors.toCollection(TreeSet::new));
    }

    /**
     * Runs the stage for an execution that was started 48 minutes ago.
     *
     * @param found of what Preflight found, what is not as in the sample
     */
    private static Report.Output reported(TestAccount aws, Map<String, Object> found) throws IOException {
        aws.deployments(); // its table takes its time
        var input = input().put("execution", aws.runningExecution("first"));
        input.put(
                "startTime",
                aws.cloud.time().now().minus(Duration.ofMinutes(48)).toString());
        found.forEach((name, value) -> input.withObject("/found").putPOJO(name, value));
        aws.s3.createBucket(bucket -> bucket.bucket("evidence")
                .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
        var dynamoDb = aws.client(DynamoDbClient.builder());
        var notifications = new Notifications(aws.sns, aws.cloud.sns().createTopic("pipeline", Map.of()));
        var healing = new SelfHealing(
                aws.deployments(),
                new HealthCheck(aws.cloudHsm, aws.kms),
                new Healings(dynamoDb, PipelineTable.NAME),
                notifications,
                aws.runtime);
        var stage = new Report(
                new EvidenceBucket(aws.s3, "evidence"),
                aws.deployments(),
                healing,
                notifications,
                HsmPrice.of("us-east-1", "", Optional::empty),
                aws.runtime);
        var read = Json.MAPPER.readValue(input.toString(), Report.Input.class);
        return TestAccount.done(stage.run(read, Optional.empty()), Report.Output.class);
    }

    @Test
    void whatAPersonStartedIsRememberedWithTheEvidenceAndNobodyIsTold() throws IOException {
        try (var aws = new TestAccount()) {
            var output = reported(aws, Map.of());
            assertEquals("default/first.json", output.key());
            var written = aws.s3
                    .getObjectAsBytes(get -> get.bucket("evidence").key(output.key()))
                    .asUtf8String();
            assertEquals("PT48M", Json.MAPPER.readTree(written).path("took").asText());
            assertEquals(2, Json.MAPPER.readTree(written).at("/cost/hsms").asInt());
            var record = aws.deployments().find("default").orElseThrow();
            assertEquals(Phase.RUNNING, record.phase());
            assertEquals(
                    Set.of("cluster", "certificate", "activation", "kmsUser", "keyStore", "key", "buckets"),
                    names((ObjectNode) record.resources()));
            assertEquals(Set.of("hsm-gj4emmk24yw", "hsm-se5f4j33tti"), record.provenHsms());
            assertEquals(List.of(), aws.cloud.sns().published());
        }
    }

    @Test
    void whatTheHealthCheckStartedIsToldToHaveHealed() throws IOException {
        try (var aws = new TestAccount()) {
            reported(aws, Map.of("healing", true, "reason", "An HSM was lost."));
            var told = aws.cloud.sns().published();
            assertEquals(1, told.size(), told::toString);
            assertEquals("CloudHSM pipeline has healed default", told.getFirst().subject());
            var message = told.getFirst().message();
            assertTrue(message.startsWith("Deployment default is healthy again after 48 minutes."), message);
            assertTrue(message.contains("Before: An HSM was lost."), message);
        }
    }

    @Test
    void whatWasPausedIsToldToRunAgainWithWhatItCosts() throws IOException {
        try (var aws = new TestAccount()) {
            reported(aws, Map.of("resumed", true));
            var told = aws.cloud.sns().published();
            assertEquals(1, told.size(), told::toString);
            assertEquals(
                    "CloudHSM pipeline: \"default\" runs again", told.getFirst().subject());
            var message = told.getFirst().message();
            assertTrue(message.contains("cluster cluster-jekom6scvxg has 2 HSMs"), message);
            assertTrue(message.contains("The HSMs bill 3.84 USD an hour"), message);
        }
    }

    @Test
    void whatTheStagesMadeIsInTheEvidenceUnderItsOwnNames() throws IOException {
        var input = Json.MAPPER.treeToValue(input(), Report.Input.class);
        var read = Json.MAPPER.treeToValue(evidence(), Report.Evidence.class);
        assertEquals(input, read.made());
        var written = (ObjectNode) Json.MAPPER.readTree(Json.MAPPER.writeValueAsString(read));
        assertEquals(names(evidence()), names(written));
        assertEquals(input(), written.without(List.of("finished", "took", "stages", "cost", "observations")));
    }

    @Test
    void aMemberThatNoStageMakesIsRefused() throws IOException {
        var input = input().put("more", 1);
        var refused = assertThrows(
                UnrecognizedPropertyException.class, () -> Json.MAPPER.treeToValue(input, Report.Input.class));
        assertEquals("more", refused.getPropertyName());
    }

    @Test
    void aMemberThatIsMissingIsRefused() throws IOException {
        for (var name : names(input())) {
            var input = input();
            input.remove(name);
            assertThrows(
                    MismatchedInputException.class, () -> Json.MAPPER.treeToValue(input, Report.Input.class), name);
        }
    }
}
