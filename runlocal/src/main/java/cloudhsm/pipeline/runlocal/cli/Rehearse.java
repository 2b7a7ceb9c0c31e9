package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.template.TemplateException;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.rehearse.Ledger;
import cloudhsm.pipeline.runlocal.rehearse.Rehearsal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local rehearse}: the re-encryption of a deployed stack, on AWS, without an HSM. */
@Command(
        name = "rehearse",
        mixinStandardHelpOptions = true,
        description = {
            "Tries the re-encryption of a deployed stack on AWS before there is an HSM: makes a bucket under an"
                + " ordinary KMS key, uploads in every way, takes the key away and brings it back, looks at what the"
                + " deployed function makes of it, and says beside each what the embedded AWS shows of the same.",
            "Costs less than 0.02 USD, says so, and asks before it makes anything. Removes everything it made, also"
                    + " after Ctrl-C; what a rehearsal that was killed has left, the next one removes, or --clean-up.",
            "Credentials, Region and AWS_ENDPOINT_URL are found as every AWS tool finds them."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all was seen, as the embedded AWS shows it, and all that was made is removed",
            "1:something was not as expected, or is left; the lines that begin with WRONG say what",
            "2:it could not begin, and nothing was made"
        })
final class Rehearse implements Callable<Integer> {
    /** How long the end of the process is held up by the removal. */
    private static final int MINUTES_TO_REMOVE = 5;

    @Spec
    private CommandSpec spec;

    @Option(names = "--stack", paramLabel = "NAME", description = "The stack to rehearse")
    private Optional<String> stack = Optional.empty();

    @Mixin
    private AccountOptions account;

    @Option(names = "--yes", description = "Does not ask")
    private boolean yes;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            converter = OutputFile.class,
            description = "Writes what was seen, on AWS and on the embedded AWS, as JSON")
    private Optional<Path> json = Optional.empty();

    @Option(
            names = "--record",
            paramLabel = "FILE",
            converter = OutputFile.class,
            description = "Where what is made is written down until it is removed; default: ${DEFAULT-VALUE}",
            defaultValue = "${sys:user.home}/.cloudhsm-pipeline-rehearsal")
    private Path record;

    @Option(
            names = "--clean-up",
            description =
                    "Only removes what a former rehearsal has left, as FILE of --record says; in its Region by default")
    private boolean cleanUp;

    @Override
    public Integer call() throws IOException {
        if (stack.isPresent() == cleanUp) {
            throw new ParameterException(spec.commandLine(), "give --stack NAME, or --clean-up");
        }
        var stopped = new AtomicBoolean();
        var ended = new CountDownLatch(1);
        var hook = new Thread(() -> stop(stopped, ended));
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return rehearse(stopped);
        } catch (IllegalStateException | TemplateException | IOException impossible) {
            spec.commandLine().getErr().println("run-local rehearse: " + impossible.getMessage());
            return 2;
        } finally {
            ended.countDown();
            if (!stopped.get()) Runtime.getRuntime().removeShutdownHook(hook);
        }
    }

    private int rehearse(AtomicBoolean stopped) throws IOException {
        var out = spec.commandLine().getOut();
        try (var ledger = Ledger.open(record);
                var aws = account.aws(cleanUp ? ledger.region() : Optional.empty())) {
            if (cleanUp && ledger.region().isEmpty()) out.println("No rehearsal has left anything.");
            var rehearsal = new Rehearsal(aws, ledger, finding -> {
                out.println(finding);
                out.flush();
            });
            var left = rehearsal.cleanUp();
            if (cleanUp || left != 0) return left;
            var plan = rehearsal.plan(stack.orElseThrow());
            out.println(plan);
            out.flush();
            if (!yes && !isAgreed()) throw new IllegalStateException("Nothing was made.");
            out.println("The embedded AWS first, which takes up to a few minutes.");
            out.flush();
            var exitCode = plan.run(plan.expected(LocalDeployment.projectRoot(), stopped::get), stopped::get);
            out.println(
                    exitCode == 0
                            ? "All was seen as the embedded AWS shows it, and all is removed."
                            : stopped.get()
                                    ? "It was stopped; what it had made is removed, but for what a line that begins"
                                            + " with \"WRONG left\" names."
                                    : "Something is not as expected: the lines that begin with WRONG say what, and"
                                            + " what to do next.");
            return json.isEmpty() || isWritten(json.get(), rehearsal) ? exitCode : 1;
        }
    }

    @SuppressWarnings("SystemConsoleNull") // from Java 25 on it is null again where there is no terminal
    private static boolean isAgreed() {
        var console = System.console();
        if (console == null || !console.isTerminal()) {
            throw new IllegalStateException(
                    "there is nobody to ask, as this is no terminal; give --yes to have it made without a question."
                            + " Nothing was made.");
        }
        var answer = console.readLine("Make that? [y/N] ");
        return answer != null && answer.strip().matches("(?i)y|yes");
    }

    private boolean isWritten(Path file, Rehearsal rehearsal) {
        try {
            OutputFile.writeJson(file, rehearsal.result());
            return true;
        } catch (IOException unwritten) {
            spec.commandLine().getErr().println("run-local rehearse: " + file + " was not written: " + unwritten);
            return false;
        }
    }

    /** The JVM must not end before what was made is removed. */
    private static void stop(AtomicBoolean stopped, CountDownLatch ended) {
        stopped.set(true);
        try {
            if (!ended.await(MINUTES_TO_REMOVE, TimeUnit.MINUTES)) {
                System.err.println("run-local rehearse: something may be left; next: ./run-local rehearse --clean-up");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
