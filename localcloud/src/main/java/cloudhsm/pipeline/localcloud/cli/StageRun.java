package cloudhsm.pipeline.localcloud.cli;

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
 */
record StageRun(String name, Instant startedAt, Optional<Instant> endedAt, int attempts, Optional<JsonNode> output) {
    StageRun scheduledOnceMore() {
        return new StageRun(name, startedAt, endedAt, attempts + 1, output);
    }

    StageRun with(JsonNode taskOutput) {
        return new StageRun(name, startedAt, endedAt, attempts, Optional.of(taskOutput));
    }

    StageRun endedAt(Instant end) {
        return new StageRun(name, startedAt, Optional.of(end), attempts, output);
    }

    Duration duration() {
        return Duration.between(startedAt, endedAt.orElse(startedAt));
    }
}
