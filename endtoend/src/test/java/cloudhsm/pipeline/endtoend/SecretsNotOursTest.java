package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.secretsmanager.model.Tag;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** Secrets that somebody stores under the pipeline's names, with its tags, to have them used. */
class SecretsNotOursTest {
    private static final String PLANTED = "plantedPassword1";

    private final Pipeline pipeline = Pipeline.deploy(1, TeardownTest.SELDOM);

    private String plant(String label) {
        return pipeline.secretsManager()
                .createSecret(create -> create.name("cloudhsm-pipeline/default/" + label)
                        .secretString(PLANTED)
                        .tags(Tag.builder()
                                .key("cloudhsm-pipeline:deployment")
                                .value("default")
                                .build()))
                .arn();
    }

    private String value(String secretArn) {
        return pipeline.secretsManager()
                .getSecretValue(get -> get.secretId(secretArn))
                .secretString();
    }

    @Test
    void whatIsPlantedBeforeTheFirstRunIsUsedByNoStageAndLeftByTheTeardown() {
        try (pipeline) {
            for (var label : new String[] {"cluster-ca", "admin-password", "kmsuser-password"}) {
                var planted = plant(label);
                var refused = pipeline.provision("planted-" + label, "{}");
                assertEquals("SECRET_NOT_OURS", refused.error(), refused::cause);
                assertTrue(refused.cause().contains(planted), refused::cause);
                assertEquals(PLANTED, value(planted), "nothing was written into it");
                // As the console does it: the name stays taken for a month.
                pipeline.secretsManager().deleteSecret(delete -> delete.secretId(planted));
            }
            var provisioned = pipeline.provision("up", "{}");
            assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
            assertEquals(3, pipeline.secretsManager().listSecrets().secretList().size());

            var other = plant("another");
            var down = pipeline.tearDown("down", TeardownTest.input("default", "\"data\":\"DELETE\""));
            assertEquals(ExecutionStatus.SUCCEEDED, down.status(), () -> down.error() + ": " + down.cause());
            var kept = pipeline.evidence(down).path("keptByChoice");
            assertTrue(kept.toString().contains(other), kept::toString);
            assertEquals(PLANTED, value(other));
            assertEquals(
                    1, pipeline.secretsManager().listSecrets().secretList().size(), "ours wait for their deletion");
        }
    }
}
