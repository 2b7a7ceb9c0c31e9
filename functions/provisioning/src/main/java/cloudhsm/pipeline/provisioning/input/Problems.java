package cloudhsm.pipeline.provisioning.input;

import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Everything found wrong with a request, in the order found, so that one execution tells all of it. */
public final class Problems {
    /** Stands for all fields, where the input is no object and so has none. */
    static final String WHOLE_INPUT = "input";

    private record Problem(String field, String text) {}

    private final Set<Problem> found = new LinkedHashSet<>();
    private final Predicate<String> remembered;

    public Problems() {
        this(field -> false);
    }

    /** @param remembered whether what stands in a field comes from an earlier execution's input, which is then said */
    public Problems(Predicate<String> remembered) {
        this.remembered = remembered;
    }

    /** @param field path in the execution input, such as {@code bucket.name} */
    public void add(String field, String text) {
        found.add(new Problem(
                field, remembered.test(field) ? text + " (as remembered from an earlier execution)" : text));
    }

    /** Whether what stands in the field comes from an earlier execution's input. */
    public boolean isRemembered(String field) {
        return remembered.test(field);
    }

    public boolean isEmpty() {
        return found.isEmpty();
    }

    /** Whether something is wrong that comes from no earlier execution's input. */
    public boolean areNew() {
        return found.stream().anyMatch(problem -> !remembered.test(problem.field()));
    }

    /** Whether something is wrong with the field, within it or around it, so that checking it further would confuse. */
    public boolean concern(String field) {
        return found.stream()
                .anyMatch(problem -> problem.field().equals(field)
                        || problem.field().startsWith(field + ".")
                        || problem.field().equals(WHOLE_INPUT));
    }

    /** All of them, numbered, one a line. */
    public String message() {
        var number = new int[1];
        return found.stream()
                .map(problem -> ++number[0] + ". " + problem.field() + ": " + problem.text())
                .collect(Collectors.joining("\n"));
    }

    /**
     * How an execution ends whose input has them.
     *
     * @param what does not fit, a sentence's beginning
     * @param untouched what did not become of anything, such as "removed"
     */
    public Outcome.Failed invalidInput(String what, String untouched) {
        var count = found.size() == 1 ? "1 problem" : found.size() + " problems";
        return new Outcome.Failed(
                "INVALID_INPUT",
                what + ": " + count + ". Nothing was " + untouched
                        + ". Next: solve all of them, then start a new execution.\n" + message());
    }
}
