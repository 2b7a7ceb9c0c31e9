package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Regions;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The option of every command in which something may go wrong on purpose. */
final class FaultOption {
    @Option(
            names = "--fault",
            paramLabel = "SPEC",
            description = "Something that goes wrong, once; may be repeated. \"run-local faults\" lists what there is.",
            converter = Converter.class)
    private List<Fault> faults = List.of();

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    private static final class Converter implements ITypeConverter<Fault> {
        @Override
        public Fault convert(String text) {
            try {
                return Fault.parse(text);
            } catch (IllegalArgumentException malformed) {
                throw new TypeConversionException(malformed.getMessage());
            }
        }
    }

    boolean contains(Fault.Kind kind) {
        return faults.stream().anyMatch(fault -> fault.kind() == kind);
    }

    /** @throws ParameterException where a fault names a place that the Region does not have */
    void checkIn(String region) {
        for (var fault : faults) {
            if (fault.isIn(region)) continue;
            throw new ParameterException(
                    spec.commandLine(),
                    "--fault " + fault + ": no zone of " + region + "; its zones are "
                            + String.join(", ", Regions.zones(region)));
        }
    }

    /** Makes each happen once, when its moment comes. */
    void injectInto(LocalCloud cloud) {
        faults.forEach(fault -> fault.injectInto(cloud));
    }
}
