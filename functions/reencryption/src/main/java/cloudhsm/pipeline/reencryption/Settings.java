package cloudhsm.pipeline.reencryption;

import java.util.Locale;
import java.util.Map;

/**
 * How objects come under the key; from the function's environment.
 *
 * @param concurrency objects that are worked on at the same time within one invocation
 */
record Settings(Mode mode, PreviousVersions previousVersions, DualLayerObjects dualLayerObjects, int concurrency) {
    /**
     * Memory in MB for one object in work: a connection with its TLS buffers and the parsed answer take less than half
     * of it, and the CPU that comes with the memory is busy by then.
     */
    private static final int MEMORY_PER_OBJECT = 32;

    /** So many objects at the same time at most, however much memory there is. */
    static final int MOST_CONCURRENCY = 64;

    /** What is tried first. */
    enum Mode {
        /** UpdateObjectEncryption; a copy only for what it does not serve. */
        UPDATE,
        /** A copy onto itself, for Regions and keys that UpdateObjectEncryption does not serve. */
        COPY
    }

    /** What becomes of the version that was copied, where the bucket keeps versions. */
    enum PreviousVersions {
        KEEP,
        DELETE
    }

    /** What becomes of objects under DSSE-KMS, whose two layers of encryption a copy makes one. */
    enum DualLayerObjects {
        KEEP,
        COPY
    }

    static final Settings DEFAULT = new Settings(Mode.UPDATE, PreviousVersions.KEEP, DualLayerObjects.KEEP, 16);

    /** @throws IllegalArgumentException where a variable has none of its values */
    static Settings of(Map<String, String> environment) {
        var memory = Integer.parseInt(environment.getOrDefault("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"));
        return new Settings(
                value(Mode.class, environment.getOrDefault("MODE", "UPDATE")),
                value(PreviousVersions.class, environment.getOrDefault("PREVIOUS_VERSIONS", "KEEP")),
                value(DualLayerObjects.class, environment.getOrDefault("DUAL_LAYER_OBJECTS", "KEEP")),
                Math.clamp(memory / MEMORY_PER_OBJECT, 1, MOST_CONCURRENCY));
    }

    /** The same, but no version is ever deleted. */
    Settings keepingVersions() {
        return new Settings(mode, PreviousVersions.KEEP, dualLayerObjects, concurrency);
    }

    private static <E extends Enum<E>> E value(Class<E> type, String name) {
        return Enum.valueOf(type, name.toUpperCase(Locale.ROOT));
    }
}
