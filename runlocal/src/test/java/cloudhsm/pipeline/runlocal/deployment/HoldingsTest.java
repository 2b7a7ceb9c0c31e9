package cloudhsm.pipeline.runlocal.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

class HoldingsTest {
    @Test
    void aFreshAccountHoldsNothing() {
        try (var cloud = LocalCloud.start()) {
            assertEquals(List.of(), List.copyOf(Holdings.of(cloud)));
        }
    }

    @Test
    void whatBillsOrTakesANameIsListedUntilItIsGoneForGood() {
        try (var cloud = LocalCloud.start()) {
            var kms = cloud.client(KmsClient.builder());
            var key = kms.createKey().keyMetadata().keyId();
            kms.createAlias(request -> request.aliasName("alias/mine").targetKeyId(key));
            cloud.client(S3Client.builder().forcePathStyle(true))
                    .createBucket(request -> request.bucket("holdings-of-mine")
                            .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
            var secrets = cloud.client(SecretsManagerClient.builder());
            secrets.createSecret(request -> request.name("mine").secretString("text"));
            var group = cloud.ec2()
                    .createClusterSecurityGroup(cloud.ec2().subnets().getFirst().vpcId(), "mine");
            assertEquals(
                    List.of(
                            "ec2: " + group + " {}",
                            "kms: alias/mine",
                            "kms: key " + key + " (Enabled)",
                            "s3: bucket holdings-of-mine",
                            "secretsmanager: mine"),
                    List.copyOf(Holdings.of(cloud)));

            secrets.deleteSecret(request -> request.secretId("mine"));
            kms.scheduleKeyDeletion(request -> request.keyId(key).pendingWindowInDays(7));
            assertTrue(Holdings.of(cloud).contains("secretsmanager: mine (scheduled for deletion)"));
            assertTrue(Holdings.of(cloud).contains("kms: key " + key + " (PendingDeletion)"));

            cloud.advance(Duration.ofDays(31));
            assertEquals(
                    List.of("ec2: " + group + " {}", "s3: bucket holdings-of-mine"), List.copyOf(Holdings.of(cloud)));
        }
    }

    @Test
    void clustersTheirBackupsAndTheirAuditLogsAreListed() {
        try (var cloud = LocalCloud.start()) {
            var admin = cloud.iam().administrator();
            var subnet = cloud.ec2().subnets().getFirst();
            var input = Json.object().put("HsmType", "hsm2m.medium").put("Mode", "FIPS");
            input.putArray("SubnetIds").add(subnet.subnetId());
            var cluster = cloud.endpoint()
                    .call(admin, "cloudhsm", "CreateCluster", input)
                    .path("Cluster")
                    .path("ClusterId")
                    .asText();
            cloud.advance(Duration.ofMinutes(5));
            cloud.endpoint()
                    .call(
                            admin,
                            "cloudhsm",
                            "CreateHsm",
                            Json.object().put("ClusterId", cluster).put("AvailabilityZone", subnet.availabilityZone()));
            cloud.advance(Duration.ofMinutes(15));
            var found = String.join("\n", Holdings.of(cloud));
            assertTrue(found.contains("cloudhsm: cluster " + cluster + " (UNINITIALIZED)"), found);
            assertTrue(found.contains("(ACTIVE) of " + cluster), found);
            assertTrue(found.contains("logs: group /aws/cloudhsm/" + cluster), found);
        }
    }
}
