package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
            "Prints what clients have to export, with a secret that is new at each start. Whoever knows it is the"
                    + " account's administrator, and Run Command runs programs on this machine."
        })
final class Serve implements Callable<Integer> {
    /** A day takes a hundred; slower than that, nothing that is waited for ever comes. */
    private static final double SLOWEST = 0.01;

    /** A day a second: faster, a client's own time-outs and the five minutes of a signature pass between two calls. */
    private static final int FASTEST = 86_400;

    @Spec
    private CommandSpec spec;

    @Option(names = "--port", paramLabel = "N", description = "Default: any free port", defaultValue = "0")
    private int port;

    @Option(
            names = "--speed",
            paramLabel = "X",
            description = "Simulated seconds per real second, 0.01 to 86400; default: ${DEFAULT-VALUE}",
            defaultValue = "600")
    private double speed;

    @Option(
            names = "--secret",
            paramLabel = "S",
            description = "The secret access key, for scripts that cannot read it; others on this machine may see it in"
                    + " the list of processes. Default: a random one")
    private Optional<String> secret = Optional.empty();

    @Mixin
    private SeedOption seed;

    @Mixin
    private RegionOption region;

    @Override
    public Integer call() throws InterruptedException {
        if (port < 0 || port > 65_535) throw new ParameterException(spec.commandLine(), "--port: 0 to 65535");
        if (secret.filter(String::isBlank).isPresent()) {
            throw new ParameterException(spec.commandLine(), "--secret: not empty");
        }
        if (!(speed >= SLOWEST && speed <= FASTEST)) {
            throw new ParameterException(
                    spec.commandLine(), "--speed: from " + SLOWEST + " to " + FASTEST + ", not " + speed);
        }
        var stopped = new CountDownLatch(1);
        var closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> awaitClosed(stopped, closed)));
        try (var deployment = LocalDeployment.deploy(
                LocalCloud.start(region.region(), port, seed.seed(), secret), LocalDeployment.projectRoot())) {
            deployment.cloud().time().pace(speed);
            var out = spec.commandLine().getOut();
            out.printf("ready %s%n", deployment.cloud().uri());
            out.printf("This is an embedded AWS on this machine, not AWS: %s x real time, nothing is kept.%n", speed);
            out.println(exports(deployment.cloud()));
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

    /** A line for a shell, after which every AWS tool talks to this account as its administrator. */
    static String exports(LocalCloud cloud) {
        var administrator = cloud.iam().administrator();
        return "export AWS_ENDPOINT_URL=%s AWS_DEFAULT_REGION=%s AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY='%s'"
                .formatted(
                        cloud.uri(),
                        cloud.account().region(),
                        administrator.accessKeyId(),
                        administrator.secretAccessKey().replace("'", "'\\''"));
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
