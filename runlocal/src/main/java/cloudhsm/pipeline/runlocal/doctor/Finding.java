package cloudhsm.pipeline.runlocal.doctor;

import java.util.Objects;

/**
 * What one check has found.
 *
 * @param check what was looked at
 * @param found what is there, in a sentence or two
 * @param next what to do; empty where nothing is to be done
 */
public record Finding(String check, Verdict verdict, String found, String next) {
    /** What that means. */
    public enum Verdict {
        /** As it should be. */
        RIGHT,
        /** Nothing is wrong, and there is something to know. */
        NOTED,
        /** Deploying or provisioning would fail, or something that is deployed is not as it should be. */
        WRONG,
        /** AWS did not show it. */
        UNSEEN
    }

    public Finding {
        Objects.requireNonNull(check, "check");
        Objects.requireNonNull(verdict, "verdict");
        if (found.isEmpty()) throw new IllegalArgumentException(check + " found nothing to say");
        if (next.isEmpty() && (verdict == Verdict.WRONG || verdict == Verdict.UNSEEN)) {
            throw new IllegalArgumentException(check + " leaves the reader without a next step");
        }
    }

    /** One line. */
    @Override
    public String toString() {
        var word = switch (verdict) {
            case RIGHT -> "ok";
            case NOTED -> "note";
            case WRONG -> "WRONG";
            case UNSEEN -> "unseen";
        };
        return "%-6s  %s: %s%s".formatted(word, check, found, next.isEmpty() ? "" : " Next: " + next);
    }
}
