package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.AwsRequest;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.http.JsonService;
import cloudhsm.pipeline.localcloud.iam.Iam;
import cloudhsm.pipeline.localcloud.iam.PolicyDocument;
import cloudhsm.pipeline.localcloud.iam.Role;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/** AWS Step Functions: Standard state machines in JSONata. */
public final class StatesService extends JsonService {
    /** Names of machines and executions; AWS also takes other letters, but CloudWatch does not. */
    private static final Pattern NAME = Pattern.compile("[^\\s<>{}\\[\\]?*\"#%\\\\^|~`$&,;:/\\p{Cntrl}]{1,80}");

    private static final String PREFIX = "arn:aws:states:" + Iam.REGION + ":" + Iam.ACCOUNT + ":";
    private static final int MAXIMUM_ERROR = 256;
    private static final int MAXIMUM_CAUSE = 32_768;

    private final Account account;
    private final Expressions expressions;
    private final Interpreter interpreter;
    private final Map<String, StateMachine> machines = new LinkedHashMap<>();
    private final Executions executions = new Executions();
    private final Map<String, ObjectNode> logging = new LinkedHashMap<>();
    private final LogsService logs;

    public StatesService(Account account, LambdaService lambda, LogsService logs, Endpoint endpoint) {
        super("states", "1.0", "message");
        this.account = account;
        this.logs = logs;
        expressions = new Expressions(account.time().clock(), account.random());
        interpreter =
                new Interpreter(account, expressions, new Integrations(account, lambda, endpoint, this), executions);
        interpreter.listen(this::log);
        on("CreateStateMachine", this::createStateMachine);
        on("DescribeStateMachine", this::describeStateMachine);
        on("DescribeStateMachineForExecution", this::describeStateMachineForExecution);
        on("ListStateMachines", this::listStateMachines);
        on("DeleteStateMachine", this::deleteStateMachine);
        on("StartExecution", this::startExecution);
        on("DescribeExecution", this::describeExecution);
        on("ListExecutions", this::listExecutions);
        on("StopExecution", this::stopExecution);
        on("RedriveExecution", this::redriveExecution);
        on("GetExecutionHistory", this::getExecutionHistory);
        var mapRuns = new MapRunOperations(account, executions);
        on("DescribeMapRun", mapRuns::describeMapRun);
        on("ListMapRuns", mapRuns::listMapRuns);
        on("SendTaskSuccess", this::sendTaskSuccess);
        on("SendTaskFailure", this::sendTaskFailure);
        on("SendTaskHeartbeat", this::sendTaskHeartbeat);
    }

    /**
     * Creates a Standard state machine at once, as a stack does. Returns its ARN.
     *
     * @throws AwsException InvalidDefinition, InvalidName, StateMachineAlreadyExists, or AccessDeniedException where
     *     Step Functions may not assume the role
     */
    public String createStateMachine(String name, String definition, Role role) {
        return locked(() -> create(name, definition, role).arn());
    }

    /**
     * Writes the machine's history events to a log group, as a LoggingConfiguration does.
     *
     * @param level ALL, ERROR, FATAL or OFF
     */
    public void logTo(String stateMachineArn, String logGroup, String level, boolean includeExecutionData) {
        locked(() -> logging.put(
                machine(stateMachineArn).arn(),
                Json.object().put("group", logGroup).put("level", level).put("data", includeExecutionData)));
    }

    /** As StartExecution; for EventBridge targets and ./run-local. Returns the execution's ARN. */
    public String startExecution(String stateMachineArn, String name, JsonNode input) {
        return locked(() -> start(machine(stateMachineArn), name, input).arn());
    }

    /** A view of the execution that goes on changing. @throws AwsException ExecutionDoesNotExist */
    public Execution execution(String executionArn) {
        return locked(() -> {
            if (!executionArn.startsWith("arn:aws:states:")) {
                throw AwsException.badRequest("InvalidArn", "Invalid Arn: 'Invalid ARN: " + executionArn + "'");
            }
            return executions
                    .execution(executionArn)
                    .orElseThrow(() -> AwsException.badRequest(
                            "ExecutionDoesNotExist", "Execution Does Not Exist: '" + executionArn + "'"));
        });
    }

    /** Calls the listener with each history event of every execution, as it happens, holding the lock. */
    public void onHistoryEvent(BiConsumer<Execution, ObjectNode> listener) {
        locked(() -> {
            interpreter.listen(listener);
            return true;
        });
    }

    private <T> T locked(java.util.function.Supplier<T> work) {
        account.time().lock().lock();
        try {
            return work.get();
        } finally {
            account.time().lock().unlock();
        }
    }

    private void log(Execution execution, ObjectNode event) {
        var settings = logging.get(execution.machine().ownArn());
        if (settings == null) return;
        var type = event.path("type").asText();
        var failure = type.endsWith("Failed") || type.endsWith("TimedOut") || type.endsWith("Aborted");
        var wanted = switch (settings.path("level").asText()) {
            case "ALL" -> true;
            case "ERROR" -> failure;
            case "FATAL" -> failure && type.startsWith("Execution");
            default -> false;
        };
        if (!wanted) return;
        var shown = settings.path("data").asBoolean() ? event.deepCopy() : History.withoutExecutionData(event);
        shown.put("execution_arn", execution.arn());
        logs.write(
                settings.path("group").asText(),
                "states/" + execution.machine().name() + "/" + execution.name(),
                Json.text(shown));
    }

    private StateMachine machine(String arn) {
        if (!arn.startsWith("arn:aws:states:")) {
            throw AwsException.badRequest("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: " + arn + "'");
        }
        var machine = machines.get(arn);
        if (machine == null) {
            throw AwsException.badRequest("StateMachineDoesNotExist", "State Machine Does Not Exist: '" + arn + "'");
        }
        return machine;
    }

    private static void requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw AwsException.badRequest("InvalidName", "Invalid Name: '" + name + "'");
        }
    }

    private StateMachine create(String name, String definition, Role role) {
        requireName(name);
        var arn = PREFIX + "stateMachine:" + name;
        var existing = machines.get(arn);
        if (existing != null) {
            if (existing.text().equals(definition) && existing.role().equals(role)) return existing;
            throw AwsException.badRequest("StateMachineAlreadyExists", "State Machine Already Exists: '" + arn + "'");
        }
        var trusted = role.trust().decide(Set.of("states.amazonaws.com"), "sts:AssumeRole", role.arn(), Map.of());
        if (trusted != PolicyDocument.Decision.ALLOWED) {
            throw AwsException.badRequest(
                    "AccessDeniedException",
                    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to"
                            + " assume the provided role.");
        }
        var parsed = AslParser.parse(definition, expressions);
        var identity = account.iam().session(role, name);
        var machine = new StateMachine(
                arn, name, definition, parsed, role, identity, account.time().now());
        machines.put(arn, machine);
        return machine;
    }

    private Execution start(StateMachine machine, String name, JsonNode input) {
        requireName(name);
        if (Json.bytes(input).length > Flow.MAXIMUM_DATA) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have"
                            + " length less than or equal to " + Flow.MAXIMUM_DATA);
        }
        var arn = PREFIX + "execution:" + machine.name() + ":" + name;
        var existing = executions.execution(arn).orElse(null);
        if (existing != null) {
            if (existing.running() && existing.input().equals(input)) return existing;
            throw AwsException.badRequest("ExecutionAlreadyExists", "Execution Already Exists: '" + arn + "'");
        }
        var execution = new Execution(arn, name, machine, input, account.time().now(), Optional.empty());
        interpreter.start(execution);
        return execution;
    }

    private JsonNode createStateMachine(ObjectNode input, AwsRequest request) {
        var name = required(input, "name");
        account.iam().authorize(request.caller(), "states:CreateStateMachine", PREFIX + "stateMachine:" + name);
        for (var member : (Iterable<String>) input::fieldNames) {
            if (!Set.of("name", "definition", "roleArn", "type", "tags").contains(member)) {
                throw AwsException.badRequest(
                        "ValidationException", "The embedded AWS does not understand CreateStateMachine's " + member);
            }
        }
        if (!text(input, "type").orElse("STANDARD").equals("STANDARD")) {
            throw AwsException.badRequest(
                    "StateMachineTypeNotSupported", "The embedded AWS runs STANDARD state machines only");
        }
        var roleArn = required(input, "roleArn");
        var role = account.iam()
                .role(roleArn.substring(roleArn.lastIndexOf('/') + 1))
                .orElseThrow(() -> AwsException.badRequest("InvalidArn", "Invalid Role Arn: '" + roleArn + "'"));
        account.iam()
                .authorize(
                        request.caller(),
                        "iam:PassRole",
                        role.arn(),
                        Map.of("iam:PassedToService", "states.amazonaws.com"));
        var machine = create(name, required(input, "definition"), role);
        return Json.object()
                .put("stateMachineArn", machine.arn())
                .put("creationDate", Json.epochSeconds(machine.created()));
    }

    private JsonNode describeStateMachine(ObjectNode input, AwsRequest request) {
        var arn = required(input, "stateMachineArn");
        account.iam().authorize(request.caller(), "states:DescribeStateMachine", arn);
        var machine = machine(arn);
        return described(machine)
                .put("status", "ACTIVE")
                .put("type", "STANDARD")
                .put("creationDate", Json.epochSeconds(machine.created()));
    }

    private JsonNode describeStateMachineForExecution(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:DescribeStateMachineForExecution", arn);
        var machine = execution(arn).machine();
        return described(machine).put("updateDate", Json.epochSeconds(machine.created()));
    }

    private static ObjectNode described(StateMachine machine) {
        return Json.object()
                .put("stateMachineArn", machine.arn())
                .put("name", machine.name())
                .put("definition", machine.text())
                .put("roleArn", machine.role().arn());
    }

    private JsonNode listStateMachines(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "states:ListStateMachines", "*");
        var described = machines.values().stream()
                .map(machine -> Json.object()
                        .put("stateMachineArn", machine.arn())
                        .put("name", machine.name())
                        .put("type", "STANDARD")
                        .put("creationDate", Json.epochSeconds(machine.created())))
                .toList();
        return page(input, described, "stateMachines");
    }

    private JsonNode deleteStateMachine(ObjectNode input, AwsRequest request) {
        var arn = required(input, "stateMachineArn");
        account.iam().authorize(request.caller(), "states:DeleteStateMachine", arn);
        // AWS lets running executions come to their end and then deletes; nobody here looks in between.
        machines.remove(arn);
        return Json.object();
    }

    private JsonNode startExecution(ObjectNode input, AwsRequest request) {
        var arn = required(input, "stateMachineArn");
        account.iam().authorize(request.caller(), "states:StartExecution", arn);
        var machine = machine(arn);
        JsonNode parsed;
        try {
            parsed = Json.parse(text(input, "input").orElse("{}"));
        } catch (AwsException notJson) {
            throw AwsException.badRequest("InvalidExecutionInput", "Invalid State Machine Execution Input: 'not JSON'");
        }
        var execution = start(machine, text(input, "name").orElseGet(this::randomName), parsed);
        return Json.object()
                .put("executionArn", execution.arn())
                .put("startDate", Json.epochSeconds(execution.started()));
    }

    private String randomName() {
        return account.hex(8) + "-" + account.hex(4) + "-4" + account.hex(3) + "-a" + account.hex(3) + "-"
                + account.hex(12);
    }

    private JsonNode describeExecution(ObjectNode input, AwsRequest request) {
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
        return described;
    }

    private static ObjectNode listed(Execution execution) {
        var listed = Json.object()
                .put("executionArn", execution.arn())
                .put("stateMachineArn", execution.stateMachineArn())
                .put("name", execution.name())
                .put("status", execution.status().name())
                .put("startDate", Json.epochSeconds(execution.started()))
                .put("redriveCount", execution.redriveCount());
        execution.mapRunArn().ifPresent(run -> listed.put("mapRunArn", run));
        execution.stopped().ifPresent(stopped -> listed.put("stopDate", Json.epochSeconds(stopped)));
        return listed;
    }

    private JsonNode listExecutions(ObjectNode input, AwsRequest request) {
        if (input.has("stateMachineArn") == input.has("mapRunArn")) {
            throw AwsException.badRequest(
                    "ValidationException", "ListExecutions takes either a stateMachineArn or a mapRunArn");
        }
        var ofMapRun = input.has("mapRunArn");
        var arn = required(input, ofMapRun ? "mapRunArn" : "stateMachineArn");
        account.iam().authorize(request.caller(), "states:ListExecutions", arn);
        if (!ofMapRun) machine(arn);
        var status = text(input, "statusFilter");
        var listed = new ArrayList<ObjectNode>();
        executions.all().stream()
                .filter(execution -> ofMapRun
                        ? execution.mapRunArn().equals(Optional.of(arn))
                        : execution.stateMachineArn().equals(arn))
                .filter(execution ->
                        status.map(execution.status().name()::equals).orElse(true))
                .forEach(execution -> listed.addFirst(listed(execution)));
        return page(input, listed, "executions");
    }

    private JsonNode stopExecution(ObjectNode input, AwsRequest request) {
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

    private JsonNode redriveExecution(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:RedriveExecution", arn);
        var execution = execution(arn);
        if (execution.running() || execution.status() == Execution.Status.SUCCEEDED) {
            throw AwsException.badRequest(
                    "ExecutionNotRedrivable", "Execution is " + execution.status() + " and cannot be redriven");
        }
        if (execution.mapRunArn().isPresent()) {
            throw AwsException.badRequest(
                    "ExecutionNotRedrivable", "A child execution is redriven with its Map Run only");
        }
        if (!interpreter.redrivable(execution)) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "The embedded AWS does not redrive Map Runs; start a new execution instead of redriving " + arn);
        }
        interpreter.redrive(execution);
        return Json.object().put("redriveDate", Json.epochSeconds(account.time().now()));
    }

    private JsonNode getExecutionHistory(ObjectNode input, AwsRequest request) {
        var arn = required(input, "executionArn");
        account.iam().authorize(request.caller(), "states:GetExecutionHistory", arn);
        Collection<ObjectNode> events = execution(arn).historyEvents();
        if (!input.path("includeExecutionData").asBoolean(true)) {
            events = events.stream().map(History::withoutExecutionData).toList();
        }
        var ordered = new ArrayList<>(events);
        if (input.path("reverseOrder").asBoolean(false)) java.util.Collections.reverse(ordered);
        return page(input, ordered, "events");
    }

    private JsonNode sendTaskSuccess(ObjectNode input, AwsRequest request) {
        var attempt = authorizedAttempt(input, request, "states:SendTaskSuccess");
        var output = required(input, "output");
        if (output.getBytes(StandardCharsets.UTF_8).length > Flow.MAXIMUM_DATA) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must have"
                            + " length less than or equal to " + Flow.MAXIMUM_DATA);
        }
        JsonNode result;
        try {
            result = Json.parse(output);
        } catch (AwsException notJson) {
            throw AwsException.badRequest("InvalidOutput", "Invalid Output: 'not JSON'");
        }
        TaskTokens.requireWaiting(attempt);
        attempt.succeed(result);
        return Json.object();
    }

    private JsonNode sendTaskFailure(ObjectNode input, AwsRequest request) {
        var attempt = authorizedAttempt(input, request, "states:SendTaskFailure");
        var error = text(input, "error").orElse("");
        var cause = text(input, "cause").orElse("");
        if (error.length() > MAXIMUM_ERROR || cause.length() > MAXIMUM_CAUSE) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: error has at most " + MAXIMUM_ERROR + " and cause at most "
                            + MAXIMUM_CAUSE + " characters");
        }
        TaskTokens.requireWaiting(attempt);
        attempt.fail(new StateFailure(error, cause));
        return Json.object();
    }

    private JsonNode sendTaskHeartbeat(ObjectNode input, AwsRequest request) {
        var attempt = authorizedAttempt(input, request, "states:SendTaskHeartbeat");
        TaskTokens.requireWaiting(attempt);
        attempt.beat();
        return Json.object();
    }

    private TaskAttempt authorizedAttempt(ObjectNode input, AwsRequest request, String action) {
        var attempt = interpreter.tokens().attempt(required(input, "taskToken"));
        account.iam().authorize(request.caller(), action, attempt.execution().stateMachineArn());
        return attempt;
    }

    /** One page of the list: maxResults 1 to 1,000, 100 by default; the token is the index of the next element. */
    static ObjectNode page(ObjectNode input, List<ObjectNode> all, String member) {
        var size = input.path("maxResults").asInt(0);
        if (size < 0 || size > 1000) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value '" + size + "' at 'maxResults' failed to satisfy constraint:"
                            + " Member must have value less than or equal to 1000");
        }
        var from = text(input, "nextToken").map(StatesService::index).orElse(0);
        var to = Math.min(all.size(), from + (size == 0 ? 100 : size));
        var page = Json.object();
        var list = page.putArray(member);
        all.subList(Math.min(from, to), to).forEach(list::add);
        if (to < all.size()) page.put("nextToken", "page-" + to);
        return page;
    }

    private static int index(String token) {
        return Optional.of(token)
                .filter(text -> text.matches("page-\\d{1,9}"))
                .map(text -> Integer.parseInt(text.substring("page-".length())))
                .orElseThrow(() -> AwsException.badRequest("InvalidToken", "Invalid Token: 'Invalid token'"));
    }
}
