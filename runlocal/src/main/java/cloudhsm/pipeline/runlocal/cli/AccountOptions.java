package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.runlocal.doctor.Aws;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options of every command that speaks to AWS: as whom, and where. */
final class AccountOptions {
    @Option(
            names = "--profile",
            paramLabel = "P",
            description = "Of the AWS configuration, before credentials of the environment; default: as everywhere")
    private Optional<String> profile = Optional.empty();

    @Option(names = "--region", paramLabel = "R", description = "Default: the environment's or the profile's")
    private Optional<String> region = Optional.empty();

    /** @throws IllegalStateException where there is no Region; the message is a sentence */
    Aws aws() {
        return aws(Optional.empty());
    }

    /** @param usual the Region where none was given; empty for the environment's or the profile's */
    Aws aws(Optional<String> usual) {
        return Aws.configured(profile, region.or(() -> usual));
    }
}
