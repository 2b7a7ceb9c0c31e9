package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.stage.Waits;
import java.time.Clock;
import java.util.Objects;

/**
 * AWS tells nobody when an HSM, a cluster or a key store changes, so the tick of a watch looks at what one wait is for
 * and publishes each change.
 */
public final class Observer extends JsonHandler<Observer.Input, Observer.Output> {
    private final Waits waits;
    private final Tick tick;

    /**
     * @param waitId the wait to look at
     * @param seen what the tick before this one of the same watch answered; "" in its first
     */
    public record Input(String waitId, String seen) {
        public Input {
            Objects.requireNonNull(waitId, "waitId");
            Objects.requireNonNull(seen, "seen");
        }
    }

    /**
     * @param pending whether the wait goes on
     * @param seen the resource and its state, for the next tick; "" if the wait is over
     */
    public record Output(boolean pending, String seen) {}

    /** Called by Lambda, once per execution environment. */
    public Observer() {
        this(
                Waits.ofFunction(),
                new Tick(
                        Look.ofFunction(),
                        new StateChanges(Aws.eventBridge(), SeenStates.ofFunction(), Clock.systemUTC()),
                        Clock.systemUTC()));
    }

    Observer(Waits waits, Tick tick) {
        super(Input.class);
        this.waits = waits;
        this.tick = tick;
    }

    @Override
    protected Output handle(Input input) {
        return waits.find(input.waitId())
                .map(wait -> new Output(true, tick.look(wait, input.seen())))
                .orElse(new Output(false, ""));
    }
}
