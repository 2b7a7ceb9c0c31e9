package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.Timed;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Carries commands to instances, runs them there, and tells of their states. */
final class RunCommand {
    // How long an agent takes to fetch a command, and a script to run, as seen in the console.
    // Assumed: run-command
    private static final Duration FASTEST_DELIVERY = Duration.ofSeconds(1);
    private static final Duration SLOWEST_DELIVERY = Duration.ofSeconds(3);
    private static final Duration FASTEST_RUN = Duration.ofSeconds(5);
    private static final Duration SLOWEST_RUN = Duration.ofSeconds(40);

    private static final DateTimeFormatter EVENT_TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private final Account account;
    private final Ec2Service ec2;
    private final CloudHsmService cloudHsm;
    private final EventBridgeService events;
    private final Endpoint endpoint;
    private final ManagedInstances managed;
    private final Map<String, Command> commands = new LinkedHashMap<>();
    private final List<Timed> timings = new ArrayList<>();

    RunCommand(
            Account account,
            Ec2Service ec2,
            CloudHsmService cloudHsm,
            EventBridgeService events,
            Endpoint endpoint,
            ManagedInstances managed) {
        this.account = account;
        this.ec2 = ec2;
        this.cloudHsm = cloudHsm;
        this.events = events;
        this.endpoint = endpoint;
        this.managed = managed;
        ec2.watchInstances(instance -> {
            if (instance.state().equals("terminated"))
                disk(instance.instanceId()).delete();
        });
    }

    List<Timed> timings() {
        return List.copyOf(timings);
    }

    /** Newest first. */
    List<Command> all() {
        return List.copyOf(commands.values()).reversed();
    }

    Optional<Command> find(String commandId) {
        return Optional.ofNullable(commands.get(commandId));
    }

    void send(Command command) {
        commands.put(command.commandId, command);
        publish(command);
        for (var invocation : command.invocations) {
            account.time()
                    .scheduleUnlocked(
                            account.between(FASTEST_DELIVERY, SLOWEST_DELIVERY),
                            command.document.name() + " reaches " + invocation.instanceId,
                            () -> deliver(invocation));
            account.time().schedule(command.deliveryTimeout, "delivery of " + command.commandId + " times out", () -> {
                if (invocation.status == Invocation.Status.PENDING) {
                    become(invocation, Invocation.Status.DELIVERY_TIMED_OUT);
                }
            });
        }
    }

    private void deliver(Invocation invocation) {
        if (!begin(invocation)) return;
        var disk = disk(invocation.instanceId);
        var programs = new Programs(account, ec2, cloudHsm, endpoint, invocation.instanceId, disk);
        var steps = invocation.command.document.steps(invocation.command.parameters);
        var timeout = Duration.ofSeconds(
                steps.stream().mapToLong(Document.Step::timeoutSeconds).sum());
        var result = new CommandResult(0, "", "");
        for (var step : steps) {
            result = after(result, run(step, invocation, disk, programs));
            if (result.exitStatus() != 0) break;
        }
        end(invocation, result, programs.slept(), timeout);
    }

    /** False for an instance that cannot take the command; it then waits for its delivery timeout. */
    private boolean begin(Invocation invocation) {
        return account.time().locked(() -> {
            invocation.visible = true;
            if (invocation.status != Invocation.Status.PENDING || !managed.isOnline(invocation.instanceId)) {
                return false;
            }
            invocation.started = account.time().now();
            invocation.step = invocation
                    .command
                    .document
                    .steps(invocation.command.parameters)
                    .getFirst()
                    .name();
            become(invocation, Invocation.Status.IN_PROGRESS);
            return true;
        });
    }

    private CommandResult run(Document.Step step, Invocation invocation, InstanceDirectory disk, Programs programs) {
        try (var server = new StandInServer(programs)) {
            var environment = new LinkedHashMap<>(server.environment());
            environment.put("AWS_SSM_INSTANCE_ID", invocation.instanceId);
            environment.put("AWS_SSM_REGION_NAME", account.region());
            return Shell.run(disk, String.join("\n", step.lines()) + "\n", step.workingDirectory(), environment);
        }
    }

    private static CommandResult after(CommandResult earlier, CommandResult later) {
        return new CommandResult(
                later.exitStatus(),
                earlier.standardOutput() + later.standardOutput(),
                earlier.standardError() + later.standardError());
    }

    private void end(Invocation invocation, CommandResult result, Duration slept, Duration timeout) {
        account.time().locked(() -> {
            var lasting = account.between(FASTEST_RUN, SLOWEST_RUN).plus(slept);
            account.time()
                    .schedule(
                            timeout,
                            invocation.command.document.name() + " may run no longer on " + invocation.instanceId,
                            () -> timeOut(invocation));
            if (lasting.compareTo(timeout) > 0) return;
            account.time()
                    .schedule(
                            lasting,
                            invocation.command.document.name() + " ends on " + invocation.instanceId,
                            () -> finish(invocation, result));
        });
    }

    private void timeOut(Invocation invocation) {
        if (invocation.status.isFinal()) return;
        ended(invocation);
        become(invocation, Invocation.Status.EXECUTION_TIMED_OUT);
    }

    private void ended(Invocation invocation) {
        invocation.ended = account.time().now();
        timings.add(
                new Timed("SendCommand", invocation.command.commandId, invocation.command.requested, invocation.ended));
    }

    private void finish(Invocation invocation, CommandResult result) {
        // An agent that is gone reports nothing: the command stays in progress until its time is up.
        if (invocation.status.isFinal() || !managed.isOnline(invocation.instanceId)) return;
        ended(invocation);
        var failed = result.exitStatus() != 0;
        invocation.responseCode = result.exitStatus();
        invocation.standardOutput = result.standardOutput();
        invocation.standardError = failed
                ? result.standardError() + "failed to run commands: exit status " + result.exitStatus()
                : result.standardError();
        become(invocation, failed ? Invocation.Status.FAILED : Invocation.Status.SUCCESS);
    }

    private void become(Invocation invocation, Invocation.Status status) {
        var before = invocation.command.status();
        invocation.status = status;
        invocation.visible = true;
        var detail = detail(invocation.command, status);
        detail.put("instance-id", invocation.instanceId);
        events.publish(
                "aws.ssm",
                "EC2 Command Invocation Status-change Notification",
                List.of(instanceArn(invocation.instanceId)),
                detail);
        if (invocation.command.status() != before) publish(invocation.command);
    }

    private void publish(Command command) {
        var instances = command.invocations.stream()
                .map(invocation -> instanceArn(invocation.instanceId))
                .toList();
        events.publish(
                "aws.ssm", "EC2 Command Status-change Notification", instances, detail(command, command.status()));
    }

    /** As in AWS's examples of these events: the parameters stand there in plain text. */
    private static com.fasterxml.jackson.databind.node.ObjectNode detail(Command command, Invocation.Status status) {
        var detail = Json.object()
                .put("command-id", command.commandId)
                .put("document-name", command.document.name())
                .put("requested-date-time", time(command.requested))
                .put("expire-after", time(command.expires()))
                .put("status", status.text());
        detail.set("parameters", Json.MAPPER.valueToTree(command.parameters));
        return detail;
    }

    private static String time(Instant instant) {
        return EVENT_TIME.format(instant);
    }

    private String instanceArn(String instanceId) {
        return account.arn("ec2", "instance/" + instanceId);
    }

    /** The instance's disk, which lives until the instance is terminated. */
    InstanceDirectory disk(String instanceId) {
        return new InstanceDirectory(account.directory().resolve("instances").resolve(instanceId));
    }
}
