package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** What befalls a complete deployment, by an administrator's hands or AWS's. */
final class Damage {
    private static final Duration LOOK = Duration.ofSeconds(15);

    /** More than AWS takes for any of it. */
    private static final Duration LIMIT = Duration.ofHours(2);

    private Damage() {}

    /** One of its HSMs is deleted. */
    static void loseAnHsm(LocalCloud cloud) {
        deleteHsm(cloud, cluster(cloud).path("Hsms").path(0));
    }

    /** Its HSMs are deleted, and the cluster; their backups stay. */
    static void deleteTheCluster(LocalCloud cloud) {
        var cluster = cluster(cloud);
        cluster.path("Hsms").forEach(hsm -> deleteHsm(cloud, hsm));
        runUntil(
                cloud,
                () -> cluster(cloud).path("Hsms").findValuesAsText("State").stream()
                        .allMatch("DELETED"::equals));
        call(
                cloud,
                "cloudhsm",
                "DeleteCluster",
                Json.object().put("ClusterId", cluster.path("ClusterId").asText()));
        runUntil(cloud, () -> cluster(cloud).path("State").asText("DELETED").equals("DELETED"));
    }

    /** The password of kmsuser is changed in the HSMs, so that the key store, connected anew, is FAILED. */
    static void failToConnect(LocalCloud cloud) {
        var store = Json.object()
                .put(
                        "CustomKeyStoreId",
                        keyStore(cloud).path("CustomKeyStoreId").asText());
        call(cloud, "kms", "DisconnectCustomKeyStore", store);
        runUntil(cloud, () -> isConnection(cloud, "DISCONNECTED"));
        cloud.cloudHsm().changePassword("kmsuser", "changedByHand1");
        call(cloud, "kms", "ConnectCustomKeyStore", store);
        runUntil(cloud, () -> isConnection(cloud, "FAILED"));
    }

    /** The account's only one; missing where CloudHSM does not list it any more. */
    private static JsonNode cluster(LocalCloud cloud) {
        return call(cloud, "cloudhsm", "DescribeClusters", Json.object())
                .path("Clusters")
                .path(0);
    }

    private static void deleteHsm(LocalCloud cloud, JsonNode hsm) {
        call(
                cloud,
                "cloudhsm",
                "DeleteHsm",
                Json.object()
                        .put("ClusterId", hsm.path("ClusterId").asText())
                        .put("HsmId", hsm.path("HsmId").asText()));
    }

    private static JsonNode keyStore(LocalCloud cloud) {
        return call(cloud, "kms", "DescribeCustomKeyStores", Json.object())
                .path("CustomKeyStores")
                .path(0);
    }

    private static boolean isConnection(LocalCloud cloud, String state) {
        return keyStore(cloud).path("ConnectionState").asText().equals(state);
    }

    private static void runUntil(LocalCloud cloud, BooleanSupplier condition) {
        var deadline = cloud.time().now().plus(LIMIT);
        while (!condition.getAsBoolean()) {
            if (cloud.time().now().isAfter(deadline)) throw new IllegalStateException("Not within " + LIMIT);
            cloud.advance(LOOK);
        }
    }

    private static JsonNode call(LocalCloud cloud, String service, String operation, ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), service, operation, input);
    }
}
