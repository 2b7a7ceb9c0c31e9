package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.runlocal.cli.RunLocal;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code ./run-local} in a process of its own, which finds credentials, Region and endpoint in its surroundings only. */
record RunLocalProcess(Process process) {
    private static final String NOBODY = "/nonexistent";

    /** How it ended. */
    record Ended(int exitCode, String output) {}

    static RunLocalProcess start(Map<String, String> surroundings, String... arguments) throws IOException {
        var command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-Dproject.root=" + LocalDeployment.projectRoot().toAbsolutePath(),
                "-cp",
                System.getProperty("java.class.path"),
                RunLocal.class.getName()));
        command.addAll(List.of(arguments));
        var process = new ProcessBuilder(command).redirectErrorStream(true);
        process.environment().keySet().removeIf(name -> name.startsWith("AWS_") || name.equals("JAVA_TOOL_OPTIONS"));
        process.environment()
                .putAll(Map.of(
                        "AWS_CONFIG_FILE", NOBODY,
                        "AWS_SHARED_CREDENTIALS_FILE", NOBODY,
                        "AWS_EC2_METADATA_DISABLED", "true"));
        process.environment().putAll(surroundings);
        return new RunLocalProcess(process.start());
    }

    /** What the environment has to say for the administrator of this account. */
    static Map<String, String> surroundings(LocalCloud cloud) {
        return Map.of(
                "AWS_ENDPOINT_URL", cloud.uri().toString(),
                "AWS_DEFAULT_REGION", cloud.account().region(),
                "AWS_ACCESS_KEY_ID", cloud.iam().administrator().accessKeyId(),
                "AWS_SECRET_ACCESS_KEY", cloud.iam().administrator().secretAccessKey());
    }

    /** Waits for the end. */
    Ended ended() throws IOException, InterruptedException {
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), output);
    }
}
