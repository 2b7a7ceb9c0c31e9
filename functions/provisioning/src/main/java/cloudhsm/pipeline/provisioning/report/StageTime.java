package cloudhsm.pipeline.provisioning.report;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import software.amazon.awssdk.services.sfn.model.HistoryEvent;

/**
 * How long one state of the execution took; a state that was entered again has several.
 *
 * @param stage the state's name
 * @param errors under which its task failed meanwhile, each time: it was tried again, or the execution went another way
 */
record StageTime(String stage, Instant entered, Instant left, Duration took, List<String> errors) {
    StageTime {
        errors = List.copyOf(errors);
    }

    /**
     * The Task states that an execution has left, in the order in which it left them.
     *
     * @param history of the whole execution, oldest event first
     */
    static List<StageTime> of(Iterable<HistoryEvent> history) {
        var entered = new LinkedHashMap<String, Instant>();
        var times = new ArrayList<StageTime>();
        var errors = new ArrayList<String>();
        for (var event : history) {
            switch (event.typeAsString()) {
                case "TaskStateEntered" ->
                    entered.put(event.stateEnteredEventDetails().name(), event.timestamp());
                case "TaskFailed" -> errors.add(event.taskFailedEventDetails().error());
                case "TaskTimedOut" ->
                    errors.add(event.taskTimedOutEventDetails().error());
                case "TaskStateExited" -> {
                    var stage = event.stateExitedEventDetails().name();
                    var since = entered.remove(stage);
                    if (since != null) {
                        times.add(new StageTime(
                                stage, since, event.timestamp(), Duration.between(since, event.timestamp()), errors));
                    }
                    errors.clear();
                }
                default -> {
                    // Everything else in the history happens inside or between Task states.
                }
            }
        }
        return times;
    }
}
