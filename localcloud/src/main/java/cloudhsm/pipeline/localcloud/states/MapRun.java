package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.ToLongFunction;

/** What DescribeMapRun shows of one run of a distributed Map. Guarded by the lock of the simulated time. */
final class MapRun {
    enum Status {
        RUNNING,
        SUCCEEDED,
        FAILED,
        ABORTED
    }

    /**
     * How many items may fail. With neither bound none may; with both, passing either fails the run.
     *
     * @param percentage of all items, 0 to 100
     */
    record Tolerance(OptionalLong count, OptionalDouble percentage) {
        boolean exceeded(long failed, long total) {
            if (count.isEmpty() && percentage.isEmpty()) return failed > 0;
            return count.isPresent() && failed > count.getAsLong()
                    || percentage.isPresent() && failed * 100.0 > percentage.getAsDouble() * total;
        }
    }

    /** One child workflow execution, from when its input is known. */
    static final class Child {
        private final JsonNode input;
        private final int items;
        private Optional<Execution> execution = Optional.empty();

        /** @param items how many items the input carries: 1, or a batch */
        Child(JsonNode input, int items) {
            this.input = input;
            this.items = items;
        }

        JsonNode input() {
            return input;
        }

        int items() {
            return items;
        }

        /** Empty while it is pending. */
        Optional<Execution> execution() {
            return execution;
        }

        void started(Execution own) {
            execution = Optional.of(own);
        }

        /** As MapRunExecutionCounts names it. */
        String status() {
            return execution
                    .map(own -> own.status() == Execution.Status.TIMED_OUT
                            ? "timedOut"
                            : own.status().name().toLowerCase(Locale.ROOT))
                    .orElse("pending");
        }

        boolean succeeded() {
            return status().equals("succeeded");
        }

        boolean failed() {
            return status().equals("failed") || status().equals("timedOut");
        }
    }

    private final String arn;
    private final Execution parent;
    private final Instant started;
    private final int maxConcurrency;
    private final Tolerance tolerance;
    private final List<Child> children = new ArrayList<>();
    private Status status = Status.RUNNING;
    private Optional<Instant> stopped = Optional.empty();
    private boolean resultsWritten;
    private int redriveCount;
    private Optional<Instant> redriven = Optional.empty();

    MapRun(String arn, Execution parent, Instant started, int maxConcurrency, Tolerance tolerance) {
        this.arn = arn;
        this.parent = parent;
        this.started = started;
        this.maxConcurrency = maxConcurrency;
        this.tolerance = tolerance;
    }

    String arn() {
        return arn;
    }

    /** The last part of the ARN. */
    String id() {
        return arn.substring(arn.lastIndexOf(':') + 1);
    }

    Execution parent() {
        return parent;
    }

    List<Child> children() {
        return children;
    }

    int maxConcurrency() {
        return maxConcurrency;
    }

    boolean running() {
        return status == Status.RUNNING;
    }

    int redriveCount() {
        return redriveCount;
    }

    void redrive(Instant when) {
        status = Status.RUNNING;
        stopped = Optional.empty();
        resultsWritten = false;
        redriveCount++;
        redriven = Optional.of(when);
    }

    void end(Status how, Instant when) {
        status = how;
        stopped = Optional.of(when);
    }

    void resultsWritten() {
        resultsWritten = true;
    }

    /** Whether more items failed or timed out than the state tolerates. */
    boolean toleranceExceeded() {
        return tolerance.exceeded(
                sum(children.stream().filter(Child::failed).toList(), Child::items), sum(children, Child::items));
    }

    /** An element of ListMapRuns. */
    ObjectNode listed() {
        var listed = Json.object()
                .put("executionArn", parent.arn())
                .put("mapRunArn", arn)
                .put("stateMachineArn", parent.stateMachineArn())
                .put("startDate", Json.epochSeconds(started));
        stopped.ifPresent(when -> listed.put("stopDate", Json.epochSeconds(when)));
        return listed;
    }

    /** The answer of DescribeMapRun. */
    ObjectNode described() {
        var described = Json.object()
                .put("mapRunArn", arn)
                .put("executionArn", parent.arn())
                .put("status", status.name())
                .put("startDate", Json.epochSeconds(started))
                .put("maxConcurrency", maxConcurrency)
                .put("toleratedFailurePercentage", tolerance.percentage().orElse(0))
                .put("toleratedFailureCount", tolerance.count().orElse(0))
                .put("redriveCount", redriveCount);
        redriven.ifPresent(when -> described.put("redriveDate", Json.epochSeconds(when)));
        stopped.ifPresent(when -> described.put("stopDate", Json.epochSeconds(when)));
        described.set("itemCounts", counts(Child::items));
        described.set("executionCounts", counts(child -> 1));
        return described;
    }

    private ObjectNode counts(ToLongFunction<Child> weight) {
        var counts = Json.object();
        for (var name : List.of("pending", "running", "succeeded", "failed", "timedOut", "aborted")) {
            var such = children.stream()
                    .filter(child -> child.status().equals(name))
                    .toList();
            counts.put(name, sum(such, weight));
        }
        var total = sum(children, weight);
        return counts.put("total", total).put("resultsWritten", resultsWritten ? total : 0);
    }

    private static long sum(List<Child> children, ToLongFunction<Child> weight) {
        return children.stream().mapToLong(weight).sum();
    }
}
