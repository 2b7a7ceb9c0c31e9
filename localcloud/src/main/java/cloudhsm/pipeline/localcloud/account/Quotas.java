package cloudhsm.pipeline.localcloud.account;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What AWS limits in the account, as far as the embedded AWS does: AWS's default, until another value is applied. */
public final class Quotas {
    /** Clusters of CloudHSM per Region. */
    public static final String CLUSTERS = "L-4B16B391";

    /** HSMs of all clusters per Region. */
    public static final String HSMS = "L-95BA35D1";

    /** Concurrent executions of Lambda per Region. */
    public static final String CONCURRENT_EXECUTIONS = "L-B99A9384";

    /** Of CloudHSM and KMS [GR:cloudhsm; GR:kms]; Lambda's code is from others' repositories. */
    private static final List<Quota> ALL = List.of(
            new Quota("cloudhsm", "AWS CloudHSM", CLUSTERS, "Clusters per Region", 4, true),
            new Quota("cloudhsm", "AWS CloudHSM", HSMS, "HSMs per Region", 6, true),
            new Quota("kms", "AWS Key Management Service (AWS KMS)", "L-F33DCFEB", "Custom Key Stores", 10, false),
            new Quota("lambda", "AWS Lambda", CONCURRENT_EXECUTIONS, "Concurrent executions", 1_000, true));

    private final Map<String, Double> applied = new ConcurrentHashMap<>();

    /**
     * One of them.
     *
     * @param service Service Quotas' code, for example {@code cloudhsm}
     * @param byDefault what AWS gives every account
     */
    public record Quota(
            String service, String serviceName, String code, String name, double byDefault, boolean adjustable) {}

    /** All that the embedded AWS knows. */
    public List<Quota> all() {
        return ALL;
    }

    /** What was applied to this account instead of the default; empty where nothing was. */
    public Optional<Double> applied(String code) {
        return Optional.ofNullable(applied.get(code));
    }

    /** What holds for the account. @throws IllegalArgumentException where there is no such quota */
    public long value(String code) {
        return applied(code).orElseGet(() -> known(code).byDefault()).longValue();
    }

    /** As AWS does once it has granted a request, or from the beginning in a new account. */
    public void apply(String code, double value) {
        applied.put(known(code).code(), value);
    }

    private static Quota known(String code) {
        return ALL.stream()
                .filter(quota -> quota.code().equals(code))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no quota " + code));
    }
}
