package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.bucket.BucketScope;
import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.s3.S3Client;

/** The stage on an embedded AWS. */
final class PreflightScenario {
    static final String EXECUTION = "arn:aws:states:eu-central-1:111122223333:execution:provision:first";

    private PreflightScenario() {}

    static final String EVIDENCE_BUCKET = "pipeline-evidencebucket-5bd1k2x0";

    static Preflight stage(EmbeddedAws aws) {
        return stage(aws, Quotas.DEFAULT);
    }

    static Preflight stage(EmbeddedAws aws, Quotas quotas) {
        return stage(aws, quotas, "", aws.runtime());
    }

    /** @param awsRootCertificate the stack's parameter */
    static Preflight stage(EmbeddedAws aws, Quotas quotas, String awsRootCertificate, StageRuntime runtime) {
        return new Preflight(
                new Preflight.Account(
                        aws.cloudHsm,
                        aws.client(Ec2Client.builder()),
                        aws.client(KmsClient.builder()),
                        aws.client(S3Client.builder().forcePathStyle(true)),
                        aws.client(IamClient.builder())),
                deployments(aws),
                new BucketScope(EVIDENCE_BUCKET, "*"),
                quotas,
                new LambdaConcurrency(aws.client(LambdaClient.builder()), 4),
                HsmPrice.of("eu-central-1", ""),
                awsRootCertificate,
                runtime);
    }

    static Deployments deployments(EmbeddedAws aws) {
        return new Deployments(aws.client(DynamoDbClient.builder()), PipelineTable.NAME);
    }

    static void createTable(EmbeddedAws aws) {
        PipelineTable.create(aws.client(DynamoDbClient.builder()), aws.cloud);
    }
}
