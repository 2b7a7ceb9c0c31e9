package cloudhsm.pipeline.runlocal.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * One state of an execution, from its history.
 *
 * @param endedAt empty while it runs, or where it failed
 * @param attempts how often its task was scheduled
 * @param output what it assigned or handed on; empty while it runs
 * @param failure error and cause of its last attempt that failed
 */
record StageRun(
        String name,
        Instant startedAt,
        Optional<Instant> endedAt,
        int attempts,
        Optional<JsonNode> output,
        Optional<String> failure) {
    static StageRun entered(String name, Instant at) {
        return new StageRun(name, at, Optional.empty(), 0, Optional.empty(), Optional.empty());
    }

    StageRun scheduledOnceMore() {
        return new StageRun(name, startedAt, endedAt, attempts + 1, output, failure);
    }

    StageRun with(JsonNode taskOutput) {
        return new StageRun(name, startedAt, endedAt, attempts, Optional.of(taskOutput), failure);
    }

    StageRun failed(String errorAndCause) {
        return new StageRun(name, startedAt, endedAt, attempts, output, Optional.of(errorAndCause));
    }

    StageRun endedAt(Instant end) {
        return new StageRun(name, startedAt, Optional.of(end), attempts, output, failure);
    }

    Duration duration() {
        return Duration.between(startedAt, endedAt.orElse(startedAt));
    }
}
