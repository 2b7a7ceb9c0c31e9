package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a script under this machine's bash, inside an instance's directory and with nothing of our environment. */
final class Shell {
    /** How long a script may take on this machine, whatever its time on the instance; programs there answer at once. */
    private static final long REAL_SECONDS = 120;

    /** What a script that did not end in time leaves behind, as after {@code kill -9}. */
    private static final int KILLED = 137;

    private Shell() {}

    /**
     * @param script as the agent would store it; its first line may choose bash
     * @param workingDirectory on the instance; empty for the agent's own
     */
    static CommandResult run(
            InstanceDirectory disk, String script, String workingDirectory, Map<String, String> environment) {
        Path work = null;
        try {
            work = Files.createTempDirectory(disk.root(), "command-");
            var file = Files.writeString(work.resolve("_script.sh"), disk.mapped(script));
            var output = work.resolve("stdout");
            var error = work.resolve("stderr");
            // The agent starts sh, which on Amazon Linux is bash in POSIX mode, unless the first line says otherwise.
            var bash = script.startsWith("#!")
                    && script.lines().findFirst().orElse("").endsWith("bash");
            var builder = bash
                    ? new ProcessBuilder("bash", "--noprofile", "--norc", file.toString())
                    : new ProcessBuilder("bash", "--noprofile", "--norc", "--posix", file.toString());
            var directory = workingDirectory.isEmpty() ? disk.inside("/root") : disk.resolve("/", workingDirectory);
            if (directory == null || !Files.isDirectory(directory)) {
                return new CommandResult(1, "", "chdir " + workingDirectory + ": no such file or directory\n");
            }
            builder.directory(directory.toFile())
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(output.toFile())
                    .redirectError(error.toFile());
            builder.environment().clear();
            builder.environment().putAll(environment(disk, environment));
            var status = await(builder.start());
            return new CommandResult(status, text(disk, output), text(disk, error));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } finally {
            if (work != null) delete(work);
        }
    }

    private static Map<String, String> environment(InstanceDirectory disk, Map<String, String> more) {
        var environment = new HashMap<>(more);
        environment.put("PATH", disk.inside("/usr/local/bin") + ":" + disk.inside("/usr/bin"));
        environment.put("HOME", disk.inside("/root").toString());
        environment.put("TMPDIR", disk.inside("/tmp").toString());
        environment.put("USER", "root");
        environment.put("LC_ALL", "C.UTF-8");
        return environment;
    }

    private static int await(Process process) {
        try {
            if (process.waitFor(REAL_SECONDS, TimeUnit.SECONDS)) return process.exitValue();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        return KILLED;
    }

    private static String text(InstanceDirectory disk, Path file) throws IOException {
        return disk.unmapped(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
    }

    private static void delete(Path work) {
        try (var files = Files.list(work)) {
            for (var file : files.toList()) Files.delete(file);
            Files.delete(work);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
