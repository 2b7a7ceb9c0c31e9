package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.account.Regions;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option of every command that starts an embedded AWS for the pipeline. */
final class RegionOption {
    @Option(
            names = "--region",
            paramLabel = "R",
            description = "The Region that the embedded AWS is; default: ${DEFAULT-VALUE}",
            defaultValue = Regions.DEFAULT,
            converter = Converter.class)
    private String region;

    private static final class Converter implements ITypeConverter<String> {
        @Override
        public String convert(String text) {
            try {
                return Regions.requireKnown(text);
            } catch (IllegalArgumentException unknown) {
                throw new TypeConversionException(unknown.getMessage());
            }
        }
    }

    String region() {
        return region;
    }
}
