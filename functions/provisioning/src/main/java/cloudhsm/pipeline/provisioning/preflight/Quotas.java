package cloudhsm.pipeline.provisioning.preflight;

import java.util.Optional;

/**
 * How many of each the account may have in the Region.
 *
 * @param clusters AWS gives 4, and more on request
 * @param hsms AWS gives 6, and more on request
 * @param keyStores 10, not adjustable
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/limits.html">AWS CloudHSM quotas</a>
 */
public record Quotas(int clusters, int hsms, int keyStores) {
    /** What every account starts with. */
    public static final Quotas DEFAULT = new Quotas(4, 6, 10);

    /** From CLUSTER_QUOTA and HSM_QUOTA of the function's environment, which the template's parameters set. */
    public static Quotas ofFunction() {
        return new Quotas(
                number("CLUSTER_QUOTA", DEFAULT.clusters()), number("HSM_QUOTA", DEFAULT.hsms()), DEFAULT.keyStores());
    }

    private static int number(String variable, int byDefault) {
        return Optional.ofNullable(System.getenv(variable))
                .filter(text -> !text.isBlank())
                .map(Integer::parseInt)
                .orElse(byDefault);
    }
}
