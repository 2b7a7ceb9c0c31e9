package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Creates, shows, changes and deletes custom key stores. Connecting them is {@link KeyStoreConnections}. */
final class KeyStoreOperations {
    /** Per account and Region, of all types, connected or not; not adjustable [KMS:resource-limits]. */
    private static final int MAXIMUM_STORES = 10;

    private static final String SERVICE_LINKED_ROLE = "AWSServiceRoleForKeyManagementServiceCustomKeyStores";
    private static final String SERVICE = "cks.kms.amazonaws.com";

    private final Account account;
    private final CustomKeyStores stores;
    private final KeyStoreClusters clusters;
    private final Keys keys;
    private final Access access;

    KeyStoreOperations(Account account, CustomKeyStores stores, KeyStoreClusters clusters, Keys keys, Access access) {
        this.account = account;
        this.stores = stores;
        this.clusters = clusters;
        this.keys = keys;
        this.access = access;
    }

    /** Checks the cluster, but not the password: that is first used by ConnectCustomKeyStore. */
    JsonNode create(ObjectNode input, AwsRequest request) {
        var name = Members.required(input, "CustomKeyStoreName", 1, 256);
        var type = Members.text(input, "CustomKeyStoreType", 1, 64).orElse("AWS_CLOUDHSM");
        if (!type.equals("AWS_CLOUDHSM")) {
            throw Members.invalid("The embedded KMS has no custom key stores of type " + type);
        }
        var clusterId = clusterId(input).orElseThrow(() -> Members.missing("CloudHsmClusterId"));
        var trustAnchor = Members.required(input, "TrustAnchorCertificate", 1, 5000);
        var password = password(input).orElseThrow(() -> Members.missing("KeyStorePassword"));
        access.requireAnywhere(request.caller(), "kms:CreateCustomKeyStore");
        account.iam().authorize(request.caller(), "cloudhsm:DescribeClusters", "*");
        if (!Regions.haveKeyStores(account.region())) {
            // Assumed: key-store-region
            // AWS documents neither the error nor its words.
            throw Members.invalid("AWS CloudHSM key stores are not supported in the Region " + account.region() + ".");
        }

        var sameName = stores.byName(name);
        if (sameName.isPresent()) {
            var store = sameName.get();
            var identical = store.clusterId().equals(clusterId)
                    && store.trustAnchor().equals(trustAnchor)
                    && store.givenPassword().equals(password);
            if (identical && store.state() == ConnectionState.DISCONNECTED) return created(store);
            throw nameInUse(name);
        }
        if (stores.all().size() >= MAXIMUM_STORES) {
            throw AwsException.badRequest(
                    "LimitExceededException", "The account already has " + MAXIMUM_STORES + " custom key stores.");
        }
        var cluster = clusters.findActive(clusterId);
        for (var store : stores.all()) {
            // The certificate tells, also where the store's own cluster is gone.
            if (store.clusterId().equals(clusterId)
                    || store.clusterCertificate().equals(cluster.clusterCertificatePem())) {
                throw AwsException.badRequest(
                        "CloudHsmClusterInUseException",
                        "CloudHSM cluster " + clusterId + ", or a cluster that shares its backup history, is already"
                                + " associated with custom key store " + store.id() + ".");
            }
        }
        clusters.requireFitForKeyStore(cluster);
        clusters.requireTrustAnchor(cluster, trustAnchor);
        createServiceLinkedRole(request);
        var store = new CustomKeyStore(
                "cks-" + account.hex(17),
                name,
                cluster,
                trustAnchor,
                password,
                account.time().now());
        stores.add(store);
        return created(store);
    }

    private static JsonNode created(CustomKeyStore store) {
        return Json.object().put("CustomKeyStoreId", store.id());
    }

    /** By the caller's rights, the first time; it stays for good. */
    private void createServiceLinkedRole(AwsRequest request) {
        if (account.iam().role(SERVICE_LINKED_ROLE).isPresent()) return;
        account.iam()
                .authorize(
                        request.caller(),
                        "iam:CreateServiceLinkedRole",
                        "arn:aws:iam::" + Iam.ACCOUNT + ":role/aws-service-role/" + SERVICE + "/" + SERVICE_LINKED_ROLE,
                        Map.of("iam:AWSServiceName", SERVICE));
        account.iam()
                .createRole(
                        SERVICE_LINKED_ROLE,
                        new PolicyDocument(List.of(new PolicyDocument.Statement(
                                "", true, List.of(SERVICE), List.of("sts:AssumeRole"), List.of("*"), Map.of()))));
    }

    JsonNode describe(ObjectNode input, AwsRequest request) {
        var id = Members.text(input, "CustomKeyStoreId", 1, 64);
        var name = Members.text(input, "CustomKeyStoreName", 1, 256);
        if (id.isPresent() && name.isPresent()) {
            throw Members.invalid("CustomKeyStoreId and CustomKeyStoreName cannot both be specified.");
        }
        access.requireAnywhere(request.caller(), "kms:DescribeCustomKeyStores");
        List<CustomKeyStore> wanted;
        if (id.isPresent()) {
            wanted = List.of(stores.find(id.get()));
        } else if (name.isPresent()) {
            wanted = List.of(stores.byName(name.get()).orElseThrow(() -> CustomKeyStores.notFound(name.get())));
        } else {
            wanted = List.copyOf(stores.all());
        }
        return Page.of(input, "CustomKeyStores", wanted, 100, CustomKeyStore::id, KeyStoreOperations::described);
    }

    private static ObjectNode described(CustomKeyStore store) {
        var description = Json.object()
                .put("CustomKeyStoreId", store.id())
                .put("CustomKeyStoreName", store.name())
                .put("CustomKeyStoreType", "AWS_CLOUDHSM")
                .put("CloudHsmClusterId", store.clusterId())
                .put("TrustAnchorCertificate", store.trustAnchor())
                .put("ConnectionState", store.state().name())
                .put("CreationDate", Json.epochSeconds(store.creationDate()));
        store.errorCode().ifPresent(code -> description.put("ConnectionErrorCode", code));
        return description;
    }

    /** Tells KMS a name, a password or a cluster; changes nothing in the cluster. */
    JsonNode update(ObjectNode input, AwsRequest request) {
        var id = Members.required(input, "CustomKeyStoreId", 1, 64);
        var newName = Members.text(input, "NewCustomKeyStoreName", 1, 256);
        var password = password(input);
        var clusterId = clusterId(input);
        if (newName.isEmpty() && password.isEmpty() && clusterId.isEmpty()) {
            throw Members.invalid("UpdateCustomKeyStore needs at least one property to change.");
        }
        access.requireAnywhere(request.caller(), "kms:UpdateCustomKeyStore");
        var store = stores.find(id);
        if ((password.isPresent() || clusterId.isPresent()) && store.state() != ConnectionState.DISCONNECTED) {
            throw CustomKeyStores.invalidState(store, "UpdateCustomKeyStore", "DISCONNECTED");
        }
        newName.flatMap(stores::byName).filter(other -> other != store).ifPresent(other -> {
            throw nameInUse(other.name());
        });
        clusterId.ifPresent(newClusterId -> requireRelated(store, newClusterId));
        newName.ifPresent(store::setName);
        password.ifPresent(store::givePassword);
        clusterId.ifPresent(store::setClusterId);
        return Json.object();
    }

    private void requireRelated(CustomKeyStore store, String newClusterId) {
        var cluster = clusters.findActive(newClusterId);
        if (!cluster.clusterCertificatePem().equals(store.clusterCertificate())) {
            throw AwsException.badRequest(
                    "CloudHsmClusterNotRelatedException",
                    "CloudHSM cluster " + newClusterId + " has another cluster certificate than cluster "
                            + store.clusterId() + " of custom key store " + store.id() + ".");
        }
        clusters.requireFitForKeyStore(cluster);
    }

    /** The cluster, its HSMs and users stay as they are. */
    JsonNode delete(ObjectNode input, AwsRequest request) {
        var id = Members.required(input, "CustomKeyStoreId", 1, 64);
        access.requireAnywhere(request.caller(), "kms:DeleteCustomKeyStore");
        var store = stores.find(id);
        if (store.state() != ConnectionState.DISCONNECTED) {
            throw CustomKeyStores.invalidState(store, "DeleteCustomKeyStore", "DISCONNECTED");
        }
        if (keys.anyIn(store)) {
            throw AwsException.badRequest(
                    "CustomKeyStoreHasCMKsException",
                    "Custom key store " + id + " still contains KMS keys; keys pending deletion count.");
        }
        stores.remove(store);
        return Json.object();
    }

    private static Optional<String> clusterId(JsonNode input) {
        var clusterId = Members.text(input, "CloudHsmClusterId", 19, 24);
        if (clusterId.isPresent() && !clusterId.get().matches("cluster-[2-7a-zA-Z]{11,16}")) {
            throw Members.invalid("1 validation error detected: Value at 'cloudHsmClusterId' failed to satisfy"
                    + " constraint: Member must satisfy regular expression pattern: cluster-[2-7a-zA-Z]{11,16}");
        }
        return clusterId;
    }

    /** The API's shape demands 7 to 32 characters only; the guide demands letters and digits too [KMS:create-keystore]. */
    private static Optional<String> password(JsonNode input) {
        var password = Members.text(input, "KeyStorePassword", 7, 32);
        if (password.isPresent() && !password.get().matches("[a-zA-Z0-9]+")) {
            throw Members.invalid("1 validation error detected: Value at 'keyStorePassword' failed to satisfy"
                    + " constraint: Member must consist of letters and digits");
        }
        return password;
    }

    private static AwsException nameInUse(String name) {
        return AwsException.badRequest(
                "CustomKeyStoreNameInUseException", "A custom key store with the name " + name + " already exists.");
    }
}
