package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.cloudhsm.HsmHardware;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What a run settles of the questions in docs/limits.md, with the embedded AWS answering one way, then the other. */
class ObservationsTest {
    /** The third HSM is asked for while the second is on its way. */
    private static final String THREE_HSMS = "{\"hsm\": {\"count\": 3}}";

    private final Pipeline pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(1 hour)"));

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void whatTheEmbeddedAwsUsuallyAnswersIsInTheEvidence() {
        var provisioned = succeeded(pipeline.provision("first", THREE_HSMS));
        assertEquals(
                List.of(
                        "tags-of-a-new-resource cluster: shown once it is UNINITIALIZED",
                        "cluster-certificate accepted: a certificate of 3652 days, a root of 3652 days with path"
                                + " length 0",
                        "hardware-certificates HsmCertificate SHA256withRSA, RSA 2048, no extensions;"
                                + " AwsHardwareCertificate SHA256withRSA, RSA 2048, with extensions;"
                                + " ManufacturerHardwareCertificate SHA256withRSA, RSA 2048, with extensions",
                        "create-hsm-while-another-is-created refused with CloudHsmInvalidRequestException: Cluster"
                                + " 'CLUSTER' cannot be given another HSM while HSM 'HSM' is CREATE_IN_PROGRESS",
                        "cluster-state-while-an-hsm-is-added ACTIVE",
                        "update-object-encryption-with-a-cloudhsm-key accepted: the probe's ETag is unchanged"),
                observations(pipeline.evidence(provisioned)));
        assertTrue(page(provisioned).contains("<h2>What this run settled</h2>"), "people read the page");
        var again = succeeded(pipeline.provision("again", "{}"));
        assertEquals(List.of(), observations(pipeline.evidence(again)), "a run with nothing to do meets nothing");
        assertFalse(page(again).contains("What this run settled"));

        var paused = succeeded(pipeline.run("Pause", "pause", "{}"));
        assertEquals(List.of("deleted-stays-listed HSM: listed as DELETED"), observations(Json.parse(paused.output())));
        var resumed = succeeded(pipeline.provision("resume", "{}"));
        assertTrue(
                observations(pipeline.evidence(resumed)).contains("keys-after-hsms-came-back KMS serves by itself"),
                () -> observations(pipeline.evidence(resumed)).toString());

        var down = succeeded(pipeline.tearDown(
                "down", "{\"deployment\": \"default\", \"confirm\": \"default\", \"data\": \"DELETE\"}"));
        assertEquals(
                List.of(
                        "deleted-stays-listed HSM: listed as DELETED",
                        "kms-cmk-deletion-event came",
                        "deleted-stays-listed cluster: listed as DELETED"),
                observations(pipeline.evidence(down)),
                "what was met days before the report is in it as well");
    }

    @Test
    void whatItAnswersTheOtherWayEndsNoRunAndIsInTheEvidence() {
        var cloudHsm = pipeline.cloud().cloudHsm();
        cloudHsm.showUpdates(true);
        cloudHsm.acceptConcurrentHsms(true);
        cloudHsm.hardwareIs(HsmHardware.WITHOUT_EXTENSIONS);
        cloudHsm.deletedStaysListed(false);
        cloudHsm.zoneIsFull("eu-central-1a", true);
        pipeline.cloud().kms().failNextConnection("NETWORK_ERRORS");
        pipeline.cloud().s3().refuseEncryptionUpdates(true);
        pipeline.cloud().events().loseNext("KMS CMK Deletion");

        var execution = pipeline.start("first", THREE_HSMS);
        pipeline.runUntilEntered("first", "VerifyHsmIdentity");
        cloudHsm.zoneIsFull("eu-central-1a", false);
        var seen = observations(pipeline.evidence(succeeded(pipeline.end(execution))));
        assertTrue(
                seen.contains("create-hsm-refused refused with CloudHsmServiceException: There is"
                        + " insufficient capacity in Availability Zone 'eu-central-1a' to create an HSM"),
                seen::toString);
        assertTrue(
                seen.stream()
                        .anyMatch(one -> one.startsWith("hardware-certificates") && !one.contains("with extensions")),
                seen::toString);
        assertTrue(seen.contains("create-hsm-while-another-is-created accepted"), seen::toString);
        assertTrue(seen.contains("cluster-state-while-an-hsm-is-added UPDATE_IN_PROGRESS"), seen::toString);
        assertTrue(
                seen.stream().anyMatch(one -> one.startsWith("connection-error-code NETWORK_ERRORS. Cluster ")),
                seen::toString);
        assertTrue(
                seen.contains("update-object-encryption-with-a-cloudhsm-key not used: the probe was copied"),
                seen::toString);

        var paused = succeeded(pipeline.run("Pause", "pause", "{}"));
        assertEquals(
                List.of("deleted-stays-listed HSM: not listed any more"), observations(Json.parse(paused.output())));
        pipeline.loseCluster();
        var resumed = observations(pipeline.evidence(succeeded(pipeline.provision("resume", "{}"))));
        assertTrue(
                resumed.stream()
                        .anyMatch(one ->
                                one.startsWith("keys-after-hsms-came-back refused with KMSInvalidStateException: ")),
                resumed::toString);

        var down = succeeded(pipeline.tearDown(
                "down", "{\"deployment\": \"default\", \"confirm\": \"default\", \"data\": \"DELETE\"}"));
        assertEquals(
                List.of(
                        "deleted-stays-listed HSM: not listed any more",
                        "kms-cmk-deletion-event the health check saw it first",
                        "deleted-stays-listed cluster: not listed any more"),
                observations(pipeline.evidence(down)));
    }

    @Test
    void aRunThatEndsByNameSaysWhatItHasSettled() {
        pipeline.cloud().cloudHsm().zoneIsFull("eu-central-1a", true);
        pipeline.cloud().cloudHsm().zoneIsFull("eu-central-1b", true);
        var ended = pipeline.provision("first", "{}");
        assertEquals("NO_HSM_CAPACITY", ended.error(), ended::cause);
        var told = pipeline.cloud().sns().published().getLast().message();
        assertTrue(
                told.contains("- create-hsm-refused: refused with CloudHsmServiceException: There is"
                        + " insufficient capacity in Availability Zone 'eu-central-1b' to create an HSM\n"),
                told);
    }

    private static DescribeExecutionResponse succeeded(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        return execution;
    }

    /** Question and answer of each, in their order, without what is another in each run. */
    private static List<String> observations(JsonNode document) {
        return StreamSupport.stream(document.required("observations").spliterator(), false)
                .map(one -> one.required("question").asText() + " "
                        + one.required("answer")
                                .asText()
                                .replaceAll("cluster-[a-z2-7]{11}", "CLUSTER")
                                .replaceAll("hsm-[a-z2-7]{11}", "HSM"))
                .toList();
    }

    private String page(DescribeExecutionResponse execution) {
        var report = Json.parse(execution.output()).path("report");
        return pipeline.s3()
                .getObjectAsBytes(get -> get.bucket(report.path("bucket").asText())
                        .key(report.path("page").asText()))
                .asUtf8String();
    }
}
