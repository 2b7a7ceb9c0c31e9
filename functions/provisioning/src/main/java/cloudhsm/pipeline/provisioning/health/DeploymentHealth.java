package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.stage.Resource;
import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Objects;

/**
 * What the keys of a deployment depend on, as AWS shows it at one moment.
 *
 * @param clusterState CloudHSM's, or ABSENT
 * @param wantedHsms how many there should be
 * @param activeHsms how many are ACTIVE
 * @param activeZones with an ACTIVE HSM, in order of their names
 * @param degradedHsms ids of the HSMs that never recover and may bill
 * @param keyStoreState KMS's connection state, or ABSENT
 * @param keyStoreError KMS's ConnectionErrorCode while FAILED, or ""
 */
public record DeploymentHealth(
        String deployment,
        String clusterId,
        String clusterState,
        int wantedHsms,
        int activeHsms,
        List<String> activeZones,
        List<String> degradedHsms,
        String keyStoreId,
        String keyStoreState,
        String keyStoreError) {
    /** KMS makes keys only while two zones have an ACTIVE HSM, and one that is lost must not be the last. */
    private static final int ZONES = 2;

    public DeploymentHealth {
        Objects.requireNonNull(deployment, "deployment");
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(clusterState, "clusterState");
        activeZones = List.copyOf(activeZones);
        degradedHsms = List.copyOf(degradedHsms);
        Objects.requireNonNull(keyStoreId, "keyStoreId");
        Objects.requireNonNull(keyStoreState, "keyStoreState");
        Objects.requireNonNull(keyStoreError, "keyStoreError");
    }

    /** Whether something is wrong that does not pass by itself; a key store on its way is not. */
    public boolean isDegraded() {
        return activeZones.size() < ZONES
                || activeHsms < wantedHsms
                || !degradedHsms.isEmpty()
                || switch (keyStoreState) {
                    case "CONNECTED", "CONNECTING", "DISCONNECTING" -> false;
                    default -> true;
                };
    }

    /** Whether KMS has logged out, or is about to; only a person does that, or the pipeline to connect again. */
    @JsonIgnore
    public boolean isDisconnected() {
        return keyStoreState.equals("DISCONNECTED") || keyStoreState.equals("DISCONNECTING");
    }

    /** KMS connects only out of DISCONNECTED. */
    public boolean mustReconnect() {
        return isDisconnected() || hasFailed();
    }

    /** Whether KMS could not connect; its error code says why. */
    public boolean hasFailed() {
        return keyStoreState.equals("FAILED");
    }

    /** Whether the keys cannot be used, so that connecting anew interrupts nobody. */
    @JsonIgnore
    public boolean isOutOfUse() {
        return activeZones.isEmpty() || !keyStoreState.equals("CONNECTED");
    }

    /** Whether AWS knows the cluster or the key store no more, which nothing here brings back. */
    @JsonIgnore
    public boolean isClusterOrKeyStoreGone() {
        return clusterState.equals(Resource.ABSENT) || keyStoreState.equals(Resource.ABSENT);
    }

    /** One or two sentences for a person. */
    public String inWords() {
        var hsms = switch (activeZones.size()) {
            case 0 -> "No zone has an ACTIVE HSM, so nothing under the key can be read or written.";
            case 1 ->
                "Only " + activeZones.getFirst()
                        + " has an ACTIVE HSM: objects stay readable, but no second HSM stands by.";
            default -> "HSMs are ACTIVE in " + String.join(" and ", activeZones) + ".";
        };
        var missing = activeZones.size() >= ZONES && activeHsms < wantedHsms
                ? " " + activeHsms + " of " + wantedHsms + " HSMs are ACTIVE."
                : "";
        var degraded = degradedHsms.isEmpty() ? "" : " DEGRADED: " + String.join(", ", degradedHsms) + ".";
        var error = keyStoreError.isEmpty() ? "" : " with " + keyStoreError;
        return hsms + missing + degraded + " Key store " + keyStoreId + " is " + keyStoreState + error + ".";
    }
}
