package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/** AWS Step Functions: Standard state machines in JSONata. */
public final class StatesService extends JsonService {
    /** Names of machines and executions; AWS also takes other letters, but CloudWatch does not. */
    private static final Pattern NAME = Pattern.compile("[^\\s<>{}\\[\\]?*\"#%\\\\^|~`$&,;:/\\p{Cntrl}]{1,80}");

    private final Account account;
    private final Expressions expressions;
    private final Interpreter interpreter;
    private final Map<String, StateMachine> machines = new LinkedHashMap<>();
    private final Executions executions = new Executions();
    private final ExecutionLog executionLog;
    private final ExecutionOperations operations;

    public StatesService(
            Account account, LambdaService lambda, LogsService logs, EventBridgeService events, Endpoint endpoint) {
        super("states", "1.0");
        this.account = account;
        executionLog = new ExecutionLog(account, logs);
        expressions = new Expressions(account.time().clock(), account.random());
        interpreter = new Interpreter(
                account,
                expressions,
                new Integrations(account, lambda, endpoint, this),
                executions,
                new StatusChanges(events));
        interpreter.listen(executionLog::write);
        on("CreateStateMachine", this::createStateMachine);
        on("DescribeStateMachine", this::describeStateMachine);
        on("DescribeStateMachineForExecution", this::describeStateMachineForExecution);
        on("ListStateMachines", this::listStateMachines);
        on("DeleteStateMachine", this::deleteStateMachine);
        on("StartExecution", this::startExecution);
        operations = new ExecutionOperations(account, interpreter, this::machine);
        on("DescribeExecution", operations::describeExecution);
        on("ListExecutions", operations::listExecutions);
        on("StopExecution", operations::stopExecution);
        on("RedriveExecution", operations::redriveExecution);
        on("GetExecutionHistory", operations::getExecutionHistory);
        var mapRuns = new MapRunOperations(account, executions);
        on("DescribeMapRun", mapRuns::describeMapRun);
        on("ListMapRuns", mapRuns::listMapRuns);
        var tasks = new TaskOperations(account, interpreter.tokens());
        on("SendTaskSuccess", tasks::sendTaskSuccess);
        on("SendTaskFailure", tasks::sendTaskFailure);
        on("SendTaskHeartbeat", tasks::sendTaskHeartbeat);
        on("ValidateStateMachineDefinition", new DefinitionValidation(account)::validate);
    }

    /**
     * Creates a Standard state machine at once, as a stack does. Returns its ARN.
     *
     * @throws AwsException InvalidDefinition, InvalidName, StateMachineAlreadyExists, or AccessDeniedException where
     *     Step Functions may not assume the role
     */
    public String createStateMachine(String name, String definition, Role role) {
        return account.time().locked(() -> create(name, definition, role).arn());
    }

    /**
     * Writes the machine's history events to a log group from now on, as a LoggingConfiguration does.
     *
     * @param logGroupArn of a group that exists; ends with {@code :*}
     * @param level ALL, ERROR, FATAL or OFF
     * @param includeExecutionData whether inputs, parameters, outputs and assigned variables are in the entries; errors
     *     and their causes always are
     * @throws AwsException InvalidLoggingConfiguration, or AccessDeniedException where the machine's role may not set up
     *     the delivery
     */
    public void logTo(String stateMachineArn, String logGroupArn, String level, boolean includeExecutionData) {
        account.time()
                .locked(() ->
                        executionLog.configure(machine(stateMachineArn), logGroupArn, level, includeExecutionData));
    }

    /** As StartExecution. Returns the execution's ARN. */
    public String startExecution(String stateMachineArn, String name, JsonNode input) {
        return account.time()
                .locked(() -> start(machine(stateMachineArn), name, input).arn());
    }

    /** A view of the execution that goes on changing. @throws AwsException ExecutionDoesNotExist */
    public Execution execution(String executionArn) {
        return account.time().locked(() -> operations.execution(executionArn));
    }

    /** Every task token that was given out so far, those of attempts that have ended too. */
    public Set<String> taskTokens() {
        return account.time().locked(interpreter.tokens()::issued);
    }

    /** Calls the listener with each history event of every execution, as it happens, holding the lock. */
    public void onHistoryEvent(BiConsumer<Execution, ObjectNode> listener) {
        account.time().locked(() -> {
            interpreter.listen(listener);
        });
    }

    /** Calls the listener with each transition of every execution, as it is taken, holding the lock. */
    public void onTransition(Consumer<Transition> listener) {
        account.time().locked(() -> {
            interpreter.listenToTransitions(listener);
        });
    }

    /** For whoever waits in vain: which execution failed last, under which name and why; "" if none has. */
    public String lastFailure() {
        return account.time()
                .locked(() -> executions.all().stream()
                        .filter(execution -> execution.error().isPresent()
                                && execution.stopped().isPresent())
                        .max(Comparator.comparing(
                                execution -> execution.stopped().orElseThrow()))
                        .map(failed -> "Execution " + failed.arn() + " ended " + failed.status() + " under "
                                + failed.error().orElseThrow() + ": "
                                + failed.cause().orElse("no cause"))
                        .orElse(""));
    }

    /** Calls the listener with each expression of every execution, as it is evaluated, holding the lock. */
    public void onEvaluation(Consumer<Evaluation> listener) {
        account.time().locked(() -> {
            expressions.listen(listener);
        });
    }

    /**
     * From now on no task of the machine calls its service: each ends as the function says. Everything else of the
     * definition runs as ever, the expressions of the Arguments too.
     *
     * @param tasks from the task's state name and its evaluated Arguments
     */
    public void mockTasks(String stateMachineArn, BiFunction<String, JsonNode, Mock> tasks) {
        account.time().locked(() -> {
            interpreter.mock(machine(stateMachineArn), tasks);
        });
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
        var arn = account.arn("states", "stateMachine:" + name);
        var existing = machines.get(arn);
        if (existing != null) {
            if (existing.text().equals(definition) && existing.role().equals(role)) return existing;
            throw AwsException.badRequest("StateMachineAlreadyExists", "State Machine Already Exists: '" + arn + "'");
        }
        if (!Iam.mayAssume("states.amazonaws.com", role, Optional.of(arn))) {
            throw AwsException.badRequest(
                    "AccessDeniedException",
                    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to"
                            + " assume the provided role.");
        }
        var parsed = AslParser.parse(definition);
        var identity = account.iam().session(role, name);
        var machine = new StateMachine(
                arn, name, definition, parsed, role, identity, account.time().now());
        machines.put(arn, machine);
        executionLog.forget(machine);
        return machine;
    }

    private Execution start(StateMachine machine, String name, JsonNode input) {
        requireName(name);
        if (Json.bytes(input).length > StateFields.MAXIMUM_DATA) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have"
                            + " length less than or equal to " + StateFields.MAXIMUM_DATA);
        }
        var arn = account.arn("states", "execution:" + machine.name() + ":" + name);
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
        account.iam()
                .authorize(
                        request.caller(), "states:CreateStateMachine", account.arn("states", "stateMachine:" + name));
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
        var machine = operations.execution(arn).machine();
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
        return Pages.of(input, described, "stateMachines");
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
        var execution = start(
                machine, text(input, "name").orElseGet(() -> account.uuid().toString()), parsed);
        return Json.object()
                .put("executionArn", execution.arn())
                .put("startDate", Json.epochSeconds(execution.started()));
    }
}
