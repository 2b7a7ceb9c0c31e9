package cloudhsm.pipeline.runlocal.deployment;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * What an account holds that somebody made, in every service of the embedded AWS: whatever bills, carries a tag, takes
 * a name or an address, or is remembered. What a stack holds besides (functions, rules, queues, topics, roles) costs
 * nothing while it is not used, and stays.
 */
public final class Holdings {
    private final LocalCloud cloud;
    private final SortedSet<String> found = new TreeSet<>();

    private Holdings(LocalCloud cloud) {
        this.cloud = cloud;
    }

    /**
     * One sentence-like line for each thing, such as {@code cloudhsm: HSM hsm-… (ACTIVE) of cluster-…}. Compare with
     * what {@code of} said when the stack had just been deployed: a teardown leaves nothing more.
     */
    public static SortedSet<String> of(LocalCloud cloud) {
        var holdings = new Holdings(cloud);
        holdings.lookAtCloudHsm();
        holdings.lookAtKms();
        holdings.lookAtEc2();
        holdings.lookAtS3();
        holdings.lookAtSecretsManager();
        holdings.lookAtLogs();
        holdings.lookAtStepFunctions();
        holdings.lookAtDynamoDb();
        cloud.scheduler().names().forEach(name -> holdings.found.add("scheduler: " + name));
        return holdings.found;
    }

    private void lookAtCloudHsm() {
        for (var cluster : all("cloudhsm", "DescribeClusters", "Clusters", Json.object())) {
            var state = cluster.path("State").asText();
            if (state.equals("DELETED")) continue;
            var id = cluster.path("ClusterId").asText();
            found.add("cloudhsm: cluster " + id + " (" + state + ")");
            for (var hsm : cluster.path("Hsms")) {
                if (hsm.path("State").asText().equals("DELETED")) continue;
                found.add("cloudhsm: HSM " + hsm.path("HsmId").asText() + " ("
                        + hsm.path("State").asText() + ") of " + id);
            }
        }
        for (var backup : all("cloudhsm", "DescribeBackups", "Backups", Json.object())) {
            found.add("cloudhsm: backup " + backup.path("BackupId").asText() + " ("
                    + backup.path("BackupState").asText() + ")");
        }
    }

    private void lookAtKms() {
        for (var store : all("kms", "DescribeCustomKeyStores", "CustomKeyStores", Json.object())) {
            found.add("kms: key store " + store.path("CustomKeyStoreId").asText() + " ("
                    + store.path("ConnectionState").asText() + ")");
        }
        for (var listed : all("kms", "ListKeys", "Keys", Json.object())) {
            var id = listed.path("KeyId").asText();
            var key = call("kms", "DescribeKey", Json.object().put("KeyId", id)).path("KeyMetadata");
            if (key.path("KeyManager").asText().equals("AWS")) continue;
            found.add("kms: key " + id + " (" + key.path("KeyState").asText() + ")");
        }
        for (var alias : all("kms", "ListAliases", "Aliases", Json.object())) {
            var name = alias.path("AliasName").asText();
            if (!name.startsWith("alias/aws/")) found.add("kms: " + name);
        }
    }

    private void lookAtEc2() {
        cloud.ec2()
                .made()
                .forEach(id -> found.add("ec2: " + id + " " + cloud.ec2().tags(id)));
    }

    private void lookAtS3() {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            s3.listBuckets().buckets().forEach(bucket -> found.add("s3: bucket " + bucket.name()));
        }
    }

    private void lookAtSecretsManager() {
        var input = Json.object().put("IncludePlannedDeletion", true);
        for (var secret : all("secretsmanager", "ListSecrets", "SecretList", input)) {
            found.add("secretsmanager: " + secret.path("Name").asText()
                    + (secret.has("DeletedDate") ? " (scheduled for deletion)" : ""));
        }
    }

    private void lookAtLogs() {
        for (var group : all("logs", "DescribeLogGroups", "logGroups", Json.object())) {
            found.add("logs: group " + group.path("logGroupName").asText());
        }
    }

    private void lookAtStepFunctions() {
        for (var machine : all("states", "ListStateMachines", "stateMachines", Json.object())) {
            var running = Json.object()
                    .put("stateMachineArn", machine.path("stateMachineArn").asText())
                    .put("statusFilter", "RUNNING");
            for (var execution : all("states", "ListExecutions", "executions", running)) {
                found.add("states: execution " + execution.path("executionArn").asText());
            }
        }
    }

    private void lookAtDynamoDb() {
        for (var table : call("dynamodb", "ListTables", Json.object()).path("TableNames")) {
            var scanned = call("dynamodb", "Scan", Json.object().put("TableName", table.asText()));
            for (var item : scanned.path("Items")) {
                found.add("dynamodb: " + item.path("pk").path("S").asText() + " "
                        + item.path("sk").path("S").asText());
            }
        }
    }

    /** All pages of a list. */
    private List<JsonNode> all(String service, String operation, String member, ObjectNode input) {
        var elements = new ArrayList<JsonNode>();
        var next = input;
        while (true) {
            var page = call(service, operation, next);
            page.path(member).forEach(elements::add);
            if (service.equals("kms")) {
                if (!page.path("Truncated").asBoolean()) return elements;
                next = input.deepCopy().put("Marker", page.path("NextMarker").asText());
            } else {
                var token = page.has("NextToken") ? "NextToken" : "nextToken";
                if (!page.hasNonNull(token)) return elements;
                next = input.deepCopy().put(token, page.path(token).asText());
            }
        }
    }

    private JsonNode call(String service, String operation, ObjectNode input) {
        try {
            return cloud.endpoint().call(cloud.iam().administrator(), service, operation, input);
        } catch (AwsException refused) {
            throw new IllegalStateException(operation + ": " + refused.getMessage(), refused);
        }
    }
}
