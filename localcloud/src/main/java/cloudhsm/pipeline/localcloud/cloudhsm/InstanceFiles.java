package cloudhsm.pipeline.localcloud.cloudhsm;

import java.nio.file.Path;

/** The files of an instance, which live under its own root directory on this machine. */
record InstanceFiles(Path root) {
    /** Where configure-cli writes to and cloudhsm-cli reads from. */
    static final String CONFIGURATION = "/opt/cloudhsm/etc/cloudhsm-cli.cfg";

    InstanceFiles {
        root = root.toAbsolutePath();
    }

    /**
     * @param path as the instance sees it; one that already starts with the root is taken as it is, because scripts
     *     run with {@code /opt/cloudhsm} replaced by its place under the root
     */
    Path locate(String path) {
        var given = Path.of(path);
        if (given.startsWith(root)) return given;
        return root.resolve(given.isAbsolute() ? path.substring(1) : path);
    }
}
