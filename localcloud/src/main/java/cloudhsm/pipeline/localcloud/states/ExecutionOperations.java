package cloudhsm.pipeline.localcloud.states;

import static cloudhsm.pipeline.localcloud.wire.JsonService.required;
import static cloudhsm.pipeline.localcloud.wire.JsonService.text;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Consumer;

/** The operations on executions that were started: describe, list, stop, redrive, and their history. */
final class ExecutionOperations {
    private final Account account;
    private final Interpreter interpreter;
    private final Consumer<String> requireMachine;

    /** @param requireMachine throws StateMachineDoesNotExist for an ARN of none */
    ExecutionOperations(Account account, Interpreter interpreter, Consumer<String> requireMachine) {
        this.account = account;
        this.interpreter = interpreter;
        this.requireMachine = requireMachine;
    }

    /** @throws AwsException InvalidArn or ExecutionDoesNotExist */
    Execution execution(String executionArn) {
        if (!executionArn.startsWith("arn:aws:states:")) {
            throw AwsException.badRequest("InvalidArn", "Invalid Arn: 'Invalid ARN: " + executionArn + "'");
        }
        return interpreter
                .executions()
                .execution(executionArn)
                .orElseThrow(() -> AwsException.badRequest(
                        "ExecutionDoesNotExist", "Execution Does Not Exist: '" + executionArn + "'"));
    }

    JsonNode describeExecution(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:DescribeExecution", arn);
        var execution = execution(arn);
        var described = listed(execution).put("input", Json.text(execution.input()));
        described.putObject("inputDetails").put("included", true);
        execution.output().ifPresent(output -> {
            described.put("output", Json.text(output));
            described.putObject("outputDetails").put("included", true);
        });
        execution.error().ifPresent(error -> described.put("error", error));
        execution.cause().ifPresent(cause -> described.put("cause", cause));
        describeRedrive(execution, described);
        return described;
    }

    private void describeRedrive(Execution execution, ObjectNode described) {
        var refusal = execution.redrives().refusal(execution, account.time().now());
        var ended = !execution.running() && execution.status() != Execution.Status.SUCCEEDED;
        if (refusal.isEmpty()) {
            described.put("redriveStatus", "REDRIVABLE");
        } else if (ended
                && execution.mapRunArn().isPresent()
                && execution
                        .redrives()
                        .beyondLimits(execution, account.time().now())
                        .isEmpty()) {
            described.put("redriveStatus", "REDRIVABLE_BY_MAP_RUN");
        } else {
            described.put("redriveStatus", "NOT_REDRIVABLE").put("redriveStatusReason", refusal.get());
        }
    }

    private static ObjectNode listed(Execution execution) {
        var listed = Json.object()
                .put("executionArn", execution.arn())
                .put("stateMachineArn", execution.stateMachineArn())
                .put("name", execution.name())
                .put("status", execution.status().name())
                .put("startDate", Json.epochSeconds(execution.started()))
                .put("redriveCount", execution.redriveCount());
        execution.redrives().last().ifPresent(last -> listed.put("redriveDate", Json.epochSeconds(last)));
        execution.mapRunArn().ifPresent(run -> listed.put("mapRunArn", run));
        execution.stopped().ifPresent(stopped -> listed.put("stopDate", Json.epochSeconds(stopped)));
        return listed;
    }

    JsonNode listExecutions(ObjectNode input, AwsRequest request) {
        if (input.has("stateMachineArn") == input.has("mapRunArn")) {
            throw AwsException.badRequest(
                    "ValidationException", "ListExecutions takes either a stateMachineArn or a mapRunArn");
        }
        var ofMapRun = input.has("mapRunArn");
        var arn = required(input, ofMapRun ? "mapRunArn" : "stateMachineArn");
        account.iam().authorize(request.caller(), "states:ListExecutions", arn);
        if (!ofMapRun) requireMachine.accept(arn);
        var status = text(input, "statusFilter");
        var listed = new ArrayList<ObjectNode>();
        interpreter.executions().all().stream()
                .filter(execution -> ofMapRun
                        ? execution.mapRunArn().equals(Optional.of(arn))
                        : execution.stateMachineArn().equals(arn))
                .filter(execution ->
                        status.map(execution.status().name()::equals).orElse(true))
                .forEach(execution -> listed.addFirst(listed(execution)));
        return Pages.of(input, listed, "executions");
    }

    JsonNode stopExecution(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:StopExecution", arn);
        var execution = execution(arn);
        if (execution.running()) {
            interpreter.stop(
                    execution,
                    text(input, "error").orElse(""),
                    text(input, "cause").orElse(""));
        }
        return Json.object()
                .put("stopDate", Json.epochSeconds(execution.stopped().orElseThrow()));
    }

    JsonNode redriveExecution(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:RedriveExecution", arn);
        var execution = execution(arn);
        var now = account.time().now();
        var token = text(input, "clientToken");
        var before = token.flatMap(known -> execution.redrives().of(known, now));
        if (before.isPresent()) return Json.object().put("redriveDate", Json.epochSeconds(before.get()));
        var refusal = execution.redrives().refusal(execution, now);
        if (refusal.isPresent()) throw AwsException.badRequest("ExecutionNotRedrivable", refusal.get());
        execution.redrives().add(token, now);
        interpreter.redrive(execution);
        return Json.object().put("redriveDate", Json.epochSeconds(now));
    }

    JsonNode getExecutionHistory(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:GetExecutionHistory", arn);
        Collection<ObjectNode> events = execution(arn).historyEvents();
        if (!input.path("includeExecutionData").asBoolean(true)) {
            events = events.stream().map(History::withoutInputAndOutput).toList();
        }
        var ordered = new ArrayList<>(events);
        if (input.path("reverseOrder").asBoolean(false)) java.util.Collections.reverse(ordered);
        return Pages.of(input, ordered, "events");
    }
}
