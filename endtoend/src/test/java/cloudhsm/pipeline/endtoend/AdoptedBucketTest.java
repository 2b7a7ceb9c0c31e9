package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** Buckets that were there before: taken over only when asked for, never deleted, and never the stack's own. */
class AdoptedBucketTest {
    private static final String PHOTOS = "cloudhsm-photos-of-the-department";

    private static Pipeline pipeline;

    @BeforeAll
    static void makeTheOwnersBucket() {
        pipeline = Pipeline.deploy(1, TeardownTest.SELDOM);
        pipeline.s3()
                .createBucket(request -> request.bucket(PHOTOS)
                        .createBucketConfiguration(configuration -> configuration
                                .locationConstraint("eu-central-1")
                                .tags(tag ->
                                        tag.key("cloudhsm-pipeline:deployment").value("default"))));
        pipeline.s3().putObject(put -> put.bucket(PHOTOS).key("a"), RequestBody.fromString("theirs"));
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    private static String input(String bucket, boolean adopt) {
        return "{\"bucket\": {\"name\": \"" + bucket + "\", \"adopt\": " + adopt + "}}";
    }

    @Test
    void evidenceBucketIsRefusedWithEveryInput() {
        var evidence = pipeline.deployment().stack().outputs().get("EvidenceBucketName");
        for (var adopt : new boolean[] {false, true}) {
            var ended = pipeline.provision("evidence-" + adopt, input(evidence, adopt));
            assertEquals("INVALID_INPUT", ended.error());
            assertTrue(ended.cause().contains("is the bucket of the stack's evidence"), ended::cause);
        }
        var artifacts = pipeline.provision("artifacts", input("aws-sam-cli-managed-default-samclisourcebucket", true));
        assertTrue(artifacts.cause().contains("is the bucket of the SAM CLI's artifacts"), artifacts::cause);
    }

    @Test
    void adoptedBucketIsGivenBackWithItsDataWhateverTheTeardownIsTold() {
        var refused = pipeline.provision("not-asked", input(PHOTOS, false));
        assertEquals("INVALID_INPUT", refused.error(), "its tag is anybody's to set");
        assertTrue(refused.cause().contains("was not made for this deployment"), refused::cause);
        assertEquals(0, pipeline.cloud().calls("CreateCluster"));

        var adopted = pipeline.provision("asked", input(PHOTOS, true));
        assertEquals(ExecutionStatus.SUCCEEDED, adopted.status(), () -> adopted.error() + ": " + adopted.cause());
        var delete =
                pipeline.tearDown("delete", TeardownTest.input("default", "\"data\":\"DELETE\",\"evenIfShared\":true"));
        assertEquals("BUCKET_ADOPTED", delete.error(), delete::cause);
        var returned = pipeline.tearDown("return", TeardownTest.input("default", "\"data\":\"KEEP_READABLE\""));
        assertEquals(ExecutionStatus.SUCCEEDED, returned.status(), () -> returned.error() + ": " + returned.cause());
        assertEquals(
                "theirs",
                pipeline.s3()
                        .getObjectAsBytes(get -> get.bucket(PHOTOS).key("a"))
                        .asUtf8String());
        assertEquals(0, pipeline.cloud().calls("DeleteObjects"));
        assertEquals(0, pipeline.cloud().calls("DeleteBucket"));
    }
}
