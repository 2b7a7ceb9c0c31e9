package cloudhsm.pipeline.localcloud.kms;

/** Whether KMS is logged in to the cluster of a custom key store. */
enum ConnectionState {
    DISCONNECTED,
    CONNECTING,
    CONNECTED,
    /** Stays until DisconnectCustomKeyStore; the reason is the store's ConnectionErrorCode. */
    FAILED,
    DISCONNECTING
}
