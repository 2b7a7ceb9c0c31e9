package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** The account's keys and their aliases. */
final class Keys {
    private static final Pattern KEY_ID = Pattern.compile("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}");

    private final Account account;
    private final Map<String, KmsKey> byId = new LinkedHashMap<>();
    private final TreeMap<String, Alias> aliases = new TreeMap<>();

    Keys(Account account) {
        this.account = account;
    }

    /** @param resource {@code key/<id>} or {@code alias/<name>} */
    String arn(String resource) {
        return account.arn("kms", resource);
    }

    void add(KmsKey key) {
        byId.put(key.keyId(), key);
    }

    /** The key's aliases go with it. */
    void remove(KmsKey key) {
        byId.remove(key.keyId());
        aliases.values().removeIf(alias -> alias.target() == key);
    }

    /** In the order of their creation. */
    Collection<KmsKey> all() {
        return byId.values();
    }

    boolean anyIn(CustomKeyStore store) {
        return byId.values().stream().anyMatch(key -> key.store().orElse(null) == store);
    }

    Optional<KmsKey> byId(String keyId) {
        return Optional.ofNullable(byId.get(keyId));
    }

    /** By name. */
    Map<String, Alias> aliases() {
        return aliases;
    }

    List<Alias> aliasesOf(KmsKey key) {
        return aliases.values().stream().filter(alias -> alias.target() == key).toList();
    }

    /**
     * @param keyId id or ARN of a key, name or ARN of an alias
     * @throws AwsException NotFoundException or InvalidArnException
     */
    KmsKey find(String keyId) {
        var resource = resource(keyId);
        if (!resource.startsWith("alias/")) return findById(resource);
        var alias = aliases.get(resource);
        if (alias == null) throw notFound("Alias " + arn(resource) + " is not found.");
        return alias.target();
    }

    /**
     * For operations that take no alias.
     *
     * @param keyId id or ARN of a key
     * @throws AwsException NotFoundException or InvalidArnException
     */
    KmsKey findWithoutAlias(String keyId) {
        return findById(resource(keyId));
    }

    /** The condition key of a request that names its key by an alias. */
    Map<String, String> requestAlias(String keyId) {
        var prefix = arn("");
        var name = keyId.startsWith(prefix) ? keyId.substring(prefix.length()) : keyId;
        return name.startsWith("alias/") ? Map.of("kms:RequestAlias", name) : Map.of();
    }

    private String resource(String keyId) {
        if (!keyId.startsWith("arn:")) return keyId;
        var parts = keyId.split(":", 6);
        if (parts.length < 6 || !parts[2].equals("kms") || !parts[5].matches("(key|alias)/.+")) {
            throw AwsException.badRequest("InvalidArnException", "Invalid arn " + keyId);
        }
        if (!parts[3].equals(account.region())) throw notFound("Invalid arn " + parts[3]);
        if (!parts[4].equals(Iam.ACCOUNT)) throw notFound("Key '" + keyId + "' does not exist");
        return parts[5].startsWith("key/") ? parts[5].substring("key/".length()) : parts[5];
    }

    private KmsKey findById(String keyId) {
        if (!KEY_ID.matcher(keyId).matches()) throw notFound("Invalid keyId '" + keyId + "'");
        return byId(keyId).orElseThrow(() -> notFound("Key '" + arn("key/" + keyId) + "' does not exist"));
    }

    private static AwsException notFound(String message) {
        return AwsException.badRequest("NotFoundException", message);
    }
}
