package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A teardown that is asked for wrongly, then leaves something: each time what the runbook advises ends it. */
class UnfinishedTeardownTest {
    @Test
    void aKeyMadeMeanwhileKeepsTheStoreUntilATeardownTakesThatKeyToo() {
        try (var pipeline = Pipeline.deploy(1, TeardownTest.SELDOM)) {
            var before = Holdings.of(pipeline.cloud());
            var provisioned = pipeline.provision("up", "{}");
            assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
            var store = Json.parse(provisioned.output()).path("keyStoreId").asText();
            var misspelt = pipeline.tearDown("misspelt", TeardownTest.input("defalt", "\"data\":\"DELETE\""));
            assertEquals("NO_SUCH_DEPLOYMENT", misspelt.error());
            assertTrue(misspelt.cause().contains("Known are \"default\""), misspelt::cause);
            var mistyped = pipeline.tearDown("mistyped", TeardownTest.input("default", "\"data\":\"delete\""));
            assertEquals("INVALID_INPUT", mistyped.error());
            assertTrue(mistyped.cause().contains("must be one of DELETE, "), mistyped::cause);

            var execution = pipeline.startTeardown("down", TeardownTest.input("default", "\"data\":\"DELETE\""));
            pipeline.runUntilEntered("down", "ScheduleKeyDeletion");
            pipeline.kms().createKey(create -> create.customKeyStoreId(store).origin(OriginType.AWS_CLOUDHSM));
            var incomplete = pipeline.endOfTeardown(execution);
            assertEquals("TEARDOWN_INCOMPLETE", incomplete.error(), incomplete::cause);
            assertTrue(incomplete.cause().contains("KEY_STORE_HAS_KEYS"), incomplete::cause);

            var again = pipeline.tearDown(
                    "again", TeardownTest.input("default", "\"data\":\"DELETE\",\"evenIfShared\":true"));
            assertEquals(ExecutionStatus.SUCCEEDED, again.status(), () -> again.error() + ": " + again.cause());
            pipeline.cloud().advance(TeardownTest.RESTORABLE);
            assertEquals("", TeardownTest.leftSince(before, pipeline));
        }
    }
}
