package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.SettledQuestions;
import cloudhsm.pipeline.provisioning.stage.Wait;
import cloudhsm.pipeline.provisioning.stage.Waits;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * AWS tells nobody when an HSM, a cluster or a key store changes, so the tick of a watch looks at what one wait is for
 * and publishes each change.
 */
public final class Observer extends JsonHandler<Observer.Input, Observer.Output> {
    /** How long a wait is taken to be as it was read. Its stage replaces or ends it when its resource has changed. */
    static final Duration TRUSTED = Duration.ofMinutes(1);

    private final Waits waits;
    private final Tick tick;
    private final SettledQuestions questions;
    private final Clock clock;

    /**
     * @param waitId the wait to look at
     * @param watched what the tick before this one of the same watch answered; null in its first
     */
    public record Input(String waitId, Watched watched) {
        public Input {
            Objects.requireNonNull(waitId, "waitId");
        }
    }

    /**
     * @param pending whether the wait goes on
     * @param watched for the next tick; null if the wait is over
     */
    public record Output(boolean pending, Watched watched) {}

    /**
     * What a tick tells the next.
     *
     * @param readAt when the wait was read
     * @param state the one that its resource was in
     */
    public record Watched(Wait pending, Instant readAt, String state) {
        private boolean isStale(Instant now) {
            return pending.isOver(state, now) || now.isAfter(readAt.plus(TRUSTED));
        }
    }

    private record Read(Wait pending, Instant at) {}

    /** Called by Lambda, once per execution environment. */
    public Observer() {
        this(
                Waits.ofFunction(),
                new Tick(
                        Look.ofFunction(),
                        new StateChanges(
                                Aws.eventBridge(),
                                SeenStates.ofFunction(),
                                Deployments.ofFunction(),
                                Clock.systemUTC()),
                        Clock.systemUTC()),
                SettledQuestions.ofFunction(),
                Clock.systemUTC());
    }

    Observer(Waits waits, Tick tick, SettledQuestions questions, Clock clock) {
        super(Input.class);
        this.waits = waits;
        this.tick = tick;
        this.questions = questions;
        this.clock = clock;
    }

    @Override
    protected Output handle(Input input) {
        var before = Optional.ofNullable(input.watched());
        return read(input.waitId(), before)
                .map(read -> look(read, stateBefore(before, read)))
                .map(watched -> new Output(true, watched))
                .orElse(new Output(false, null));
    }

    private Watched look(Read read, Optional<String> stateBefore) {
        var seen = tick.look(read.pending(), stateBefore);
        // No stage looks while an HSM is being made.
        if (seen.resource().type() == Resource.Type.ONE_HSM
                && seen.state().equals(HsmState.CREATE_IN_PROGRESS.toString())
                && !stateBefore.equals(Optional.of(seen.state()))) {
            var question = Question.CLUSTER_STATE_WHILE_AN_HSM_IS_ADDED.toString();
            questions.add(
                    read.pending().execution(), List.of(new Settled(question, seen.clusterState(), clock.instant())));
        }
        return new Watched(read.pending(), read.at(), seen.state());
    }

    private Optional<Read> read(String waitId, Optional<Watched> before) {
        var now = clock.instant();
        return before.filter(watched -> !watched.isStale(now))
                .map(watched -> new Read(watched.pending(), watched.readAt()))
                .or(() -> waits.find(waitId).map(wait -> new Read(wait, now)));
    }

    private static Optional<String> stateBefore(Optional<Watched> before, Read read) {
        return before.filter(watched ->
                        watched.pending().resource().equals(read.pending().resource()))
                .map(Watched::state);
    }
}
