package cloudhsm.pipeline.localcloud.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.EbsBlockDevice;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.kms.KmsClient;

class VolumeEncryptionTest {
    private final LocalCloud aws = LocalCloud.start();
    private final Ec2Client ec2 = aws.client(Ec2Client.builder());
    private final KmsClient kms = aws.client(KmsClient.builder());
    private final Ec2Client asLauncher = aws.client(Ec2Client.builder(), launcher());

    @AfterEach
    void close() {
        aws.close();
    }

    /** May launch, and has no rights of KMS. */
    private Identity launcher() {
        var role = aws.iam().createRole("launcher", policy("""
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}\
            """));
        role.policies().put("launch", policy("""
            {"Effect": "Allow", "Action": ["ec2:RunInstances", "ssm:GetParameters"], "Resource": "*"}\
            """));
        return aws.iam().session(role, "test");
    }

    private static PolicyDocument policy(String statement) {
        return PolicyDocument.parse(Json.parse("{\"Statement\": [" + statement + "]}"));
    }

    private String customerManagedDefaultKey() {
        var keyId = kms.createKey().keyMetadata().keyId();
        return ec2.modifyEbsDefaultKmsKeyId(request -> request.kmsKeyId(keyId)).kmsKeyId();
    }

    private static String launch(Ec2Client launcher, Consumer<EbsBlockDevice.Builder> volume) {
        return launcher.runInstances(request -> request.imageId(
                                "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
                        .instanceType(InstanceType.T4_G_MICRO)
                        .minCount(1)
                        .maxCount(1)
                        .blockDeviceMappings(
                                device -> device.deviceName("/dev/xvda").ebs(volume)))
                .instances()
                .getFirst()
                .instanceId();
    }

    private Instance instance(String instanceId) {
        return ec2.describeInstances(request -> request.instanceIds(instanceId))
                .reservations()
                .getFirst()
                .instances()
                .getFirst();
    }

    private InstanceStateName stateAfterTwoMinutes(String instanceId) {
        aws.advance(Duration.ofMinutes(2));
        return instance(instanceId).state().name();
    }

    @Test
    void launchUnderADefaultKeyWithoutRightsToItIsAnsweredAndThenEnds() {
        customerManagedDefaultKey();
        var instanceId = launch(asLauncher, volume -> volume.encrypted(true));

        assertEquals(InstanceStateName.PENDING, instance(instanceId).state().name(), "EC2 finds out later");
        assertEquals(InstanceStateName.TERMINATED, stateAfterTwoMinutes(instanceId));
        var reason = instance(instanceId).stateReason();
        assertEquals("Client.InternalError", reason.code());
        assertEquals("Client.InternalError: Client error on launch", reason.message());
    }

    @Test
    void whoeverHasTheRightsToTheDefaultKeyLaunchesUnderIt() {
        customerManagedDefaultKey();
        assertEquals(InstanceStateName.RUNNING, stateAfterTwoMinutes(launch(ec2, volume -> volume.encrypted(true))));
    }

    @Test
    void disabledDefaultKeyEndsAnInstanceOfAnybody() {
        var key = customerManagedDefaultKey();
        kms.disableKey(request -> request.keyId(key));
        var instanceId = launch(ec2, volume -> volume.encrypted(true));

        assertEquals(InstanceStateName.TERMINATED, stateAfterTwoMinutes(instanceId));
        assertEquals(
                "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
                instance(instanceId).stateReason().message());
    }

    @Test
    void awssOwnKeyServesEverybodyWhateverTheDefaultIs() {
        customerManagedDefaultKey();
        var instanceId = launch(asLauncher, volume -> volume.encrypted(true).kmsKeyId("alias/aws/ebs"));
        assertEquals(InstanceStateName.RUNNING, stateAfterTwoMinutes(instanceId));
    }

    @Test
    void defaultKeyCanBeSetBackToAwssOwn() {
        assertEquals("alias/aws/ebs", ec2.getEbsDefaultKmsKeyId(request -> {}).kmsKeyId());
        var key = customerManagedDefaultKey();
        assertEquals(key, ec2.getEbsDefaultKmsKeyId(request -> {}).kmsKeyId());
        ec2.resetEbsDefaultKmsKeyId(request -> {});
        assertEquals(
                InstanceStateName.RUNNING, stateAfterTwoMinutes(launch(asLauncher, volume -> volume.encrypted(true))));
    }

    @Test
    void keyForAVolumeThatIsNotEncryptedIsRefused() {
        var refused = assertThrows(Ec2Exception.class, () -> launch(ec2, volume -> volume.kmsKeyId("alias/aws/ebs")));
        assertEquals("InvalidParameterDependency", refused.awsErrorDetails().errorCode());
    }

    @Test
    void terminatedInstanceSaysThatAUserDidIt() {
        var instanceId = launch(ec2, volume -> volume.encrypted(true));
        ec2.terminateInstances(request -> request.instanceIds(instanceId));
        assertTrue(
                instance(instanceId).stateReason().message().startsWith("Client.UserInitiatedShutdown: "),
                () -> instance(instanceId).stateReason().message());
    }
}
