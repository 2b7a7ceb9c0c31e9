package cloudhsm.pipeline.localcloud.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.iam.Iam;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local serve}: the endpoint stays up for clients from outside. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        description = {
            "Deploys template.yaml and keeps the endpoint up, at a multiple of real time, until Ctrl-C or SIGTERM.",
            "Clients use the access key id \"test\" with the secret \"test\" and the Region eu-central-1; they are the"
                    + " account's administrator."
        })
final class Serve implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--port", paramLabel = "N", description = "Default: any free port", defaultValue = "0")
    private int port;

    @Option(
            names = "--speed",
            paramLabel = "X",
            description = "Simulated seconds per real second; default: ${DEFAULT-VALUE}",
            defaultValue = "600")
    private double speed;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Same seed, same durations and ids; default: ${DEFAULT-VALUE}",
            defaultValue = "1")
    private long seed;

    @Override
    public Integer call() throws InterruptedException {
        if (port < 0 || port > 65_535) throw new ParameterException(spec.commandLine(), "--port: 0 to 65535");
        if (!(speed > 0)) throw new ParameterException(spec.commandLine(), "--speed: more than 0");
        var stopped = new CountDownLatch(1);
        var closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> awaitClosed(stopped, closed)));
        try (var deployment = LocalDeployment.deploy(LocalCloud.start(port, seed), LocalDeployment.projectRoot())) {
            deployment.cloud().time().pace(speed);
            var out = spec.commandLine().getOut();
            out.printf("ready %s%n", deployment.cloud().uri());
            out.printf(
                    "This is an embedded AWS on this machine, not AWS: access key test, secret test, Region %s,"
                            + " %s x real time, nothing is kept.%n",
                    Iam.REGION, speed);
            deployment.stack().outputs().forEach((name, value) -> out.printf("%s %s%n", name, value));
            deployment.stack().resources().keySet().stream()
                    .sorted()
                    .forEach(id -> out.printf("%s %s%n", id, deployment.stack().resource(id)));
            out.flush();
            stopped.await();
        }
        closed.countDown();
        return 0;
    }

    /** The JVM must not end before the account's files are deleted. */
    private static void awaitClosed(CountDownLatch stopped, CountDownLatch closed) {
        stopped.countDown();
        try {
            if (!closed.await(5, TimeUnit.SECONDS)) System.err.println("run-local: left files behind");
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
