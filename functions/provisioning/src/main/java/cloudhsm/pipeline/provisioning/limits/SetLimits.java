package cloudhsm.pipeline.provisioning.limits;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import software.amazon.awssdk.services.scheduler.SchedulerClient;
import software.amazon.awssdk.services.scheduler.model.ActionAfterCompletion;
import software.amazon.awssdk.services.scheduler.model.ConflictException;
import software.amazon.awssdk.services.scheduler.model.FlexibleTimeWindow;
import software.amazon.awssdk.services.scheduler.model.FlexibleTimeWindowMode;
import software.amazon.awssdk.services.scheduler.model.ResourceNotFoundException;
import software.amazon.awssdk.services.scheduler.model.Target;

/**
 * Has EventBridge Scheduler stop the deployment at its limit, and warn before. Replaces the limits that an earlier
 * execution set; without limits it removes them. The schedules fire whatever becomes of this execution.
 */
public final class SetLimits extends StageHandler<SetLimits.Input> {
    /** How long before the limit people are warned. */
    private static final Duration WARNING = Duration.ofMinutes(30);

    /** How long Scheduler tries to deliver; by default it tries for a day, in which HSMs bill and nobody is told. */
    private static final Duration LATEST_START = Duration.ofMinutes(15);

    private static final DateTimeFormatter AT =
            DateTimeFormatter.ofPattern("'at('yyyy-MM-dd'T'HH:mm:ss')'").withZone(ZoneOffset.UTC);

    /**
     * @param since from when on the limits count
     * @param hourlyCostUsd of all HSMs together
     */
    public record Input(String deployment, Instant since, Limits limits, BigDecimal hourlyCostUsd) {}

    /** @param end when the deployment is stopped, or "" */
    public record Output(String end, String atLimit) {}

    /**
     * What a schedule may use.
     *
     * @param roleArn assumed by EventBridge Scheduler
     * @param deadLetterQueueArn gets what a schedule could not deliver, so that an alarm tells of HSMs that bill on
     */
    public record Targets(
            String roleArn,
            String pauseStateMachineArn,
            String teardownStateMachineArn,
            String topicArn,
            String deadLetterQueueArn) {}

    private final SchedulerClient scheduler;
    private final Targets targets;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public SetLimits() {
        this(
                Aws.scheduler(),
                new Targets(
                        Aws.environment("LIMITS_ROLE_ARN"),
                        Aws.environment("PAUSE_STATE_MACHINE_ARN"),
                        Aws.environment("TEARDOWN_STATE_MACHINE_ARN"),
                        Aws.environment("NOTIFICATION_TOPIC_ARN"),
                        Aws.environment("DEAD_LETTER_QUEUE_ARN")),
                StageRuntime.ofFunction());
    }

    SetLimits(SchedulerClient scheduler, Targets targets, StageRuntime runtime) {
        super(Input.class, runtime);
        this.scheduler = scheduler;
        this.targets = targets;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var wanted = input.limits().end(input.since(), input.hourlyCostUsd());
        if (wanted.isEmpty()) {
            remove(warningOf(input.deployment()));
            remove(limitOf(input.deployment()));
            return new Outcome.Done(new Output("", ""));
        }
        // Scheduler refuses what has passed, and fires once a minute.
        var soonest = clock.instant().plus(Duration.ofMinutes(1));
        var end = (wanted.get().isAfter(soonest) ? wanted.get() : soonest).truncatedTo(ChronoUnit.SECONDS);
        var warning = end.minus(WARNING);
        if (warning.isAfter(soonest)) {
            put(warningOf(input.deployment()), warning, target(targets.topicArn(), warning(input, end)));
        } else {
            remove(warningOf(input.deployment()));
        }
        put(limitOf(input.deployment()), end, action(input));
        return new Outcome.Done(new Output(end.toString(), input.limits().atLimit()));
    }

    private static String warningOf(String deployment) {
        return "cloudhsm-pipeline-" + deployment + "-warning";
    }

    private static String limitOf(String deployment) {
        return "cloudhsm-pipeline-" + deployment + "-limit";
    }

    private Target action(Input input) {
        var start = Json.MAPPER.createObjectNode().put("deployment", input.deployment());
        return input.limits().atLimit().equals("TEARDOWN")
                ? target(
                        targets.teardownStateMachineArn(),
                        start.put("confirm", input.deployment())
                                .put("data", "KEEP_READABLE")
                                .put("interrupt", true)
                                .toString())
                : target(
                        targets.pauseStateMachineArn(),
                        start.put("interrupt", true).toString());
    }

    private Target target(String arn, String input) {
        return Target.builder()
                .arn(arn)
                .roleArn(targets.roleArn())
                .input(input)
                .retryPolicy(retry -> retry.maximumEventAgeInSeconds((int) LATEST_START.toSeconds()))
                .deadLetterConfig(queue -> queue.arn(targets.deadLetterQueueArn()))
                .build();
    }

    private static String warning(Input input, Instant end) {
        var limits = input.limits();
        var why = limits.teardownAfter().isEmpty()
                ? "maxCostUsd " + limits.maxCostUsd().toPlainString()
                : "teardownAfter " + limits.teardownAfter()
                        + (limits.maxCostUsd().signum() == 0
                                ? ""
                                : " or maxCostUsd " + limits.maxCostUsd().toPlainString());
        var what = limits.atLimit().equals("TEARDOWN")
                ? "torn down: its objects go under SSE-S3 and stay readable. Where previous versions, which cannot go"
                        + " there, or anything else would become unreadable, it is paused instead"
                : "paused: its HSMs are deleted, nothing is lost, and nothing under its key can be read until a"
                        + " provisioning execution with its name brings it back";
        return "The deployment \"" + input.deployment() + "\" reaches its limit (" + why + ") at " + end
                + " and is then " + what + ". Next: nothing, or disable the schedule "
                + limitOf(input.deployment()) + " in EventBridge Scheduler to let it bill on.";
    }

    /** Creates the schedule, or replaces the one that an earlier execution made. */
    private void put(String name, Instant time, Target target) {
        var exactly =
                FlexibleTimeWindow.builder().mode(FlexibleTimeWindowMode.OFF).build();
        try {
            scheduler.createSchedule(create -> create.name(name)
                    .scheduleExpression(AT.format(time))
                    .flexibleTimeWindow(exactly)
                    .actionAfterCompletion(ActionAfterCompletion.DELETE)
                    .target(target));
        } catch (ConflictException exists) {
            scheduler.updateSchedule(update -> update.name(name)
                    .scheduleExpression(AT.format(time))
                    .flexibleTimeWindow(exactly)
                    .actionAfterCompletion(ActionAfterCompletion.DELETE)
                    .target(target));
        }
    }

    private void remove(String name) {
        try {
            scheduler.deleteSchedule(delete -> delete.name(name));
        } catch (ResourceNotFoundException none) {
            // That is what was wanted.
        }
    }
}
