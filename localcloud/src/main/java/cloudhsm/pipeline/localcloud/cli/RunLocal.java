package cloudhsm.pipeline.localcloud.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.matrix.Matrix;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local}: the whole path on the embedded AWS. */
@Command(
        name = "run-local",
        mixinStandardHelpOptions = true,
        version = "1.0.0",
        description = {
            "Deploys template.yaml to an embedded AWS on this machine, runs the provisioning state machine with the"
                    + " built functions in simulated time, uploads files and shows them under the key.",
            "Nothing here is AWS, and nothing is billed."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:everything is under the key", "1:the run failed", "2:an option or the input is wrong"},
        subcommands = {Serve.class, FaultMenu.class, Pause.class, Teardown.class, Loss.class, Matrix.class, Bench.class
        })
public final class RunLocal implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--input", paramLabel = "FILE", description = "Input of the execution; default: {}")
    private Path input;

    @Option(
            names = "--upload",
            paramLabel = "DIR",
            description = "Files to upload; default: the project's docs. Half of them ask for another encryption.")
    private Path upload;

    @Option(names = "--report", paramLabel = "FILE", description = "Writes the run's report as JSON")
    private Path report;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "Writes the page that the stage Report puts into the evidence bucket, if the run succeeds")
    private Path html;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Same seed, same durations and ids; default: ${DEFAULT-VALUE}",
            defaultValue = "1")
    private long seed;

    @Option(
            names = "--fault",
            paramLabel = "SPEC",
            description = "Something that goes wrong, once; may be repeated. \"run-local faults\" lists what there is.")
    private List<String> faults = List.of();

    /** Ends the JVM with the command's exit code. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new RunLocal()).execute(arguments));
    }

    @Override
    public Integer call() throws IOException {
        var executionInput = executionInput();
        var toInject = Fault.parseAll(faults, spec);
        var files = upload == null ? LocalDeployment.projectRoot().resolve("docs") : upload;
        if (!Files.isDirectory(files)) {
            throw new ParameterException(spec.commandLine(), "--upload: " + files + " is not a directory");
        }
        requireDirectory("--report", report);
        requireDirectory("--html", html);
        try (var deployment = LocalDeployment.deploy(LocalCloud.start(0, seed), LocalDeployment.projectRoot())) {
            var out = spec.commandLine().getOut();
            out.printf(
                    "Embedded AWS at %s, seed %d. Simulated: nothing here is AWS, nothing is billed.%n",
                    deployment.cloud().uri(), seed);
            toInject.forEach(fault -> fault.injectInto(deployment.cloud()));
            var run = new ProvisioningRun(deployment, out);
            var succeeded = run.run(executionInput);
            var objects = succeeded ? upload(run, deployment, files, out) : List.<UploadedObject>of();
            if (report != null) write(run.report(objects));
            if (html != null && succeeded) Files.writeString(html, run.page());
            if (succeeded && toInject.stream().anyMatch(fault -> fault.kind() == Fault.Kind.HSM_LOST)) {
                return new Healing(deployment, run, objects.getFirst().key(), out).show() ? 0 : 1;
            }
            if (succeeded) return 0;
            return run.inputWasRefused() ? 2 : 1;
        } catch (IllegalStateException | TemplateException failed) {
            spec.commandLine().getErr().println("run-local: " + failed.getMessage());
            return 1;
        }
    }

    private void requireDirectory(String option, Path file) {
        if (file == null || file.toAbsolutePath().getParent() == null) return;
        if (!Files.isDirectory(file.toAbsolutePath().getParent())) {
            throw new ParameterException(spec.commandLine(), option + ": there is no directory for " + file);
        }
    }

    private JsonNode executionInput() throws IOException {
        if (input == null) return Json.object();
        if (!Files.isReadable(input)) {
            throw new ParameterException(spec.commandLine(), "--input: cannot read " + input);
        }
        try {
            var json = Json.MAPPER
                    .reader()
                    .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .readTree(Files.readString(input));
            if (!json.isMissingNode()) return json;
            throw new ParameterException(
                    spec.commandLine(), "--input: " + input + " is empty; {} asks for the defaults");
        } catch (JsonProcessingException malformed) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--input: " + input + " is not JSON: it goes wrong at line "
                            + malformed.getLocation().getLineNr() + ", column "
                            + malformed.getLocation().getColumnNr());
        } catch (CharacterCodingException notText) {
            throw new ParameterException(spec.commandLine(), "--input: " + input + " is not JSON: it is not UTF-8");
        }
    }

    private static List<UploadedObject> upload(
            ProvisioningRun run, LocalDeployment deployment, Path files, PrintWriter out) throws IOException {
        try (var uploads = new Uploads(deployment.cloud(), run.bucket(), run.keyArn())) {
            var objects = uploads.of(files);
            out.printf("%nUploaded %d files of %s to s3://%s:%n", objects.size(), files, run.bucket());
            for (var object : objects) {
                out.printf(
                        "  %-32s %8d bytes  %s -> %s  on disk: %s…%n",
                        object.key(),
                        object.bytes(),
                        named(object.before(), run.keyArn()),
                        named(object.after(), run.keyArn()),
                        uploads.bytesOnDisk(files, object));
            }
            out.println("Every object is under the key; ETag, version, metadata and tags are unchanged; the disk holds"
                    + " ciphertext only.");
            return objects;
        }
    }

    private static String named(String encryption, String keyArn) {
        if (encryption.equals(keyArn)) return "the HSMs' key";
        return encryption.equals("AES256") ? "SSE-S3" : "another key";
    }

    private void write(RunReport run) throws IOException {
        var mapper = Json.MAPPER.copy().enable(SerializationFeature.INDENT_OUTPUT);
        Files.writeString(report, mapper.writeValueAsString(run) + System.lineSeparator());
    }
}
