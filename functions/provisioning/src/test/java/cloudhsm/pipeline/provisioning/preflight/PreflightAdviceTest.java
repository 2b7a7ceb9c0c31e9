package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is refused although AWS would take it, and that the advice gets past it. */
class PreflightAdviceTest {
    private static final String BUCKET = "{\"deployment\": \"%s\", \"bucket\": {\"name\": \"quarterly-reports\"}}";

    private final EmbeddedAws aws = new EmbeddedAws();

    @BeforeEach
    void createTable() {
        PreflightScenario.createTable(aws);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome run(String request) throws JsonProcessingException {
        return PreflightScenario.stage(aws)
                .run(new Preflight.Input(PreflightScenario.EXECUTION, Json.MAPPER.readTree(request)), Optional.empty());
    }

    @Test
    void aBucketOfAnotherDeploymentIsNotTakenOverAndAnotherNameOrItsTeardownHelps() throws JsonProcessingException {
        assertInstanceOf(Outcome.Done.class, run(BUCKET.formatted("reports")));
        assertInstanceOf(Outcome.Done.class, run(BUCKET.formatted("reports")), "its own is its own");
        var refused = assertInstanceOf(Outcome.Failed.class, run(BUCKET.formatted("archive")));
        assertTrue(
                refused.message()
                        .endsWith("1. bucket.name: \"quarterly-reports\" is the bucket of the deployment \"reports\";"
                                + " choose another name, or tear that deployment down"),
                refused::message);

        assertInstanceOf(Outcome.Done.class, run("{\"deployment\": \"archive\"}"));
        PreflightScenario.deployments(aws).remove("reports"); // as the last stage of its teardown does
        assertInstanceOf(Outcome.Done.class, run(BUCKET.formatted("archive")));
    }
}
