package cloudhsm.pipeline.runlocal.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local faults}: what {@code --fault} can bring about. */
@Command(
        name = "faults",
        mixinStandardHelpOptions = true,
        description = "Lists what --fault can bring about, each with an example.")
final class FaultMenu implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        var out = spec.commandLine().getOut();
        for (var kind : Fault.Kind.values()) {
            out.printf("%-46s ./run-local --fault '%s'%n    %s%n", kind.form(), kind.example(), kind.meaning());
        }
    }
}
