package cloudhsm.pipeline.provisioning.stage;

import java.util.Locale;

/** The questions about AWS that a run can answer; each is a row of docs/limits.md, under its name there. */
public enum Question {
    UPDATE_OBJECT_ENCRYPTION_WITH_A_CLOUDHSM_KEY,
    CLUSTER_STATE_WHILE_AN_HSM_IS_ADDED,
    CREATE_HSM_WHILE_ANOTHER_IS_CREATED,
    CREATE_HSM_REFUSED,
    DELETED_STAYS_LISTED,
    CLUSTER_CERTIFICATE,
    CONNECTION_ERROR_CODE,
    TRUST_ANCHOR_OF_A_KEY_STORE,
    TAGS_OF_A_NEW_RESOURCE,
    KMS_CMK_DELETION_EVENT,
    KEYS_AFTER_HSMS_CAME_BACK,
    HARDWARE_CERTIFICATES,
    CLUSTER_FROM_A_BACKUP;

    /** The name of its row: {@code cluster-certificate}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
