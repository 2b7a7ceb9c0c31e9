package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Artifacts and roles for tests: the compiled handlers of {@code handlers}, zipped as the build zips functions. */
public final class TestFunctions {
    private static final String HANDLERS = "cloudhsm.pipeline.localcloud.lambda.handlers.";

    private TestFunctions() {}

    /** A zip of the test handlers; with {@code lib/} holding the AWS SDK if asked. */
    public static Path artifact(Path directory, boolean withSdk) {
        var zip = directory.resolve("handlers.zip");
        var root = Path.of(TestFunctions.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .getPath());
        var handlers = root.resolve(HANDLERS.replace('.', '/'));
        try (var out = new ZipOutputStream(Files.newOutputStream(zip));
                var files = Files.list(handlers)) {
            for (var file : files.toList()) add(out, root.relativize(file).toString(), file);
            if (withSdk) {
                for (var element : System.getProperty("java.class.path").split(File.pathSeparator)) {
                    var jar = Path.of(element);
                    if (element.contains("awssdk")
                            || element.contains("reactive-streams")
                            || element.contains("slf4j")) {
                        add(out, "lib/" + jar.getFileName(), jar);
                    }
                }
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return zip;
    }

    private static void add(ZipOutputStream zip, String name, Path file) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        Files.copy(file, zip);
        zip.closeEntry();
    }

    /** A role that the service may assume, with this policy; null for none. */
    public static Role role(LocalCloud cloud, String name, String service, String policy) {
        var role = cloud.iam().createRole(name, PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "%s"}}}\
            """.formatted(service))));
        if (policy != null) role.policies().put("policy", PolicyDocument.parse(Json.parse(policy)));
        return role;
    }

    /** Creates a function of the test handlers with the variable STAGE. Returns its ARN. */
    public static String create(LocalCloud cloud, Path artifact, String name, String handler, String stage) {
        return cloud.lambda()
                .createFunction(new LambdaService.FunctionConfiguration(
                        name,
                        artifact,
                        HANDLERS + handler,
                        "java25",
                        List.of("arm64"),
                        Duration.ofSeconds(30),
                        256,
                        Map.of("STAGE", stage),
                        role(cloud, name + "-role", "lambda.amazonaws.com", null),
                        "/aws/lambda/" + name));
    }
}
