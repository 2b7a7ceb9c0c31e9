package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.stage.Wait;
import java.time.Clock;
import java.util.Optional;

/** One look at what a wait is for. It repeats the event until the wait is over: a lost event costs one tick. */
public final class Tick {
    private final Look look;
    private final StateChanges changes;
    private final Clock clock;

    public Tick(Look look, StateChanges changes, Clock clock) {
        this.look = look;
        this.changes = changes;
        this.clock = clock;
    }

    /**
     * Most looks see what the look before saw, so the state remembered in the table is read only if something is new.
     *
     * @param stateBefore what this answered to the look before at the same resource; empty for the first
     * @return what the look saw of the wait's resource
     */
    public Observation look(Wait wait, Optional<String> stateBefore) {
        var observation = look.at(wait.resource());
        if (wait.isOver(observation.state(), clock.instant())) {
            changes.publish(observation);
        } else if (!stateBefore.equals(Optional.of(observation.state()))) {
            changes.publishIfChanged(observation);
        }
        return observation;
    }
}
