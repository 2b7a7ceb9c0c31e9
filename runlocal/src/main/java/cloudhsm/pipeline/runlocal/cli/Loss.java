package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local loss}: uploads while the key store is away and calls fail. */
@Command(
        name = "loss",
        mixinStandardHelpOptions = true,
        description = {
            "Provisions, disconnects the key store for six simulated hours, uploads while 5 %% of all calls fail, and"
                    + " counts what is under the key once the store is connected again and the queue is empty."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:every object is under the key, none was copied twice, the dead-letter queue is empty",
            "1:otherwise",
            "2:an option is wrong"
        })
final class Loss implements Callable<Integer> {
    private static final Duration OUTAGE = Duration.ofHours(6);

    /** The template's values of ReencryptionMode. */
    enum Mode {
        UPDATE,
        COPY
    }

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--objects",
            paramLabel = "N",
            description = "Uploads during the outage; default: ${DEFAULT-VALUE}",
            defaultValue = "1000")
    private int objects;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}",
            defaultValue = "UPDATE")
    private Mode mode;

    @Mixin
    private ReportOption report;

    @Mixin
    private SeedOption seed;

    @Mixin
    private RegionOption region;

    @Override
    public Integer call() throws IOException {
        if (objects < 1) throw new ParameterException(spec.commandLine(), "--objects: at least 1, not " + objects);
        // The health check looks at the deployment all the time; at its usual rate that is most of what six hours cost.
        var parameters = Map.of("ReencryptionMode", mode.name(), "HealthCheckSchedule", "rate(1 hour)");
        try (var deployment = LocalDeployment.deploy(
                LocalCloud.start(region.region(), seed.seed()), LocalDeployment.projectRoot(), parameters)) {
            // Without the SDK's own retries every call that fails is the queue's to mend.
            var reencryptor = deployment.stack().functions().get("ReencryptObjectsFunction");
            deployment.cloud().lambda().setVariable(reencryptor, "AWS_MAX_ATTEMPTS", "1");
            var out = spec.commandLine().getOut();
            out.printf("Seed %d. Simulated: nothing here is AWS, nothing is billed.%n", seed.seed());
            return run(deployment, out) ? 0 : 1;
        }
    }

    private boolean run(LocalDeployment deployment, PrintWriter out) throws IOException {
        var provisioning = new ProvisioningRun(deployment, out);
        if (!provisioning.run(Json.object())) return false;
        try (var outage = new Outage(deployment, provisioning.bucket(), provisioning.keyArn(), seed.seed())) {
            var result = outage.run(objects, OUTAGE);
            tell(result, out);
            report.write(result);
            return result.isLossFree(mode == Mode.COPY);
        }
    }

    private void tell(Outage.Result result, PrintWriter out) {
        out.printf(
                "%n%d objects uploaded in %s mode, key store disconnected for %d hours, 5 %% of all calls failed:%n",
                result.objects(), mode, OUTAGE.toHours());
        out.printf("  under the key before it was connected again  %d%n", result.early());
        out.printf("  under the key in the end                     %d%n", result.underTheKey());
        out.printf(
                "  versions                                     %d, of one object at most %d%n",
                result.versions(), result.mostVersions());
        out.printf("  in the dead-letter queue                     %d%n", result.putAside());
        out.printf(
                "  left in the queue                            %d, %d minutes after the connection%n",
                result.waiting(), result.drainMinutes());
        out.flush();
    }
}
