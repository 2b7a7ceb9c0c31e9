package cloudhsm.pipeline.localcloud.cloudhsm;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.crypto.SecretKey;

/** What one HSM holds, and what a backup of it keeps: users and keys. */
final class Partition {
    private final Map<String, HsmUser> users = new LinkedHashMap<>();
    private final Map<String, SecretKey> keys = new LinkedHashMap<>();

    /** As an HSM comes out of initialisation [HSM:activate-cluster]; nobody knows the passwords of these two. */
    static Partition fresh() {
        var partition = new Partition();
        partition.add(new HsmUser("admin", HsmUser.Role.UNACTIVATED_ADMIN, ""));
        partition.add(new HsmUser("app_user", HsmUser.Role.APPLIANCE_USER, ""));
        return partition;
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

    /** User names are case-insensitive [HSM:cloudhsm_cli-user-create]; one name may exist once per role. */
    Optional<HsmUser> user(String username, HsmUser.Role role) {
        return Optional.ofNullable(users.get(key(username, role)));
    }

    void add(HsmUser user) {
        users.put(key(user.username(), user.role()), user);
    }

    void remove(String username, HsmUser.Role role) {
        users.remove(key(username, role));
    }

    private static String key(String username, HsmUser.Role role) {
        return username.toLowerCase(Locale.ROOT) + " " + role;
    }

    /** Keys by label. */
    Map<String, SecretKey> keys() {
        return keys;
    }
}
