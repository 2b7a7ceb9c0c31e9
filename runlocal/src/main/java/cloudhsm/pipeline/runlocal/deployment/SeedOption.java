package cloudhsm.pipeline.runlocal.deployment;

import picocli.CommandLine.Option;

/** The option of every command in which something is random. */
public final class SeedOption {
    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Same seed, same durations, ids and choices; default: ${DEFAULT-VALUE}",
            defaultValue = "1")
    private long seed;

    public long seed() {
        return seed;
    }
}
