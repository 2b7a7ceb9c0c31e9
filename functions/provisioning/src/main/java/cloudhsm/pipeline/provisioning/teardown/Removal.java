package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.time.Instant;
import java.util.List;

/**
 * What one stage came to: its output.
 *
 * @param removed what is gone, or is on its way by AWS's own rules
 * @param left what is still there, and why
 */
public record Removal(Instant at, List<String> removed, List<String> left) {
    public Removal {
        removed = List.copyOf(removed);
        left = List.copyOf(left);
    }

    static Outcome done(Instant at, List<String> removed) {
        return new Outcome.Done(new Removal(at, removed, List.of()));
    }
}
