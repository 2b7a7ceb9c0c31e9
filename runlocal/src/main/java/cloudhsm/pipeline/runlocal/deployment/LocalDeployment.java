package cloudhsm.pipeline.runlocal.deployment;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Stack;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The project's template, deployed to a fresh embedded AWS. */
public record LocalDeployment(LocalCloud cloud, Stack stack) implements AutoCloseable {
    /** The package that {@code template.yaml} pins for the client's default processor. */
    private static final String CLI_PACKAGE = "cloudhsm-cli-5.18.0-1.amzn2023.aarch64.rpm";

    /**
     * Deploys the built artifacts. Two parameters differ from a deployment to AWS: the embedded AWS cannot sign with
     * AWS's own hardware root and has no copy of AWS's package, so it hands over its own root and its own hash.
     *
     * @param projectRoot where template.yaml is
     */
    public static LocalDeployment deploy(LocalCloud cloud, Path projectRoot) {
        return deploy(cloud, projectRoot, Map.of());
    }

    /** @param parameters further parameters of the template, or others than usual */
    public static LocalDeployment deploy(LocalCloud cloud, Path projectRoot, Map<String, String> parameters) {
        var all = new HashMap<>(Map.of(
                "AwsRootCertificate", cloud.cloudHsm().awsRootPem(),
                "CliPackageSha256", cloud.ssm().packageSha256(CLI_PACKAGE)));
        all.putAll(parameters);
        return new LocalDeployment(
                cloud, Stack.deploy(cloud, projectRoot.resolve("template.yaml"), "cloudhsm-pipeline", all));
    }

    /** The root directory of the project that {@code ./run-local} or the build names. */
    public static Path projectRoot() {
        return Path.of(System.getProperty("project.root", "."));
    }

    /** ARN of the state machine that provisions. */
    public String provisionStateMachine() {
        return stack.outputs().get("ProvisionStateMachineArn");
    }

    /** ARN of the state machine that tears down. */
    public String teardownStateMachine() {
        return stack.outputs().get("TeardownStateMachineArn");
    }

    /**
     * Starts an execution as a person in the console does.
     *
     * @return its ARN
     */
    public String startExecution(String stateMachineArn, String name, String input) {
        return cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "states",
                        "StartExecution",
                        Json.object()
                                .put("stateMachineArn", stateMachineArn)
                                .put("name", name)
                                .put("input", input))
                .path("executionArn")
                .asText();
    }

    @Override
    public void close() {
        cloud.close();
    }
}
