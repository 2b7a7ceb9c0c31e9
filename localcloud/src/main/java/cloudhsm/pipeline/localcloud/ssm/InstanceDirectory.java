package cloudhsm.pipeline.localcloud.ssm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An instance's disk: a directory on this machine. Scripts keep the absolute paths that they would use on an instance;
 * those under {@link #MAPPED} are moved into the directory by rewriting the script's text wherever such a path starts.
 * Programs are found in {@code usr/local/bin} (stand-ins) and {@code usr/bin} (links to this machine's) and nowhere
 * else, so a script that needs something Amazon Linux may not have fails here too.
 */
final class InstanceDirectory {
    /** The directories that scripts may name by their absolute path. */
    static final List<String> MAPPED =
            List.of("/opt/cloudhsm", "/var/tmp", "/var/log", "/var/lib", "/etc/pki", "/usr/local/bin", "/tmp", "/root");

    /** A path begins where neither a longer path nor a word is under way, and ends where its last name ends. */
    private static final Pattern PATHS =
            Pattern.compile("(?<![\\w./}~*-])(" + String.join("|", MAPPED) + ")(?![\\w-]|\\.\\w)");

    /** Bash and what Amazon Linux 2023 always has: coreutils, grep, sed, awk, findutils. */
    private static final List<String> PROGRAMS = List.of(
            "awk",
            "base64",
            "basename",
            "bash",
            "cat",
            "chmod",
            "chown",
            "cmp",
            "comm",
            "cp",
            "cut",
            "date",
            "dd",
            "dirname",
            "echo",
            "env",
            "expr",
            "false",
            "find",
            "grep",
            "head",
            "hostname",
            "id",
            "install",
            "join",
            "ln",
            "ls",
            "mkdir",
            "mktemp",
            "mv",
            "paste",
            "printf",
            "pwd",
            "readlink",
            "rm",
            "rmdir",
            "sed",
            "seq",
            "sh",
            "sha256sum",
            "sort",
            "stat",
            "tail",
            "tee",
            "test",
            "timeout",
            "touch",
            "tr",
            "true",
            "truncate",
            "uname",
            "uniq",
            "wc",
            "whoami",
            "xargs");

    private static final List<Path> MACHINE = List.of(Path.of("/usr/bin"), Path.of("/bin"));

    private final Path root;

    /** Opens the disk; makes it where it does not exist yet. */
    InstanceDirectory(Path root) {
        try {
            Files.createDirectories(root);
            this.root = root.toRealPath();
            if (Files.exists(this.root.resolve("usr"))) return;
            for (var directory : MAPPED) Files.createDirectories(inside(directory));
            Files.createDirectories(inside("/usr/bin"));
            for (var program : PROGRAMS) link(program);
            for (var program : List.of("aws", "curl", "dnf", "sleep")) installStandIn("/usr/local/bin/" + program);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private void link(String program) throws IOException {
        for (var directory : MACHINE) {
            if (Files.isExecutable(directory.resolve(program))) {
                Files.createSymbolicLink(inside("/usr/bin/" + program), directory.resolve(program));
                return;
            }
        }
    }

    Path root() {
        return root;
    }

    /** Where a path of the instance lies on this machine. */
    Path inside(String absolutePath) {
        return root.resolve(absolutePath.substring(1));
    }

    /** Where a path lies that a program on the instance was given, or null if outside the instance. */
    Path resolve(String workingDirectory, String path) {
        var given = unmapped(path);
        var resolved = given.startsWith("/")
                ? inside(given)
                : Path.of(workingDirectory).resolve(given);
        var normal = resolved.normalize();
        return normal.startsWith(root) ? normal : null;
    }

    /** The script's text with its absolute paths moved into this directory. */
    String mapped(String script) {
        return PATHS.matcher(script).replaceAll(path -> Matcher.quoteReplacement(root + path.group(1)));
    }

    /** The text with this directory's paths as the instance sees them. */
    String unmapped(String text) {
        return text.replace(root.toString(), "");
    }

    /** Puts a program there that hands every call of it to the embedded AWS. */
    void installStandIn(String absolutePath) throws IOException {
        var file = inside(absolutePath);
        Files.createDirectories(file.getParent());
        Files.writeString(file, StandInServer.SCRIPT);
        if (!file.toFile().setExecutable(true)) throw new IOException("Cannot make " + absolutePath + " executable");
    }

    void delete() {
        try (var files = Files.walk(root)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
