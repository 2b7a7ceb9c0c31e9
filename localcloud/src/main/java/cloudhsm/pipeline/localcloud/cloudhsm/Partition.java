package cloudhsm.pipeline.localcloud.cloudhsm;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import javax.crypto.SecretKey;

/** What one HSM holds, and what a backup of it keeps: users and keys. */
final class Partition {
    private final Map<String, HsmUser> users = new LinkedHashMap<>();
    private final Map<String, SecretKey> keys = new LinkedHashMap<>();

    /** As an HSM comes out of initialisation [HSM:activate-cluster]; nobody knows the passwords of these two. */
    static Partition fresh() {
        var partition = new Partition();
        partition.add(new HsmUser("admin", HsmUser.Role.UNACTIVATED_ADMIN, unknown()));
        partition.add(new HsmUser("app_user", HsmUser.Role.APPLIANCE_USER, unknown()));
        return partition;
    }

    private static String unknown() {
        return UUID.randomUUID().toString();
    }

    Partition copy() {
        var copy = new Partition();
        users.values().forEach(user -> copy.add(new HsmUser(user)));
        copy.keys.putAll(keys);
        return copy;
    }

    Collection<HsmUser> users() {
        return users.values();
    }

    Optional<HsmUser> user(String username, HsmUser.Role role) {
        return user(username).filter(user -> user.role() == role);
    }

    /** User names are case-insensitive [HSM:cloudhsm_cli-user-create]. */
    Optional<HsmUser> user(String username) {
        return Optional.ofNullable(users.get(username.toLowerCase(Locale.ROOT)));
    }

    /** In place of a user of the same name. */
    void add(HsmUser user) {
        users.put(user.username(), user);
    }

    void remove(String username) {
        users.remove(username.toLowerCase(Locale.ROOT));
    }

    /** Keys by label. */
    Map<String, SecretKey> keys() {
        return keys;
    }
}
