package cloudhsm.pipeline.provisioning.bucket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Made;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which names a bucket can be made under, and what CreateBucket needs beside the name. */
class BucketNameTest {
    @Test
    void aBucketOfTheAccountsNamespaceIsMade() {
        try (var aws = new TestAccount()) {
            var queueArn = aws.cloud.sqs().createQueue("uploads", Map.of("Policy", """
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
                 "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
                """));
            var name = "reports-111122223333-eu-central-1-an";
            var key = aws.kms.createKey().keyMetadata();
            aws.deployments().made(TestAccount.DEPLOYMENT, Made.KEY, key.keyId());
            var input = new SecureBucket.Input(TestAccount.DEPLOYMENT, name, false, key.arn());
            var stage = new SecureBucket(
                    aws.s3, aws.deployments(), new BucketScope("evidence", "*"), queueArn, aws.runtime);

            assertEquals(
                    new SecureBucket.Output(name, true, true),
                    TestAccount.done(stage.run(input, Optional.empty()), SecureBucket.Output.class));
        }
    }

    @Test
    void aRegionWithoutNamespacesHasNoSuchName() {
        var name = "reports-111122223333-me-south-1-an";
        var problem = BucketName.creationProblem(name, "111122223333", "me-south-1");
        assertTrue(problem.orElseThrow().endsWith("me-south-1 has none"), problem::toString);
    }

    @Test
    void theNamespacesEndingAloneIsNoName() {
        var problem = BucketName.creationProblem("-111122223333-eu-central-1-an", "111122223333", "eu-central-1");
        assertTrue(problem.isPresent(), "a prefix is missing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"})
    void whatNamesNoGeneralPurposeBucketIsRefusedEvenIfItIsThere(String name) {
        assertTrue(BucketName.problem(name).orElseThrow().endsWith("reserved by S3"));
    }
}
