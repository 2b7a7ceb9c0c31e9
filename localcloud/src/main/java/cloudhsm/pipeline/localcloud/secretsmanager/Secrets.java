package cloudhsm.pipeline.localcloud.secretsmanager;

import java.util.Collection;
import java.util.Optional;
import java.util.TreeMap;

/** The account's secrets. */
final class Secrets {
    private final TreeMap<String, Secret> byName = new TreeMap<>();

    void add(Secret secret) {
        byName.put(secret.name(), secret);
    }

    void remove(Secret secret) {
        byName.remove(secret.name());
    }

    /** By name. */
    Collection<Secret> all() {
        return byName.values();
    }

    Optional<Secret> byName(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** @param secretId name, ARN, or ARN without its last hyphen and six characters */
    Optional<Secret> find(String secretId) {
        return byName.values().stream()
                .filter(secret -> secret.name().equals(secretId)
                        || secret.arn().equals(secretId)
                        || withoutSuffix(secret.arn()).equals(secretId))
                .findFirst();
    }

    private static String withoutSuffix(String arn) {
        return arn.substring(0, arn.length() - "-AbCdEf".length());
    }
}
