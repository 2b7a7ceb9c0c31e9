package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * One run of a distributed Map state: reads the items, starts a child execution for each item or batch, tolerates
 * failures up to the state's bounds, and writes or returns the results.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html">Distributed mode</a>
 */
final class DistributedMap {
    /** Child executions at a time where MaxConcurrency is 0 or absent, and at most [SFN:state-map-distributed]. */
    private static final int MAXIMUM_CONCURRENCY = 10_000;

    /** "Hard limit of 1000 redrives of a given Map Run" [SFN:redrive-map-run]. */
    private static final int MAXIMUM_REDRIVES = 1000;

    /** From asking S3 to its answer. */
    // Assumed: map-listing
    private static final Duration S3_ANSWER = Duration.ofMillis(200);

    private final Flow flow;
    private final State.DistributedMap state;
    private final Interpreter interpreter;
    private final StateMachine machine;
    private JsonNode reader = MissingNode.getInstance();
    private JsonNode batcher = MissingNode.getInstance();
    private JsonNode writer = MissingNode.getInstance();
    private Optional<MapRun> started = Optional.empty();
    private final Deque<MapRun.Child> waiting = new ArrayDeque<>();
    private int runningChildren;
    private boolean ending;

    /** After these a redrive starts a new Map Run. */
    private boolean resultsTooLarge;

    DistributedMap(Flow flow, State.DistributedMap state, Interpreter interpreter) {
        this.flow = flow;
        this.state = state;
        this.interpreter = interpreter;
        this.machine = flow.execution().machine().processor(state.label(), state.processor());
    }

    /** @throws StateFailure where an expression of the state fails; everything else happens later */
    void start() {
        var own = flow.execution().machine();
        var items = items();
        reader = optional(state.reader(), "ItemReader");
        batcher = optional(state.batcher(), "ItemBatcher");
        writer = optional(state.writer(), "ResultWriter");
        var concurrency = (int) number(state.maxConcurrency(), "MaxConcurrency", Integer.MAX_VALUE)
                .orElse(0);
        var count = number(state.toleratedFailureCount(), "ToleratedFailureCount", ItemReader.MAXIMUM_ITEMS);
        var percentage = number(state.toleratedFailurePercentage(), "ToleratedFailurePercentage", 100);
        var run = new MapRun(
                machine.arn().replaceFirst(":stateMachine:", ":mapRun:") + ":"
                        + interpreter.account().uuid(),
                flow.execution(),
                interpreter.time().now(),
                concurrency == 0 ? MAXIMUM_CONCURRENCY : Math.min(concurrency, MAXIMUM_CONCURRENCY),
                new MapRun.Tolerance(
                        count.isPresent() ? OptionalLong.of((long) count.getAsDouble()) : OptionalLong.empty(),
                        percentage));
        started = Optional.of(run);
        interpreter.executions().add(run);
        // However the execution ends, by its last history event too, its children end with it.
        flow.execution().whenEnded(this::cancel);
        flow.record(
                "MapStateStarted", "mapStateStartedEventDetails", Json.object().put("length", 0));
        flow.record("MapRunStarted", "mapRunStartedEventDetails", Json.object().put("mapRunArn", run.arn()));
        if (reader.isMissingNode()) {
            later(Duration.ZERO, () -> startChildren(run, items));
        } else {
            interpreter
                    .time()
                    .scheduleUnlocked(Duration.ZERO, "item reader of " + state.name(), () -> readItems(run, own));
        }
    }

    /** Whether a redrive resumes the Map Run, instead of starting a new one: it has child executions. */
    boolean redrivable() {
        return !resultsTooLarge
                && started.filter(run -> !run.children().isEmpty()).isPresent();
    }

    /**
     * Resumes the Map Run: its child executions that did not succeed are redriven, those that were never started are
     * started. Items, concurrency and tolerance are those of the first attempt.
     *
     * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html">Redriving Map Runs</a>
     */
    void redrive() {
        var run = started.orElseThrow();
        if (run.redriveCount() == MAXIMUM_REDRIVES) {
            flow.stateFailed(new StateFailure("States.Runtime", "The Map Run was redriven 1000 times already"));
            return;
        }
        run.redrive(interpreter.time().now());
        ending = false;
        runningChildren = 0;
        waiting.clear();
        run.children().stream().filter(child -> !child.succeeded()).forEach(waiting::add);
        flow.execution().whenEnded(this::cancel);
        flow.record(
                "MapRunRedriven",
                "mapRunRedrivenEventDetails",
                Json.object().put("mapRunArn", run.arn()).put("redriveCount", run.redriveCount()));
        later(Duration.ZERO, () -> {
            if (!run.running()) return;
            try {
                startMore(run);
            } catch (StateFailure failure) {
                fail(run, failure);
            }
        });
    }

    private List<JsonNode> items() {
        var items = new ArrayList<JsonNode>();
        if (!state.reader().isMissingNode()) return items;
        var array = state.items().isMissingNode() ? flow.stateInput() : flow.evaluate(state.items(), "Items");
        if (!array.isArray()) {
            throw new StateFailure(
                    "States.QueryEvaluationError", "Items of the Map state " + state.name() + " are not an array");
        }
        array.forEach(items::add);
        return items;
    }

    private JsonNode optional(JsonNode field, String name) {
        return field.isMissingNode() ? field : flow.evaluate(field, name);
    }

    private OptionalDouble number(JsonNode field, String name, long most) {
        if (field.isMissingNode()) return OptionalDouble.empty();
        var value = flow.evaluate(field, name);
        if (!value.isNumber() || value.asDouble() < 0 || value.asDouble() > most) {
            throw new StateFailure("States.QueryEvaluationError", name + " must be 0 to " + most + ", not " + value);
        }
        return OptionalDouble.of(value.asDouble());
    }

    private void later(Duration delay, Runnable work) {
        interpreter.time().schedule(delay, "distributed Map " + state.name(), work);
    }

    private void readItems(MapRun run, StateMachine own) {
        try (var s3 = interpreter.integrations().s3(own)) {
            var items = ItemReader.read(s3, reader);
            later(S3_ANSWER, () -> startChildren(run, items));
        } catch (StateFailure failure) {
            later(S3_ANSWER, () -> fail(run, failure));
        }
    }

    private void startChildren(MapRun run, List<JsonNode> items) {
        if (!run.running()) return;
        try {
            var selected = new ArrayList<JsonNode>();
            for (int index = 0; index < items.size(); index++) {
                selected.add(flow.itemInput(state.itemSelector(), index, items.get(index)));
            }
            run.children().addAll(ItemBatcher.children(selected, batcher));
            waiting.addAll(run.children());
            startMore(run);
        } catch (StateFailure failure) {
            fail(run, failure);
        }
    }

    /** @throws StateFailure where the role may not start executions of its own machine */
    private void startMore(MapRun run) {
        while (runningChildren < run.maxConcurrency() && !waiting.isEmpty()) startChild(run, waiting.remove());
        if (runningChildren == 0 && waiting.isEmpty()) complete(run);
    }

    private void startChild(MapRun run, MapRun.Child child) {
        if (child.execution().isPresent() && !state.express()) {
            redriveChild(run, child, child.execution().get());
            return;
        }
        authorize("states:StartExecution", machine.ownArn());
        // What AWS names beside it.
        // Assumed: map-rights
        for (var parent : List.of("states:DescribeExecution", "states:StopExecution")) {
            authorize(parent, flow.execution().arn());
        }
        var name = interpreter.account().uuid().toString();
        var execution = new Execution(
                interpreter.account().arn("states", "execution:" + machine.name() + ":" + name),
                name,
                machine,
                child.input(),
                interpreter.time().now(),
                Optional.of(run.arn()));
        child.started(execution);
        runningChildren++;
        execution.whenEnded(() -> childEnded(run, child));
        interpreter.start(execution);
    }

    /** From the state in which it failed, was stopped or timed out; beyond the limits of a redrive it stays failed. */
    private void redriveChild(MapRun run, MapRun.Child child, Execution execution) {
        authorize("states:RedriveExecution", execution.arn());
        var now = interpreter.time().now();
        if (execution.redrives().beyondLimits(execution, now).isPresent()) return;
        execution.redrives().add(Optional.empty(), now);
        runningChildren++;
        execution.whenEnded(() -> childEnded(run, child));
        interpreter.redrive(execution);
    }

    private void authorize(String action, String arn) {
        try {
            interpreter.account().iam().authorize(machine.identity(), action, arn);
        } catch (AwsException denied) {
            // The cause is IAM's text.
            // Assumed: map-denied
            throw new StateFailure("States.Permissions", denied.getMessage());
        }
    }

    private void childEnded(MapRun run, MapRun.Child child) {
        runningChildren--;
        if (ending || !run.running()) return;
        if (child.failed() && run.toleranceExceeded()) {
            complete(run);
            return;
        }
        try {
            startMore(run);
        } catch (StateFailure failure) {
            fail(run, failure);
        }
    }

    /** Every child has ended, or too many failed. */
    private void complete(MapRun run) {
        ending = true;
        stopChildren(run);
        if (writer.isMissingNode()) {
            later(Duration.ZERO, () -> end(run, output(run)));
            return;
        }
        var results = new ResultWriter(run, writer);
        interpreter
                .time()
                .scheduleUnlocked(Duration.ZERO, "result writer of " + state.name(), () -> write(run, results));
    }

    private void write(MapRun run, ResultWriter results) {
        try (var s3 = interpreter.integrations().s3(machine)) {
            var result = results.write(s3);
            later(S3_ANSWER, () -> {
                run.resultsWritten();
                end(run, result);
            });
        } catch (StateFailure failure) {
            later(S3_ANSWER, () -> fail(run, failure));
        }
    }

    /** What each child put out; of a child that failed, and was tolerated, what is known of it. */
    private static JsonNode output(MapRun run) {
        var output = Json.array();
        for (var child : run.children()) {
            output.add(child.execution().flatMap(Execution::output).orElseGet(() -> ResultWriter.entry(child)));
        }
        return output;
    }

    private void end(MapRun run, JsonNode result) {
        if (!run.running()) return;
        if (run.toleranceExceeded()) {
            fail(
                    run,
                    new StateFailure(
                            "States.ExceedToleratedFailureThreshold",
                            "The specified tolerated failure threshold was exceeded"));
        } else if (Json.bytes(result).length > StateFields.MAXIMUM_DATA) {
            resultsTooLarge = true;
            fail(
                    run,
                    new StateFailure(
                            "States.DataLimitExceeded",
                            "The results of the Map Run are larger than the maximum of " + StateFields.MAXIMUM_DATA
                                    + " bytes; write them with a ResultWriter."));
        } else {
            run.end(MapRun.Status.SUCCEEDED, interpreter.time().now());
            flow.record("MapRunSucceeded", "", Json.object());
            flow.record("MapStateSucceeded", "", Json.object());
            flow.stateSucceeded(result);
        }
    }

    private void fail(MapRun run, StateFailure failure) {
        if (!run.running()) return;
        ending = true;
        run.end(MapRun.Status.FAILED, interpreter.time().now());
        stopChildren(run);
        flow.record("MapRunFailed", "mapRunFailedEventDetails", details(failure));
        flow.record("MapStateFailed", "", Json.object());
        flow.stateFailed(failure);
    }

    private static ObjectNode details(StateFailure failure) {
        return Json.object().put("error", failure.error()).put("cause", failure.cause());
    }

    private void stopChildren(MapRun run) {
        for (var child : run.children()) {
            child.execution().filter(Execution::running).ifPresent(execution -> interpreter.stop(execution, "", ""));
        }
    }

    /** The execution was stopped, or a sibling branch failed. */
    void cancel() {
        started.filter(MapRun::running).ifPresent(run -> {
            ending = true;
            run.end(MapRun.Status.ABORTED, interpreter.time().now());
            stopChildren(run);
            flow.record("MapRunAborted", "", Json.object());
        });
    }
}
