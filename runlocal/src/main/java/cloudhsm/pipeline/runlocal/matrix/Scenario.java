package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.Bucket;

/**
 * What the matrix runs again and again: executions, one after the other.
 *
 * @param name as {@code --of} takes it; also what it begins with, up to a hyphen
 * @param parameters of the template, where others than usual
 * @param before makes what the scenario starts from; nothing goes wrong in it
 * @param damage what befalls the deployment before the steps
 * @param uploads keys of objects that are uploaded before the steps; one that is repeated gets a previous version
 * @param afterwards how long AWS and the pipeline may take for what ends after the last execution
 * @param left what the account may hold in the end beyond what it held before anything ran
 */
record Scenario(
        String name,
        Map<String, String> parameters,
        List<Step> before,
        Consumer<LocalCloud> damage,
        List<String> uploads,
        List<Step> steps,
        Duration afterwards,
        Left left) {
    /** One execution with the input {} on an empty account. */
    private static final Step PROVISION = new Step("ProvisionStateMachineArn", "{}");

    private static final Step PAUSE = new Step("PauseStateMachineArn", "{\"deployment\": \"default\"}");

    /** The way back from wherever the deployment is: it is asked for by its name. */
    private static final Step BACK = new Step("ProvisionStateMachineArn", "{\"deployment\": \"default\"}");

    private static final Step DELETE = tearDown("\"data\": \"DELETE\"", "");

    /** One version cannot go back and may be lost; KMS deletes the key's material, so one HSM stays for days. */
    private static final Step KEEP_READABLE = tearDown(
            "\"data\": \"KEEP_READABLE\", \"meter\": \"DELETE_MATERIAL\","
                    + " \"confirmUnreadable\": \"the previous versions of default become unreadable\"",
            "");

    /** As the schedule of a limit starts it: the version that cannot go back may not be lost, so only the meter stops. */
    private static final Step AT_LIMIT =
            tearDown("\"data\": \"KEEP_READABLE\", \"interrupt\": true", "OBJECTS_NOT_RETURNED");

    private static final List<String> UPLOADS = List.of("a", "a", "b");

    /** Watches, the next health check, messages of a function that died. */
    private static final Duration MINUTES = Duration.ofMinutes(25);

    /** Until CloudHSM has deleted the backups, and Secrets Manager the secrets, that could still be restored. */
    private static final Duration DAYS = Duration.ofDays(8);

    /** Of the 16 days of a teardown, nothing happens in almost all: the look every few minutes is a seldom one. */
    private static final Map<String, String> SELDOM = Map.of("HealthCheckSchedule", "rate(12 hours)");

    static final List<Scenario> ALL = List.of(
            new Scenario(
                    "provision",
                    Map.of(),
                    List.of(),
                    cloud -> {},
                    List.of(),
                    List.of(PROVISION),
                    MINUTES,
                    Left.ANYTHING),
            road("unchanged", BACK),
            damaged("hsm-lost", Damage::loseAnHsm),
            damaged("store-failed", Damage::failToConnect),
            damaged("cluster-gone", Damage::deleteTheCluster),
            road("pause", PAUSE, BACK),
            teardown("teardown-delete", DELETE, DAYS, Left.NOTHING),
            teardown("teardown-keep-readable", KEEP_READABLE, DAYS, Left.BUCKET),
            teardown("teardown-at-limit", AT_LIMIT, MINUTES, Left.ANYTHING));

    /** Steps that begin and end with a complete deployment. */
    private static Scenario road(String name, Step... steps) {
        return new Scenario(
                name, Map.of(), List.of(PROVISION), cloud -> {}, List.of(), List.of(steps), MINUTES, Left.ANYTHING);
    }

    /** The way back after a damage; nothing else is at work on it. */
    private static Scenario damaged(String name, Consumer<LocalCloud> damage) {
        return new Scenario(
                name,
                Map.of("SelfHealing", "disabled"),
                List.of(PROVISION),
                damage,
                List.of(),
                List.of(BACK),
                MINUTES,
                Left.ANYTHING);
    }

    private static Scenario teardown(String name, Step step, Duration afterwards, Left left) {
        return new Scenario(name, SELDOM, List.of(PROVISION), cloud -> {}, UPLOADS, List.of(step), afterwards, left);
    }

    /** What the account may hold in the end beyond what it held before anything ran. */
    enum Left {
        ANYTHING,
        BUCKET,
        NOTHING;

        /** Those of the differences from the account before that must not be. */
        List<String> forbidden(List<String> differences) {
            return switch (this) {
                case ANYTHING -> List.of();
                case BUCKET ->
                    differences.stream()
                            .filter(difference -> !difference.contains(" x s3: "))
                            .toList();
                case NOTHING -> differences;
            };
        }
    }

    /**
     * One execution, and further ones until one ends as it should.
     *
     * @param output of the stack, which names the state machine
     * @param error under which the execution must fail; "" if it must succeed
     */
    record Step(String output, String input, String error) {
        Step(String output, String input) {
            this(output, input, "");
        }
    }

    Scenario {
        parameters = Map.copyOf(parameters);
        before = List.copyOf(before);
        uploads = List.copyOf(uploads);
        steps = List.copyOf(steps);
    }

    private static Step tearDown(String members, String error) {
        return new Step(
                "TeardownStateMachineArn",
                "{\"deployment\": \"default\", \"confirm\": \"default\", " + members + "}",
                error);
    }

    /** Whether {@code --of} means this scenario. */
    boolean isOf(String of) {
        return name.equals(of) || name.startsWith(of + "-");
    }

    /** @throws IllegalStateException if it does not succeed at once */
    void prepare(LocalDeployment deployment, Executions executions) {
        if (run(before, "before", deployment, executions) > before.size()) {
            throw new IllegalStateException("What " + name + " starts from could not be made");
        }
        if (!uploads.isEmpty()) upload(deployment.cloud());
        damage.accept(deployment.cloud());
    }

    private void upload(LocalCloud cloud) {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            var bucket = s3.listBuckets().buckets().stream()
                    .map(Bucket::name)
                    .filter(name -> name.startsWith("cloudhsm-default-"))
                    .findFirst()
                    .orElseThrow();
            uploads.forEach(key ->
                    s3.putObject(put -> put.bucket(bucket).key(key), RequestBody.fromString("content of " + key)));
        }
        cloud.advance(MINUTES);
    }

    /** @return how many executions more than its own it took; at least {@link Executions#MOST} if one never ended as it should */
    int run(LocalDeployment deployment, Executions executions) {
        return run(steps, name, deployment, executions) - steps.size();
    }

    private static int run(List<Step> steps, String name, LocalDeployment deployment, Executions executions) {
        int count = 0;
        for (int i = 0; i < steps.size(); i++) {
            var stateMachine = deployment.stack().outputs().get(steps.get(i).output());
            count += executions.runUntilAsWanted(stateMachine, name + i, steps.get(i));
        }
        return count;
    }
}
