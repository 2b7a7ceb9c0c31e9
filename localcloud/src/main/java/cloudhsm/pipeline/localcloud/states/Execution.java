package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One execution of a state machine. Guarded by the lock of the simulated time. */
public final class Execution {
    /** As DescribeExecution names them. */
    public enum Status {
        RUNNING,
        SUCCEEDED,
        FAILED,
        TIMED_OUT,
        ABORTED
    }

    private final String arn;
    private final String name;
    private final StateMachine machine;
    private final JsonNode input;
    private final Instant started;
    private final Optional<String> mapRunArn;
    private final History history = new History();
    private final List<Runnable> whenEnded = new ArrayList<>();
    private final Redrives redrives = new Redrives();
    private Status status = Status.RUNNING;
    private Optional<Instant> stopped = Optional.empty();
    private Optional<JsonNode> output = Optional.empty();
    private Optional<String> error = Optional.empty();
    private Optional<String> cause = Optional.empty();

    Execution(
            String arn,
            String name,
            StateMachine machine,
            JsonNode input,
            Instant started,
            Optional<String> mapRunArn) {
        this.arn = arn;
        this.name = name;
        this.machine = machine;
        this.input = input;
        this.started = started;
        this.mapRunArn = mapRunArn;
    }

    public String arn() {
        return arn;
    }

    public String name() {
        return name;
    }

    public String stateMachineArn() {
        return machine.arn();
    }

    public JsonNode input() {
        return input;
    }

    public Instant started() {
        return started;
    }

    /** Of a distributed Map's child execution. */
    public Optional<String> mapRunArn() {
        return mapRunArn;
    }

    public Status status() {
        return status;
    }

    /** Empty while it runs. */
    public Optional<Instant> stopped() {
        return stopped;
    }

    /** Of an execution that succeeded. */
    public Optional<JsonNode> output() {
        return output;
    }

    /** The error's name, of an execution that failed, timed out or was stopped with one. */
    public Optional<String> error() {
        return error;
    }

    public Optional<String> cause() {
        return cause;
    }

    public int redriveCount() {
        return redrives.count();
    }

    /** Its events, oldest first, in the shape of GetExecutionHistory. */
    public List<ObjectNode> historyEvents() {
        return history.events();
    }

    Redrives redrives() {
        return redrives;
    }

    StateMachine machine() {
        return machine;
    }

    History history() {
        return history;
    }

    boolean running() {
        return status == Status.RUNNING;
    }

    /** Runs once the execution has ended, in the order of registration. */
    void whenEnded(Runnable action) {
        whenEnded.add(action);
    }

    void end(
            Status how,
            Instant when,
            Optional<JsonNode> result,
            Optional<String> errorName,
            Optional<String> causeText) {
        status = how;
        stopped = Optional.of(when);
        output = result;
        error = errorName;
        cause = causeText;
        var actions = List.copyOf(whenEnded);
        whenEnded.clear();
        actions.forEach(Runnable::run);
    }

    void redrive() {
        status = Status.RUNNING;
        stopped = Optional.empty();
        error = Optional.empty();
        cause = Optional.empty();
    }
}
