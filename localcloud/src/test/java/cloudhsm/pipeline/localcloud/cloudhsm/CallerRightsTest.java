package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmV2Exception;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

/** Rights on clusters and backups, as the Service Authorization Reference narrows them. */
class CallerRightsTest {
    private final CloudHsmScenario scenario = new CloudHsmScenario();

    @AfterEach
    void close() {
        scenario.close();
    }

    /** A caller whose role has all EC2 rights and this statement. */
    private CloudHsmV2Client caller(String action, String resource, String condition) {
        var role = scenario.aws.iam().createRole("caller", PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}}\
            """)));
        role.policies().put("rights", PolicyDocument.parse(Json.parse("""
            {"Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
             {"Effect": "Allow", "Action": "%s", "Resource": "%s", "Condition": %s}]}\
            """.formatted(action, resource, condition))));
        return scenario.client(scenario.aws.iam().session(role, "test"));
    }

    private static void assertDenied(CloudHsmV2Client caller, Consumer<CloudHsmV2Client> call) {
        var denied = assertThrows(CloudHsmV2Exception.class, () -> call.accept(caller));
        assertEquals("AccessDeniedException", denied.awsErrorDetails().errorCode());
    }

    @Test
    void aRightOnTaggedClustersIsNoneOnOthers() {
        var cluster = scenario.uninitializedCluster();
        var caller = caller("cloudhsm:CreateHsm", "arn:aws:cloudhsm:eu-central-1:111122223333:cluster/*", """
            {"Null": {"aws:ResourceTag/deployment": "false"}}\
            """);
        Consumer<CloudHsmV2Client> call =
                client -> client.createHsm(hsm -> hsm.clusterId(cluster).availabilityZone(CloudHsmScenario.ZONE_A));
        assertDenied(caller, call);
        scenario.cloudHsm.tagResource(tag -> tag.resourceId(cluster)
                .tagList(Tag.builder().key("deployment").value("demo").build()));
        assertDoesNotThrow(() -> call.accept(caller));
    }

    @Test
    void aRightOnOneClusterIsNoneOnAnother() {
        var cluster = scenario.uninitializedCluster();
        var other = scenario.uninitializedCluster();
        var caller =
                caller("cloudhsm:DeleteCluster", "arn:aws:cloudhsm:eu-central-1:111122223333:cluster/" + cluster, "{}");
        assertDenied(caller, client -> client.deleteCluster(delete -> delete.clusterId(other)));
        assertDoesNotThrow(() -> caller.deleteCluster(delete -> delete.clusterId(cluster)));
    }

    @Test
    void aRightOnClustersIsNoneOnBackups() {
        var caller = caller("cloudhsm:*", "arn:aws:cloudhsm:eu-central-1:111122223333:cluster/*", "{}");
        assertDenied(caller, client -> client.deleteBackup(delete -> delete.backupId("backup-aaaaaaaaaaa")));
        assertDenied(caller, CloudHsmV2Client::describeClusters);
    }
}
