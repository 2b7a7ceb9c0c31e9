package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import cloudhsm.pipeline.runlocal.matrix.Matrix;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
        exitCodeList = {
            "0:everything is under the key",
            "1:the run failed, or a fault that was asked for did not happen",
            "2:an option or the input is wrong"
        },
        subcommands = {
            Doctor.class,
            Rehearse.class,
            Serve.class,
            FaultMenu.class,
            Pause.class,
            Teardown.class,
            Loss.class,
            Compare.class,
            Matrix.class,
            Bench.class
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

    @Mixin
    private ReportOption report;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            converter = OutputFile.class,
            description = "Writes the page that the stage Report puts into the evidence bucket, if the run succeeds")
    private Path html;

    @Mixin
    private SeedOption seed;

    @Mixin
    private RegionOption region;

    @Mixin
    private FaultOption faults;

    /** Ends the JVM with the command's exit code. */
    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    /** The command with all its subcommands. What ends a run is told in a sentence, and the exit code is 1. */
    public static CommandLine commandLine() {
        return new CommandLine(new RunLocal()).setExecutionExceptionHandler((failure, command, parsed) -> {
            if (!(failure instanceof IllegalStateException
                    || failure instanceof TemplateException
                    || failure instanceof IOException)) {
                throw failure; // a defect of ours: the stack trace is wanted
            }
            command.getErr()
                    .println(command.getCommandSpec().qualifiedName() + ": "
                            + (failure instanceof IOException
                                    ? failure.getClass().getSimpleName() + ": " + failure.getMessage()
                                    : failure.getMessage()));
            return 1;
        });
    }

    @Override
    public Integer call() throws IOException {
        faults.checkIn(region.region());
        var executionInput = ExecutionInput.read(input, spec.commandLine());
        var files = upload == null ? LocalDeployment.projectRoot().resolve("docs") : upload;
        if (!Files.isDirectory(files)) {
            throw new ParameterException(spec.commandLine(), "--upload: " + files + " is not a directory");
        }
        try (var deployment =
                LocalDeployment.deploy(LocalCloud.start(region.region(), seed.seed()), LocalDeployment.projectRoot())) {
            var out = spec.commandLine().getOut();
            out.printf(
                    "Embedded AWS %s at %s, seed %d. Simulated: nothing here is AWS, nothing is billed.%n",
                    region.region(), deployment.cloud().uri(), seed.seed());
            faults.checkCalls(deployment.cloud());
            faults.injectInto(deployment.cloud());
            var run = new ProvisioningRun(deployment, out);
            var succeeded = run.run(executionInput);
            var objects = succeeded ? upload(run, deployment, files, out) : List.<UploadedObject>of();
            report.write(run.report(objects));
            if (html != null && succeeded) Files.writeString(html, run.page());
            if (succeeded && faults.contains(Fault.Kind.HSM_LOST)) {
                return faults.exitCode(
                        new Healing(deployment, run, objects.getFirst().key(), out).show() ? 0 : 1);
            }
            if (succeeded) return faults.exitCode(0);
            return faults.exitCode(run.inputWasRefused() ? 2 : 1);
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
}
