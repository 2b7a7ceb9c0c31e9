package cloudhsm.pipeline.localcloud.scheduler;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.states.StatesService;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.Service;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * EventBridge Scheduler: one-time schedules that start executions or publish to topics, under a role.
 *
 * @see <a href="https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html">API Reference</a>
 */
public final class SchedulerService implements Service {
    private static final String PRINCIPAL = "scheduler.amazonaws.com";

    /** Scheduler invokes its target within 60 seconds of the time [SCH:schedule-types]. */
    private static final Duration PRECISION = Duration.ofSeconds(59);

    /** What a target without a RetryPolicy gets [SCH:managing-schedule]. */
    private static final int MOST_ATTEMPTS = 185;

    private static final int LONGEST_AGE_SECONDS = 86_400;

    /** Between two attempts: "exponential backoff". */
    // Assumed: scheduler-backoff
    private static final Duration SHORTEST_BACKOFF = Duration.ofSeconds(1);

    private static final Duration LONGEST_BACKOFF = Duration.ofMinutes(5);

    private final Account account;

    /** What Scheduler names as the source when it takes on a role: the schedule's group. */
    private final String defaultGroup;

    private final StatesService states;
    private final SnsService sns;
    private final SqsService sqs;
    private final Map<String, Schedule> schedules = new TreeMap<>();
    private final List<String> failures = new ArrayList<>();

    public SchedulerService(Account account, StatesService states, SnsService sns, SqsService sqs) {
        this.account = account;
        this.defaultGroup = account.arn("scheduler", "schedule-group/default");
        this.states = states;
        this.sns = sns;
        this.sqs = sqs;
    }

    @Override
    public String signingName() {
        return "scheduler";
    }

    @Override
    public Set<String> operations() {
        return Set.of("CreateSchedule", "UpdateSchedule", "GetSchedule", "DeleteSchedule", "ListSchedules");
    }

    @Override
    public String operation(AwsRequest request) {
        var named = request.rawPath().startsWith("/schedules/");
        return switch (request.method()) {
            case "POST" -> named ? "CreateSchedule" : "";
            case "PUT" -> named ? "UpdateSchedule" : "";
            case "DELETE" -> named ? "DeleteSchedule" : "";
            case "GET" -> named ? "GetSchedule" : request.rawPath().equals("/schedules") ? "ListSchedules" : "";
            default -> "";
        };
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode input, AwsRequest request) {
        return switch (operation) {
            case "CreateSchedule" -> json(create(name(request), input, request.caller()));
            case "UpdateSchedule" -> json(update(name(request), input, request.caller()));
            case "GetSchedule" -> json(describe(existing(request, "GetSchedule")));
            case "DeleteSchedule" -> json(delete(existing(request, "DeleteSchedule")));
            case "ListSchedules" -> json(list(request));
            default ->
                throw new AwsException(
                        "UnknownOperationException",
                        404,
                        "The embedded AWS's scheduler answers CreateSchedule, UpdateSchedule, GetSchedule,"
                                + " DeleteSchedule and ListSchedules, not " + request.method() + " "
                                + request.rawPath());
        };
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        return new AwsResponse(
                error.status(),
                Map.of("Content-Type", "application/json", "x-amzn-ErrorType", error.code()),
                Json.bytes(Json.object().put("Message", error.getMessage())));
    }

    /** Of all schedules, those that are still to fire. */
    public List<String> names() {
        return account.time().locked(() -> List.copyOf(schedules.keySet()));
    }

    /** What could not be delivered, as "name: reason". */
    public List<String> failures() {
        return account.time().locked(() -> List.copyOf(failures));
    }

    private static AwsResponse json(JsonNode body) {
        return new AwsResponse(200, Map.of("Content-Type", "application/json"), Json.bytes(body));
    }

    private static String name(AwsRequest request) {
        return URLDecoder.decode(request.rawPath().substring("/schedules/".length()), StandardCharsets.UTF_8);
    }

    private String arn(String name) {
        return account.arn("scheduler", "schedule/default/" + name);
    }

    private ObjectNode create(String name, ObjectNode input, Identity caller) {
        authorize(caller, "CreateSchedule", name, input);
        var token = input.path("ClientToken").asText();
        var same = schedules.get(name);
        if (same != null) {
            if (!token.isEmpty() && token.equals(same.clientToken)) return answer(same);
            throw new AwsException("ConflictException", 409, "Schedule " + name + " already exists.");
        }
        var schedule = new Schedule(name, arn(name), account.time().now(), token, input);
        schedules.put(name, schedule);
        arm(schedule);
        return answer(schedule);
    }

    /** Replaces the whole definition: what is left out gets its default. */
    private ObjectNode update(String name, ObjectNode input, Identity caller) {
        authorize(caller, "UpdateSchedule", name, input);
        var schedule = existing(name);
        schedule.cancel();
        schedule.definition = input;
        schedule.modified = account.time().now();
        arm(schedule);
        return answer(schedule);
    }

    private static ObjectNode answer(Schedule schedule) {
        return Json.object().put("ScheduleArn", schedule.arn);
    }

    /** The caller hands the role over, and the role must trust the service [SCH:setting-up]. */
    private void authorize(Identity caller, String operation, String name, ObjectNode input) {
        ScheduleInput.requireDefaultGroup(input.path("GroupName").asText("default"));
        account.iam().authorize(caller, "scheduler:" + operation, arn(name));
        ScheduleInput.check(input, account.time().now());
        var roleArn = input.path("Target").path("RoleArn").asText();
        account.iam().authorize(caller, "iam:PassRole", roleArn, Map.of("iam:PassedToService", PRINCIPAL));
        if (role(roleArn).isEmpty()) {
            throw ScheduleInput.invalid(
                    "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.");
        }
    }

    private Optional<Role> role(String arn) {
        return account.iam()
                .role(arn.substring(arn.lastIndexOf('/') + 1))
                .filter(role -> role.arn().equals(arn))
                .filter(role -> Iam.mayAssume(PRINCIPAL, role, Optional.of(defaultGroup)));
    }

    private Schedule existing(AwsRequest request, String operation) {
        var name = name(request);
        ScheduleInput.requireDefaultGroup(request.queryParameter("groupName").orElse("default"));
        account.iam().authorize(request.caller(), "scheduler:" + operation, arn(name));
        return existing(name);
    }

    private Schedule existing(String name) {
        var schedule = schedules.get(name);
        if (schedule != null) return schedule;
        throw new AwsException("ResourceNotFoundException", 404, "Schedule " + name + " does not exist.");
    }

    private JsonNode describe(Schedule schedule) {
        var described = schedule.definition.deepCopy();
        described.remove("ClientToken");
        described
                .put("Arn", schedule.arn)
                .put("Name", schedule.name)
                .put("GroupName", "default")
                .put("CreationDate", schedule.created.toEpochMilli() / 1000.0)
                .put("LastModificationDate", schedule.modified.toEpochMilli() / 1000.0);
        if (!described.has("State")) described.put("State", "ENABLED");
        if (!described.has("ActionAfterCompletion")) described.put("ActionAfterCompletion", "NONE");
        if (!described.has("ScheduleExpressionTimezone")) described.put("ScheduleExpressionTimezone", "UTC");
        return described;
    }

    private JsonNode delete(Schedule schedule) {
        schedule.cancel();
        schedules.remove(schedule.name);
        return Json.object();
    }

    private JsonNode list(AwsRequest request) {
        account.iam().authorize(request.caller(), "scheduler:ListSchedules", arn("*"));
        if (request.queryParameter("NextToken").isPresent()) {
            throw ScheduleInput.invalid("The embedded AWS lists all schedules on one page; there is no such token");
        }
        var prefix = request.queryParameter("NamePrefix").orElse("");
        var summaries = Json.array();
        for (var schedule : schedules.values()) {
            if (!schedule.name.startsWith(prefix)) continue;
            var summary = summaries
                    .addObject()
                    .put("Arn", schedule.arn)
                    .put("Name", schedule.name)
                    .put("GroupName", "default")
                    .put("State", schedule.enabled() ? "ENABLED" : "DISABLED")
                    .put("CreationDate", schedule.created.toEpochMilli() / 1000.0)
                    .put("LastModificationDate", schedule.modified.toEpochMilli() / 1000.0);
            summary.putObject("Target")
                    .put("Arn", schedule.definition.path("Target").path("Arn").asText());
        }
        return Json.object().set("Schedules", summaries);
    }

    private void arm(Schedule schedule) {
        if (!schedule.enabled()) return;
        var window = Duration.ofMinutes(schedule.definition
                .path("FlexibleTimeWindow")
                .path("MaximumWindowInMinutes")
                .asInt());
        var delay = Duration.between(account.time().now(), ScheduleInput.at(schedule.definition))
                .plus(account.between(Duration.ZERO, PRECISION.plus(window)));
        schedule.due = Optional.of(account.time()
                .schedule(
                        delay,
                        "EventBridge Scheduler: schedule " + schedule.name,
                        () -> invoke(schedule, account.time().now(), 0)));
    }

    /**
     * Each refusal is tried again until the target's RetryPolicy is exhausted: whoever waits for a dead letter waits
     * longest.
     *
     * @param due when the schedule was to fire
     * @param retries before this attempt
     */
    // Assumed: scheduler-final-refusals
    private void invoke(Schedule schedule, Instant due, int retries) {
        var target = schedule.definition.path("Target");
        try {
            deliver(target, session(target));
        } catch (AwsException refused) {
            var policy = target.path("RetryPolicy");
            var age = policy.path("MaximumEventAgeInSeconds").asInt(LONGEST_AGE_SECONDS);
            var backoff = SHORTEST_BACKOFF.multipliedBy(1L << Math.min(retries, 20));
            var pause = backoff.compareTo(LONGEST_BACKOFF) < 0 ? backoff : LONGEST_BACKOFF;
            var tooOld = account.time().now().plus(pause).isAfter(due.plusSeconds(age));
            if (!tooOld && retries < policy.path("MaximumRetryAttempts").asInt(MOST_ATTEMPTS)) {
                schedule.due = Optional.of(account.time()
                        .schedule(
                                pause,
                                "EventBridge Scheduler: schedule " + schedule.name + " again",
                                () -> invoke(schedule, due, retries + 1)));
                return;
            }
            putAside(schedule, due, retries, tooOld ? "MaximumEventAgeInSeconds" : "MaximumRetryAttempts", refused);
        }
        if (schedule.definition.path("ActionAfterCompletion").asText().equals("DELETE"))
            schedules.remove(schedule.name);
    }

    private Identity session(JsonNode target) {
        var role = role(target.path("RoleArn").asText())
                .orElseThrow(() -> AwsException.badRequest(
                        "AccessDeniedException", PRINCIPAL + " cannot assume " + target.path("RoleArn")));
        return Identity.assumedByService(role, "EventBridgeScheduler");
    }

    private void deliver(JsonNode target, Identity session) {
        var arn = target.path("Arn").asText();
        if (arn.startsWith("arn:aws:sns:")) {
            account.iam().authorize(session, "sns:Publish", arn);
            sns.requireUseOfKey(session, arn);
            sns.publish(arn, null, target.path("Input").asText());
        } else {
            account.iam().authorize(session, "states:StartExecution", arn);
            var name = account.hex(8) + "-" + account.hex(4) + "-" + account.hex(20);
            states.startExecution(arn, name, Json.parse(target.path("Input").asText("{}")));
        }
    }

    /** Into the target's dead-letter queue; the role itself must be allowed to send [SCH:configuring-schedule-dlq]. */
    private void putAside(Schedule schedule, Instant due, int retries, String exhausted, AwsException refused) {
        var target = schedule.definition.path("Target");
        failures.add(schedule.name + ": " + refused.code() + ": " + refused.getMessage());
        var queue = target.path("DeadLetterConfig").path("Arn").asText();
        if (queue.isEmpty()) return;
        try {
            sqs.sendUnder(
                    session(target),
                    queue,
                    target.path("Input").asText("{}"),
                    Map.of(
                            "ERROR_CODE", refused.code(),
                            "ERROR_MESSAGE", String.valueOf(refused.getMessage()),
                            "EXHAUSTED_RETRY_CONDITION", exhausted,
                            "RETRY_ATTEMPTS", String.valueOf(retries),
                            "SCHEDULED_TIME",
                                    due.truncatedTo(ChronoUnit.SECONDS).toString(),
                            "SCHEDULE_ARN", schedule.arn,
                            "TARGET_ARN", target.path("Arn").asText()));
        } catch (AwsException lost) {
            failures.add(schedule.name + ": lost: " + lost.code() + ": " + lost.getMessage());
        }
    }
}
