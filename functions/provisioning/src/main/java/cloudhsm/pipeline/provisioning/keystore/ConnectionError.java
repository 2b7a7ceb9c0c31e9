package cloudhsm.pipeline.provisioning.keystore;

/**
 * What a ConnectionErrorCode of a FAILED key store means, and what helps.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html">Troubleshooting a key
 *     store</a>
 */
record ConnectionError(String meaning, String remedy) {
    private static final String RESTORE = "make a cluster from the newest backup and point the key store at it";

    /** Of a code as KMS writes it; one that is new to us is said to be so. */
    static ConnectionError of(String code) {
        return switch (code) {
            case "INVALID_CREDENTIALS" ->
                new ConnectionError(
                        "KMS has another password for kmsuser than the HSMs",
                        "set kmsuser's password as admin, and tell KMS the same one");
            case "USER_LOCKED_OUT" ->
                new ConnectionError(
                        "kmsuser is locked after too many failed logins",
                        "set kmsuser's password as admin, which unlocks it, and tell KMS the same one");
            case "USER_NOT_FOUND" ->
                new ConnectionError(
                        "the HSM that KMS logged in to has no crypto user named kmsuser",
                        "create kmsuser on every HSM, and tell KMS its password");
            case "USER_LOGGED_IN" ->
                new ConnectionError(
                        "somebody else is logged in to the cluster as kmsuser",
                        "log out there; if the password was changed, tell KMS the new one");
            case "INSUFFICIENT_CLOUDHSM_HSMS" ->
                new ConnectionError("the cluster has no active HSM", "create an HSM in the cluster");
            case "CLUSTER_NOT_FOUND" -> new ConnectionError("KMS finds no cluster of that id", RESTORE);
            case "SUBNET_NOT_FOUND" -> new ConnectionError("a subnet of the cluster has been deleted", RESTORE);
            case "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET" ->
                new ConnectionError(
                        "a subnet of the cluster has no free address for KMS's network interface",
                        "free an address in each of the cluster's subnets");
            case "NETWORK_ERRORS" ->
                new ConnectionError(
                        "KMS could not reach the cluster, usually for a short time",
                        "wait some minutes; if it repeats, look at the rules of the cluster's security group");
            case "INTERNAL_ERROR" -> new ConnectionError("KMS failed for a reason of its own", "just try again");
            default ->
                new ConnectionError(
                        "this pipeline does not know the code", "read AWS's page on troubleshooting a key store");
        };
    }
}
