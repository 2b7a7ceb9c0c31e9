package cloudhsm.pipeline.provisioning.bucket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.deployment.Release;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whose bucket is re-encrypted, and what an execution's input may say of it. */
class PlanReencryptionTest {
    private static final String BUCKET = "cloudhsm-reports";
    private static final String UP = "{\"bucket\": \"cloudhsm-reports\"}";
    private static final String DOWN = "{\"bucket\": \"cloudhsm-reports\", \"release\": true}";

    private final TestAccount aws = new TestAccount();

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome plan(String input) throws JsonProcessingException {
        return new PlanReencryption(aws.deployments(), aws.runtime)
                .run(new PlanReencryption.Input(Json.MAPPER.readTree(input)), Optional.empty());
    }

    private PlanReencryption.Output planned(String input) throws JsonProcessingException {
        return TestAccount.done(plan(input), PlanReencryption.Output.class);
    }

    private String reason(String input) throws JsonProcessingException {
        return ((Outcome.Failed) plan(input)).reason();
    }

    private String problems(String input) throws JsonProcessingException {
        var failed = (Outcome.Failed) plan(input);
        assertEquals("INVALID_INPUT", failed.reason());
        return failed.message().substring(failed.message().indexOf('\n') + 1);
    }

    @Test
    void bucketOfARecordIsTakenAndWhatIsNotSaidHasItsDefault() throws JsonProcessingException {
        aws.deployments().made(TestAccount.DEPLOYMENT, Made.BUCKET, BUCKET);
        var plan = planned(UP);
        assertEquals(TestAccount.DEPLOYMENT, plan.deployment());
        assertEquals(Map.of(), plan.release());
        assertEquals(500, plan.request().pageSize());
        assertEquals(3, plan.request().concurrency());
        assertEquals("CURRENT", plan.request().versions());
    }

    @Test
    void bucketOfNoRecordIsRefusedWithTheDeploymentsThatThereAre() throws JsonProcessingException {
        aws.deployments();
        var refused = (Outcome.Failed) plan(UP);
        assertEquals("BUCKET_NOT_OURS", refused.reason());
        assertTrue(refused.message().contains("[demo]"), refused::message);
    }

    @Test
    void wayDownIsWhatTheTeardownAtWorkHasWrittenAndEndsWithIt() throws JsonProcessingException {
        aws.deployments().made(TestAccount.DEPLOYMENT, Made.BUCKET, BUCKET);
        assertEquals("NO_TEARDOWN", reason(DOWN));
        var teardown = aws.runningExecution("first");
        aws.deployments().releasing(TestAccount.DEPLOYMENT, new Release(teardown, List.of("k"), Map.of(BUCKET, "to")));
        assertEquals("NO_TEARDOWN", reason(DOWN), "the teardown does not hold the deployment");
        aws.runtime.lock().take(TestAccount.DEPLOYMENT, teardown);
        assertEquals(
                Map.of("keyIds", List.of("k"), "returnTo", "to"), planned(DOWN).release());
        aws.states.stopExecution(stop -> stop.executionArn(teardown));
        assertEquals("NO_TEARDOWN", reason(DOWN), "who has ended holds nothing");
        aws.runtime.lock().take(TestAccount.DEPLOYMENT, aws.runningExecution("second"));
        assertEquals("NO_TEARDOWN", reason(DOWN), "another one has written nothing yet");
    }

    @Test
    void everythingThatIsWrongIsNamedAndSoIsEveryMemberThatNobodyKnows() throws JsonProcessingException {
        assertEquals("""
            1. bucket: must have 3 to 63 characters; it has 1
            2. prefix: must be text, not 7
            3. versions: must be CURRENT or ALL, not "SOME"
            4. inventory: must be the S3 URI of an S3 Inventory's manifest.json, s3://BUCKET/…/manifest.json
            5. dryRun: must be true or false, not the text "yes"
            6. pageSize: must be a whole number, not 1.5
            7. concurrency: must be from 1 to 1000, not 0
            8. toleratedFailurePercentage: must be from 0 to 100, not 101
            9. release: must be true or false, not an object
            10. adopt: is not a known field; here are bucket, concurrency, dryRun, inventory, pageSize, prefix, release,\
             toleratedFailurePercentage, versions\
            """, problems("""
                {"bucket": "X", "prefix": 7, "versions": "SOME", "inventory": "manifest.json", "dryRun": "yes",
                 "pageSize": 1.5, "concurrency": 0, "toleratedFailurePercentage": 101, "release": {"keyIds": []},
                 "adopt": {"deployment": "demo", "keyArn": "arn"}}
                """));
        assertEquals("1. bucket: is missing: the name of a deployment's bucket", problems("{}"));
        assertEquals("1. input: the execution input must be a JSON object, not an array", problems("[]"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a-s3alias", "a--ol-s3", "a.mrap", "a--eun1-az1--x-s3", "a--table-s3", "Legacy_Reports"})
    void whatCanBeNoBucketOfADeploymentIsRefusedByItsName(String name) throws JsonProcessingException {
        assertTrue(problems("{\"bucket\": \"" + name + "\"}").startsWith("1. bucket: must "));
    }
}
