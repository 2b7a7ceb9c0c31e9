package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.faults.Faults;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What goes wrong in one run of the matrix: one fault, or a pair. */
record Cell(List<Injection> injections) {
    private static final Pattern SPELLING = Pattern.compile("(\\w+)/([a-z0-9]+):(\\w+):([1-9][0-9]*)=([a-z-]+)");

    /** A fault of one call. */
    record Injection(RecordedCall call, Faults.Kind kind) {
        @Override
        public String toString() {
            return call + "=" + spelled(kind);
        }
    }

    Cell {
        injections = List.copyOf(injections);
    }

    static Cell of(RecordedCall call, Faults.Kind kind) {
        return new Cell(List.of(new Injection(call, kind)));
    }

    /**
     * Reads what {@link #toString} writes.
     *
     * @throws IllegalArgumentException if it is something else
     */
    static Cell parse(String text) {
        return new Cell(Arrays.stream(text.split(",")).map(Cell::injection).toList());
    }

    private static Injection injection(String text) {
        var matcher = SPELLING.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("\"" + text + "\" is not FUNCTION/SERVICE:OPERATION:NUMBER=KIND, as in"
                    + " CreateHsmsFunction/cloudhsm:CreateHsm:1=answer-lost");
        }
        var kind = Arrays.stream(Faults.Kind.values())
                .filter(candidate -> spelled(candidate).equals(matcher.group(5)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("\"" + matcher.group(5) + "\" is no kind; there are "
                        + Arrays.stream(Faults.Kind.values()).map(Cell::spelled).collect(Collectors.joining(", "))));
        return new Injection(
                new RecordedCall(
                        matcher.group(1), matcher.group(2), matcher.group(3), Integer.parseInt(matcher.group(4))),
                kind);
    }

    static String spelled(Faults.Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    void injectInto(Faults faults) {
        for (var injection : injections) {
            var call = injection.call();
            faults.add(call.callerArnPart(), call.service(), call.operation(), call.number(), injection.kind());
        }
    }

    @Override
    public String toString() {
        return injections.stream().map(Injection::toString).collect(Collectors.joining(","));
    }
}
