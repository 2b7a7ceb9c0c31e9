package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.wire.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
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

    private final List<Injected> injected = new ArrayList<>();

    private record Injected(Fault fault, BooleanSupplier happened) {}

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

    /** @throws ParameterException where a fault names a call that the embedded AWS never answers */
    void checkCalls(LocalCloud cloud) {
        for (var fault : faults) {
            if (fault.isAnsweredBy(cloud)) continue;
            throw new ParameterException(
                    spec.commandLine(),
                    "--fault " + fault + ": the embedded AWS has no such service or operation; services are "
                            + cloud.endpoint().services().stream()
                                    .map(Service::signingName)
                                    .collect(Collectors.joining(", ")));
        }
    }

    /** Makes each happen once, when its moment comes. */
    void injectInto(LocalCloud cloud) {
        faults.forEach(fault -> injected.add(new Injected(fault, fault.injectInto(cloud))));
    }

    /** @return the exit code, which is not 0 if something that was asked for did not happen; says what */
    int exitCode(int otherwise) {
        var missed = injected.stream()
                .filter(each -> !each.happened().getAsBoolean())
                .map(Injected::fault)
                .toList();
        missed.forEach(fault -> spec.commandLine()
                .getErr()
                .println("--fault " + fault + " did not happen: the run ended before its moment came, or it has none."
                        + " Its form is " + fault.kind().form() + "."));
        return missed.isEmpty() || otherwise != 0 ? otherwise : 1;
    }
}
