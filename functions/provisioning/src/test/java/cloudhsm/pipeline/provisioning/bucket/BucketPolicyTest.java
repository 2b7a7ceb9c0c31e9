package cloudhsm.pipeline.provisioning.bucket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class BucketPolicyTest {
    private static final String BUCKET = "arn:aws:s3:::data";
    private static final String OURS = "{\"Sid\":\"CloudHsmPipelineTlsOnly\",\"Effect\":\"Deny\",\"Principal\":\"*\","
            + "\"Action\":\"s3:*\",\"Resource\":[\"arn:aws:s3:::data\",\"arn:aws:s3:::data/*\"],"
            + "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}";
    private static final String THEIRS = "{\"Sid\":\"Theirs\",\"Effect\":\"Allow\",\"Principal\":\"*\","
            + "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::data/public/*\"}";

    @Test
    void bucketWithoutPolicyGetsTlsOnly() {
        assertEquals(
                "{\"Version\":\"2012-10-17\",\"Statement\":[" + OURS + "]}",
                BucketPolicy.merged(Optional.empty(), BUCKET));
    }

    @Test
    void statementsOfTheOwnerStay() {
        assertEquals(
                "{\"Version\":\"2012-10-17\",\"Id\":\"mine\",\"Statement\":[" + THEIRS + "," + OURS + "]}",
                BucketPolicy.merged(
                        Optional.of("{\"Version\":\"2012-10-17\",\"Id\":\"mine\",\"Statement\":[" + THEIRS + "]}"),
                        BUCKET),
                "an adopted bucket must go on working for whoever used it");
    }

    @Test
    void singleStatementWithoutAnArrayStaysToo() {
        assertEquals(
                "{\"Version\":\"2012-10-17\",\"Statement\":[" + THEIRS + "," + OURS + "]}",
                BucketPolicy.merged(Optional.of("{\"Version\":\"2012-10-17\",\"Statement\":" + THEIRS + "}"), BUCKET));
    }

    @Test
    void mergingAgainChangesNothing() {
        var once = BucketPolicy.merged(Optional.empty(), BUCKET);

        assertTrue(BucketPolicy.same(Optional.of(once), BucketPolicy.merged(Optional.of(once), BUCKET)));
    }
}
