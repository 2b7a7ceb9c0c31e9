package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.doctor.Examination;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local doctor}: looks at an AWS account before and after a deployment. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = {
            "Looks whether an AWS account is ready for this pipeline: who you are, what the Region offers, quotas,"
                    + " network, your rights, the template and the state machines. With --stack also whether what is"
                    + " deployed is what lies here, and how it does.",
            "Reads only: it changes nothing and makes nothing. Credentials, Region and AWS_ENDPOINT_URL are found as"
                    + " every AWS tool finds them."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:all is right", "1:something is wrong", "2:nothing is wrong, but not everything could be seen"
        })
final class Doctor implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private AccountOptions account;

    @Option(names = "--stack", paramLabel = "NAME", description = "A stack that is deployed already")
    private Optional<String> stack = Optional.empty();

    @Option(
            names = "--input",
            paramLabel = "FILE",
            description =
                    "Input of the provisioning that is to follow: its network, names and numbers are what is looked"
                            + " at; default: {}")
    private Path input;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            converter = OutputFile.class,
            description = "Writes what was found as JSON")
    private Path json;

    @Override
    public Integer call() throws IOException {
        var execution = ExecutionInput.read(input, spec.commandLine());
        try (var aws = account.aws()) {
            var out = spec.commandLine().getOut();
            var examination = new Examination(aws, LocalDeployment.projectRoot(), out::println);
            examination.run(execution, stack);
            out.println();
            out.println(conclusion(examination));
            out.println(examination.cost());
            out.flush();
            if (json != null) write(examination);
            return examination.exitCode();
        } catch (IllegalStateException | TemplateException impossible) {
            spec.commandLine().getErr().println("run-local doctor: " + impossible.getMessage());
            return 2;
        }
    }

    private static String conclusion(Examination examination) {
        return switch (examination.exitCode()) {
            case 0 -> "All is right.";
            case 1 -> "Something is wrong: the lines that begin with WRONG say what, and what to do next.";
            default ->
                (examination.isBlind() ? "Nothing could be looked at" : "Nothing is wrong in what could be seen")
                        + "; the lines that begin with unseen say what could not.";
        };
    }

    private void write(Examination examination) throws IOException {
        var result = Json.object().put("exitCode", examination.exitCode()).put("cost", examination.cost());
        result.set("findings", Json.MAPPER.valueToTree(examination.findings()));
        OutputFile.writeJson(json, result);
    }
}
