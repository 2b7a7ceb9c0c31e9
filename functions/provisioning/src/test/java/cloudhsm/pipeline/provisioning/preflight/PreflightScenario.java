package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.bucket.BucketScope;
import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.health.Healings;
import cloudhsm.pipeline.provisioning.health.HealthCheck;
import cloudhsm.pipeline.provisioning.health.SelfHealing;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.sns.SnsClient;

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
        return stage(aws.cloud, account(aws.cloud, s3(aws.cloud)), quotas, awsRootCertificate, runtime);
    }

    static Preflight stage(TestAccount aws, S3Client s3) {
        return stage(aws.cloud, account(aws.cloud, s3), Quotas.DEFAULT, "", aws.runtime);
    }

    private static Preflight stage(
            LocalCloud cloud,
            Preflight.Account account,
            Quotas quotas,
            String awsRootCertificate,
            StageRuntime runtime) {
        var dynamoDb = cloud.client(DynamoDbClient.builder());
        var deployments = new Deployments(dynamoDb, PipelineTable.NAME);
        var selfHealing = new SelfHealing(
                deployments,
                new HealthCheck(account.cloudHsm(), account.kms()),
                new Healings(dynamoDb, PipelineTable.NAME),
                new Notifications(cloud.client(SnsClient.builder()), ""),
                runtime);
        return new Preflight(
                account,
                deployments,
                new BucketScope(EVIDENCE_BUCKET, "*"),
                selfHealing,
                quotas,
                new LambdaConcurrency(cloud.client(LambdaClient.builder()), 4),
                () -> HsmPrice.of("eu-central-1", "", Optional::empty),
                awsRootCertificate,
                runtime);
    }

    private static Preflight.Account account(LocalCloud cloud, S3Client s3) {
        return new Preflight.Account(
                cloud.client(CloudHsmV2Client.builder()),
                cloud.client(Ec2Client.builder()),
                cloud.client(KmsClient.builder()),
                s3,
                cloud.client(IamClient.builder()),
                cloud.client(SecretsManagerClient.builder()));
    }

    private static S3Client s3(LocalCloud cloud) {
        return cloud.client(S3Client.builder().forcePathStyle(true));
    }

    /** What the stage plans; its failure, if it has one, is the test's. */
    static Plan plan(Outcome outcome) {
        return TestAccount.done(outcome, Preflight.Output.class).plan();
    }

    static Deployments deployments(EmbeddedAws aws) {
        return new Deployments(aws.client(DynamoDbClient.builder()), PipelineTable.NAME);
    }

    static void createTable(EmbeddedAws aws) {
        PipelineTable.create(aws.client(DynamoDbClient.builder()), aws.cloud);
    }
}
