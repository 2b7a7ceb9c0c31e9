package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One attempt of a Task: the call, and until it ends its timeout, heartbeat and token. A retry is a new attempt. */
final class TaskAttempt {
    /** From the call to its answer: a warm function, or an API call. */
    // Assumed: task-call
    private static final Duration CALL = Duration.ofMillis(200);

    /** Without TimeoutSeconds a task may wait "up to the year limit" [SFN:connect-to-resource]. */
    private static final long NO_TIMEOUT = 99_999_999;

    private final Flow flow;
    private final State.Task task;
    private final Interpreter interpreter;
    private final List<Scheduled> timers = new ArrayList<>();
    private Optional<Scheduled> heartbeat = Optional.empty();
    private long heartbeatSeconds;
    private boolean ended;

    TaskAttempt(Flow flow, State.Task task, Interpreter interpreter) {
        this.flow = flow;
        this.task = task;
        this.interpreter = interpreter;
    }

    boolean ended() {
        return ended;
    }

    Execution execution() {
        return flow.execution();
    }

    /** @throws StateFailure where an expression fails; the call itself runs later */
    void start(Optional<String> token) {
        var arguments =
                task.arguments().isMissingNode() ? flow.stateInput() : flow.evaluate(task.arguments(), "Arguments");
        var timeout = seconds(task.timeoutSeconds(), "TimeoutSeconds", NO_TIMEOUT);
        heartbeatSeconds = seconds(task.heartbeatSeconds(), "HeartbeatSeconds", 0);
        if (heartbeatSeconds >= timeout) {
            throw new StateFailure("States.Runtime", "HeartbeatSeconds must be less than TimeoutSeconds");
        }
        var details = named().put("region", interpreter.account().region()).put("parameters", Json.text(arguments));
        if (timeout != NO_TIMEOUT) details.put("timeoutInSeconds", timeout);
        if (heartbeatSeconds > 0) details.put("heartbeatInSeconds", heartbeatSeconds);
        flow.record("TaskScheduled", "taskScheduledEventDetails", details);
        flow.record("TaskStarted", "taskStartedEventDetails", named());
        timers.add(interpreter
                .time()
                .schedule(Duration.ofSeconds(timeout), "timeout of " + task.name(), () -> timedOut("States.Timeout")));
        beat();
        interpreter
                .time()
                .scheduleUnlocked(Duration.ZERO, "task " + task.name(), () -> call(arguments, token.isPresent()));
    }

    private long seconds(JsonNode field, String name, long absent) {
        if (field.isMissingNode()) return absent;
        var value = flow.evaluate(field, name);
        if (!value.canConvertToLong() || value.asLong() < 1 || value.asLong() > NO_TIMEOUT) {
            throw new StateFailure(
                    "States.QueryEvaluationError", name + " must be 1 to " + NO_TIMEOUT + ", not " + value);
        }
        return value.asLong();
    }

    private void call(JsonNode arguments, boolean waitsForToken) {
        if (ended) return;
        var mocked = interpreter.mocked(execution().machine(), task.name(), arguments);
        if (mocked.isPresent()) {
            later(() -> answer(mocked.get()));
            return;
        }
        JsonNode result;
        try {
            if (task.resource().pattern() == TaskResource.Pattern.SYNC_2) {
                interpreter.integrations().startAndWait(execution().machine(), arguments, this);
                return;
            }
            result = interpreter.integrations().call(execution().machine(), task.resource(), arguments);
        } catch (StateFailure failed) {
            later(() -> fail(failed));
            return;
        }
        var took = interpreter.integrations().duration(task.resource(), arguments, CALL);
        later(took, () -> {
            if (waitsForToken) submitted(result);
            else succeed(result);
        });
    }

    private void answer(Mock mock) {
        switch (mock) {
            case Mock.Result success -> succeed(success.result());
            case Mock.NoAnswer ignored -> {}
            case Mock.ErrorOutput failure -> fail(new StateFailure(failure.error(), failure.cause()));
        }
    }

    private void later(Runnable end) {
        later(CALL, end);
    }

    private void later(Duration took, Runnable end) {
        interpreter.time().schedule(took, "answer to task " + task.name(), end);
    }

    private void submitted(JsonNode result) {
        if (ended) return;
        var details = named().put("output", Json.text(result));
        details.putObject("outputDetails").put("truncated", false);
        flow.record("TaskSubmitted", "taskSubmittedEventDetails", details);
    }

    /** The call's answer, or SendTaskSuccess. */
    void succeed(JsonNode result) {
        if (ended) return;
        end();
        var details = named().put("output", Json.text(result));
        details.putObject("outputDetails").put("truncated", false);
        flow.record("TaskSucceeded", "taskSucceededEventDetails", details);
        flow.stateSucceeded(result);
    }

    /** The call's error, or SendTaskFailure. */
    void fail(StateFailure failure) {
        if (ended) return;
        end();
        flow.record(
                "TaskFailed",
                "taskFailedEventDetails",
                named().put("error", failure.error()).put("cause", failure.cause()));
        flow.stateFailed(failure);
    }

    private void timedOut(String error) {
        if (ended) return;
        end();
        flow.record("TaskTimedOut", "taskTimedOutEventDetails", named().put("error", error));
        flow.stateFailed(new StateFailure(error, ""));
    }

    /** Starts the heartbeat clock anew; TimeoutSeconds is untouched. */
    void beat() {
        heartbeat.ifPresent(Scheduled::cancel);
        if (heartbeatSeconds == 0) return;
        heartbeat = Optional.of(interpreter
                .time()
                .schedule(
                        Duration.ofSeconds(heartbeatSeconds),
                        "heartbeat of " + task.name(),
                        () -> timedOut("States.HeartbeatTimeout")));
    }

    /** Its flow was cancelled, or it is over. */
    void end() {
        ended = true;
        timers.forEach(Scheduled::cancel);
        heartbeat.ifPresent(Scheduled::cancel);
    }

    private ObjectNode named() {
        return Json.object()
                .put("resourceType", task.resource().type())
                .put("resource", task.resource().withPattern());
    }
}
