package cloudhsm.pipeline.runlocal.compare;

import java.util.Locale;

/**
 * One thing that both runs were asked for.
 *
 * @param kind order, duration, state, error or observation
 * @param what the stage, the member of the evidence, or the question
 * @param theirs what the given evidence says; "" where it says nothing
 * @param here what that of the embedded AWS says; "" where it says nothing
 */
public record Line(String kind, String what, Verdict verdict, String theirs, String here) {
    /** How the two compare. */
    public enum Verdict {
        SAME,
        DIFFERENT,
        /** One of the two has not met it. */
        NOT_SEEN
    }

    /** Of two texts, of which one may be missing. */
    static Line of(String kind, String what, String theirs, String here) {
        var verdict = theirs.equals(here)
                ? Verdict.SAME
                : theirs.isEmpty() || here.isEmpty() ? Verdict.NOT_SEEN : Verdict.DIFFERENT;
        return new Line(kind, what, verdict, theirs, here);
    }

    @Override
    public String toString() {
        var said = verdict == Verdict.SAME
                ? theirs
                : (theirs.isEmpty() ? "nothing" : theirs) + "; embedded AWS: " + (here.isEmpty() ? "nothing" : here);
        return "%-9s %-11s %-32s %s"
                .formatted(verdict.name().toLowerCase(Locale.ROOT).replace('_', ' '), kind, what, said)
                .stripTrailing();
    }
}
