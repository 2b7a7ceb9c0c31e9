package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.cluster.ClusterFailures;

/**
 * What a ConnectionErrorCode of a FAILED key store means, and what helps.
 *
 * @param repair what an execution does by itself before it connects again
 * @param tries how often it does so for this code
 * @param remedy what a person does when that is not enough, a sentence without its end
 * @param inPlace whether the next execution then goes on with the same cluster; if not, the remedy says how it starts
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html">Troubleshooting a key
 *     store</a>
 */
record ConnectionError(String meaning, Repair repair, int tries, String remedy, boolean inPlace) {
    /** What an execution does about it, after the key store has been disconnected. */
    enum Repair {
        COMPLETE_USER("kmsuser is created on every HSM that lacks it"),
        RESET_PASSWORD("kmsuser gets the password in its secret on every HSM, and KMS is told the same"),
        RESTORE_HSMS("two ACTIVE HSMs in two zones are made again"),
        WAIT("five minutes are let pass"),
        PERSON("a person is needed");

        private final String words;

        Repair(String words) {
            this.words = words;
        }

        /** A sentence without its end. */
        String words() {
            return words;
        }
    }

    /**
     * What a person does, a sentence without its end.
     *
     * @param connection what the execution that follows does with the key store
     */
    String next(String connection) {
        return inPlace
                ? remedy + "; then start a provisioning execution with the deployment's name, which " + connection
                : remedy;
    }

    private ConnectionError(String meaning, Repair repair, int tries, String remedy) {
        this(meaning, repair, tries, remedy, true);
    }

    private static ConnectionError person(String meaning, String remedy) {
        return new ConnectionError(meaning, Repair.PERSON, 0, remedy);
    }

    /** @param before what may help instead of another cluster in other subnets, or "" */
    private static ConnectionError elsewhere(String meaning, String before) {
        return new ConnectionError(meaning, Repair.PERSON, 0, before + ClusterFailures.ELSEWHERE, false);
    }

    /** Of a code as KMS writes it; one that is new to us is said to be so. */
    static ConnectionError of(String code) {
        return switch (code) {
            case "INVALID_CREDENTIALS" ->
                new ConnectionError(
                        "KMS has another password for kmsuser than the HSMs",
                        Repair.RESET_PASSWORD,
                        2,
                        "find out who changes kmsuser's password");
            case "USER_LOCKED_OUT" ->
                new ConnectionError(
                        "kmsuser is locked after too many failed logins",
                        Repair.RESET_PASSWORD,
                        2,
                        "find out who logs in as kmsuser with wrong passwords");
            case "USER_NOT_FOUND" ->
                new ConnectionError(
                        "the HSM that KMS logged in to has no crypto user named kmsuser",
                        Repair.COMPLETE_USER,
                        3,
                        "find out who deletes kmsuser");
            case "USER_LOGGED_IN" ->
                new ConnectionError(
                        "somebody is logged in to the cluster as kmsuser",
                        // KMS's own session ends with the disconnection; the pipeline itself never logs in as kmsuser.
                        Repair.WAIT,
                        1,
                        "log kmsuser out wherever somebody uses the CloudHSM CLI or an application with it");
            case "INSUFFICIENT_CLOUDHSM_HSMS" ->
                new ConnectionError(
                        "the cluster has no active HSM", Repair.RESTORE_HSMS, 2, "find out who deletes HSMs");
            case "CLUSTER_NOT_FOUND" ->
                person("KMS finds no cluster of that id", "see that a backup of the cluster is READY");
            case "SUBNET_NOT_FOUND" -> elsewhere("a subnet of the cluster has been deleted", "");
            case "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET" ->
                elsewhere(
                        "a subnet of the cluster has no free address for KMS's network interface",
                        "free at least one address in each of the cluster's subnets and start a provisioning"
                                + " execution with the deployment's name; or ");
            case "NETWORK_ERRORS" ->
                new ConnectionError(
                        "KMS could not reach the cluster, usually for a short time",
                        Repair.WAIT,
                        3,
                        "look at the rules of the cluster's security group: TCP 2223 to 2225 from and to itself");
            case "INTERNAL_ERROR" ->
                new ConnectionError(
                        "KMS failed for a reason of its own", Repair.WAIT, 3, "open a case with AWS Support");
            default ->
                person(
                        "this pipeline does not know the code",
                        "read AWS's page on troubleshooting a key store (fix-keystore)");
        };
    }
}
