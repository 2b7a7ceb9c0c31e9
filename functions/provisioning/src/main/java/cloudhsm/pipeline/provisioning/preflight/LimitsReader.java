package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.limits.Limits;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;

/** Reads the limits of time and cost. */
final class LimitsReader {
    /** Provisioning alone takes about an hour; a limit before its end would pay for nothing. */
    private static final Duration SHORTEST = Duration.ofHours(2);

    private static final Duration LONGEST = Duration.ofDays(365);

    /** Takes limits back that an earlier input has set. */
    private static final String NO_LIMIT = "NONE";

    private static final List<String> ACTIONS = List.of("PAUSE", "TEARDOWN", NO_LIMIT);

    private LimitsReader() {}

    /** @param hsms how many there are to be */
    static Limits read(Fields fields, HsmPrice price, int hsms, Problems problems) {
        var after = fields.text("teardownAfter");
        after.flatMap(LimitsReader::durationProblem)
                .ifPresent(problem -> problems.add(fields.path("teardownAfter"), problem));
        var cost = fields.decimal("maxCostUsd");
        var least = price.during(SHORTEST, hsms);
        cost.filter(most -> most.compareTo(least) < 0)
                .ifPresent(most -> problems.add(
                        fields.path("maxCostUsd"),
                        "must be at least " + least.toPlainString() + ", the price of " + hsms + " HSMs for "
                                + SHORTEST.toHours() + " hours, because provisioning alone takes about one; not "
                                + most.toPlainString() + ". " + price.basis()));
        var action = fields.text("atLimit").orElse(ACTIONS.getFirst());
        if (!ACTIONS.contains(action)) {
            problems.add(
                    fields.path("atLimit"),
                    "must be one of " + String.join(", ", ACTIONS) + ", not \"" + action + "\"");
        } else if (action.equals(NO_LIMIT)) {
            if (after.isPresent() || cost.isPresent()) {
                problems.add(
                        fields.path("atLimit"),
                        "NONE takes all limits back, so it does not go with teardownAfter or maxCostUsd; leave one of"
                                + " them out, or choose PAUSE or TEARDOWN");
            }
            return Limits.NONE;
        } else if (fields.text("atLimit").isPresent() && after.isEmpty() && cost.isEmpty()) {
            problems.add(fields.path("atLimit"), "needs a limit: give teardownAfter or maxCostUsd");
        }
        return new Limits(after.orElse(""), cost.orElse(BigDecimal.ZERO), action);
    }

    private static Optional<String> durationProblem(String text) {
        try {
            var duration = Duration.parse(text);
            if (duration.compareTo(SHORTEST) >= 0 && duration.compareTo(LONGEST) <= 0) return Optional.empty();
            return Optional.of("must be from " + SHORTEST + " to P" + LONGEST.toDays() + "D, not " + text);
        } catch (DateTimeParseException malformed) {
            return Optional.of("\"" + text + "\" is not an ISO-8601 duration, such as \"PT8H\"");
        }
    }
}
