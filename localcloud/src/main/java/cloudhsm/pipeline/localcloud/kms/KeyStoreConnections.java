package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.cloudhsm.Cluster;
import cloudhsm.pipeline.localcloud.cloudhsm.LoginResult;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import cloudhsm.pipeline.localcloud.time.Timed;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Connects custom key stores to their clusters and disconnects them. Both calls are answered at once; the store reaches
 * its new state later, by what its cluster's HSMs and subnets really are at that moment.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/connect-keystore.html">Connect and disconnect</a>
 */
final class KeyStoreConnections {
    /** AWS says "up to 20 minutes" [KMS:connect-keystore]; reports lie close to it. */
    private static final Duration SHORTEST_CONNECTION = Duration.ofMinutes(15);

    private static final Duration LONGEST_CONNECTION = Duration.ofMinutes(20);

    /** KMS places its interfaces early. */
    // Assumed: key-store-network
    private static final Duration NETWORK_READY_AFTER = Duration.ofMinutes(2);

    // Assumed: key-store-disconnection
    private static final Duration SHORTEST_DISCONNECTION = Duration.ofMinutes(1);

    private static final Duration LONGEST_DISCONNECTION = Duration.ofMinutes(5);

    private static final String KMS_USER = "kmsuser";
    private static final String PASSWORD_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private static final int PASSWORD_LENGTH = 32;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Account account;
    private final CustomKeyStores stores;
    private final KeyStoreClusters clusters;
    private final Ec2Service ec2;
    private final Access access;
    private final Map<CustomKeyStore, List<Scheduled>> underWay = new HashMap<>();
    private final List<Timed> timings = new ArrayList<>();
    private final Queue<String> forcedFailures = new ArrayDeque<>();
    private int forced;

    KeyStoreConnections(
            Account account, CustomKeyStores stores, KeyStoreClusters clusters, Ec2Service ec2, Access access) {
        this.account = account;
        this.stores = stores;
        this.clusters = clusters;
        this.ec2 = ec2;
        this.access = access;
    }

    List<Timed> timings() {
        return List.copyOf(timings);
    }

    BooleanSupplier failNext(String connectionErrorCode) {
        forcedFailures.add(connectionErrorCode);
        var number = ++forced;
        return () -> forced - forcedFailures.size() >= number;
    }

    void loseCluster(String keyStoreId) {
        stores.find(keyStoreId).setLost(true);
    }

    JsonNode connect(ObjectNode input, AwsRequest request) {
        var id = Members.required(input, "CustomKeyStoreId", 1, 64);
        access.requireAnywhere(request.caller(), "kms:ConnectCustomKeyStore");
        var store = stores.find(id);
        if (store.state() == ConnectionState.FAILED || store.state() == ConnectionState.DISCONNECTING) {
            throw CustomKeyStores.invalidState(store, "ConnectCustomKeyStore", "DISCONNECTED");
        }
        if (store.state() != ConnectionState.DISCONNECTED) return Json.object();
        // A cluster that is gone shows only later, as CLUSTER_NOT_FOUND: the operation has no error for it.
        clusters.find(store.clusterId()).ifPresent(cluster -> {
            KeyStoreClusters.requireActive(cluster);
            clusters.requireFitForConnection(cluster);
        });
        store.setState(ConnectionState.CONNECTING);
        var startedAt = account.time().now();
        var network = account.time()
                .schedule(
                        NETWORK_READY_AFTER,
                        "KMS places its network interfaces for " + id,
                        () -> createNetwork(store, startedAt));
        var login = account.time()
                .schedule(
                        account.between(SHORTEST_CONNECTION, LONGEST_CONNECTION),
                        "custom key store " + id + " is connected",
                        () -> logIn(store, startedAt));
        underWay.put(store, List.of(network, login));
        return Json.object();
    }

    /** An interface in each of the cluster's subnets, in a group of KMS's own. */
    private void createNetwork(CustomKeyStore store, Instant startedAt) {
        var cluster = clusters.find(store.clusterId());
        if (cluster.isEmpty()) {
            fail(store, "CLUSTER_NOT_FOUND", startedAt);
            return;
        }
        var subnets = cluster.get().subnetsByAvailabilityZone().values();
        if (!subnets.stream().allMatch(subnet -> ec2.subnet(subnet).isPresent())) {
            fail(store, "SUBNET_NOT_FOUND", startedAt);
            return;
        }
        if (!subnets.stream().allMatch(subnet -> ec2.freeAddresses(subnet) > 0)) {
            fail(store, "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET", startedAt);
            return;
        }
        var group = ec2.createClusterSecurityGroup(cluster.get().vpcId(), "kms-" + store.id());
        store.setSecurityGroupId(group);
        for (var subnet : subnets) {
            var networkInterface = ec2.createNetworkInterface(
                    subnet,
                    group,
                    "KMS managed ENI for cluster " + cluster.get().id());
            store.networkInterfaceIds().add(networkInterface.networkInterfaceId());
        }
    }

    private void logIn(CustomKeyStore store, Instant startedAt) {
        var failure = Optional.ofNullable(forcedFailures.poll());
        if (failure.isEmpty()) failure = attemptLogin(store);
        if (failure.isPresent()) {
            fail(store, failure.get(), startedAt);
            return;
        }
        store.setState(ConnectionState.CONNECTED);
        store.setLost(false);
        finish(store, "ConnectCustomKeyStore", startedAt);
    }

    /** @return the ConnectionErrorCode, empty once KMS is logged in */
    private Optional<String> attemptLogin(CustomKeyStore store) {
        var found = clusters.find(store.clusterId());
        if (found.isEmpty()) return Optional.of("CLUSTER_NOT_FOUND");
        var cluster = found.get();
        if (cluster.activeHsms().isEmpty()) return Optional.of("INSUFFICIENT_CLOUDHSM_HSMS");
        if (cluster.securityGroup().filter(ec2::admitsCluster).isEmpty()) return Optional.of("NETWORK_ERRORS");
        if (cluster.loggedIn(KMS_USER)) return Optional.of("USER_LOGGED_IN");
        var results = new HashSet<>(cluster.login(KMS_USER, store.password()).values());
        if (!results.equals(Set.of(LoginResult.OK))) {
            cluster.logout(KMS_USER);
            return Optional.of(errorCode(results));
        }
        rotatePassword(store, cluster);
        return Optional.empty();
    }

    private static String errorCode(Set<LoginResult> results) {
        if (results.contains(LoginResult.USER_NOT_FOUND)) return "USER_NOT_FOUND";
        if (results.contains(LoginResult.LOCKED)) return "USER_LOCKED_OUT";
        if (results.contains(LoginResult.ALREADY_LOGGED_IN)) return "USER_LOGGED_IN";
        return "INVALID_CREDENTIALS";
    }

    /** From now on only KMS knows it [KMS:keystore-cloudhsm]. */
    private static void rotatePassword(CustomKeyStore store, Cluster cluster) {
        var password = new StringBuilder(PASSWORD_LENGTH);
        for (int i = 0; i < PASSWORD_LENGTH; i++) {
            password.append(PASSWORD_CHARACTERS.charAt(RANDOM.nextInt(PASSWORD_CHARACTERS.length())));
        }
        cluster.changePassword(KMS_USER, password.toString());
        store.rotatePassword(password.toString());
    }

    private void fail(CustomKeyStore store, String errorCode, Instant startedAt) {
        cancel(store);
        store.fail(errorCode);
        finish(store, "ConnectCustomKeyStore", startedAt);
    }

    JsonNode disconnect(ObjectNode input, AwsRequest request) {
        var id = Members.required(input, "CustomKeyStoreId", 1, 64);
        access.requireAnywhere(request.caller(), "kms:DisconnectCustomKeyStore");
        var store = stores.find(id);
        if (store.state() == ConnectionState.DISCONNECTED || store.state() == ConnectionState.DISCONNECTING) {
            throw CustomKeyStores.invalidState(store, "DisconnectCustomKeyStore", "CONNECTED, CONNECTING or FAILED");
        }
        cancel(store);
        var wasConnected = store.state() == ConnectionState.CONNECTED;
        store.setState(ConnectionState.DISCONNECTING);
        var startedAt = account.time().now();
        account.time()
                .schedule(
                        account.between(SHORTEST_DISCONNECTION, LONGEST_DISCONNECTION),
                        "custom key store " + id + " is disconnected",
                        () -> {
                            if (wasConnected) {
                                clusters.find(store.clusterId()).ifPresent(cluster -> cluster.logout(KMS_USER));
                            }
                            removeNetwork(store);
                            store.setState(ConnectionState.DISCONNECTED);
                            finish(store, "DisconnectCustomKeyStore", startedAt);
                        });
        return Json.object();
    }

    private void removeNetwork(CustomKeyStore store) {
        store.networkInterfaceIds().forEach(ec2::deleteNetworkInterface);
        store.networkInterfaceIds().clear();
        store.securityGroupId().ifPresent(ec2::deleteSecurityGroup);
        store.setSecurityGroupId(null);
    }

    private void cancel(CustomKeyStore store) {
        var scheduled = underWay.remove(store);
        if (scheduled != null) scheduled.forEach(Scheduled::cancel);
    }

    private void finish(CustomKeyStore store, String what, Instant startedAt) {
        underWay.remove(store);
        timings.add(new Timed(what, store.id(), startedAt, account.time().now()));
    }
}
