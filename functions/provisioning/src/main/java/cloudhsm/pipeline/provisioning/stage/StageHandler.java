package cloudhsm.pipeline.provisioning.stage;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.sfn.model.ExecutionAlreadyExistsException;
import software.amazon.awssdk.services.sfn.model.InvalidTokenException;
import software.amazon.awssdk.services.sfn.model.TaskDoesNotExistException;
import software.amazon.awssdk.services.sfn.model.TaskTimedOutException;

/**
 * One stage of a state machine, invoked with {@code .waitForTaskToken}. The stage says what came of its run; this
 * class ends the task, or stores the token under the resource that is waited for. When that resource has changed, the
 * stage runs again with the same input. A stage may be run any number of times: it looks before it makes anything.
 *
 * @param <I> the stage's input, a record; members that are null, missing or unknown are refused
 */
public abstract class StageHandler<I extends Record> implements RequestStreamHandler {
    /** Error of the task when an AWS call failed in a way that may pass; the state machine retries it by this name. */
    public static final String TRANSIENT = "TransientAwsFailure";

    /** Error of the task when the SDK could not make an AWS call, or not read its answer. */
    private static final String AWS_CALL_FAILED = "AWS_CALL_FAILED";

    /** Error of the task when a resource did not get anywhere within its budget. */
    public static final String TOOK_TOO_LONG = "TOOK_TOO_LONG";

    /** Error of the task when another execution works on the deployment. */
    public static final String DEPLOYMENT_LOCKED = "DEPLOYMENT_LOCKED";

    /** Step Functions' limit for the cause of a failure is 32,768 characters; a person reads fewer. */
    private static final int CAUSE_LENGTH = 4_000;

    /** Characters of the stage in a wait's id, which is an execution's name and so has 80 at most with its digests. */
    private static final int READABLE = 38;

    /**
     * A first run has all but the last three; a run after a wait has only those.
     *
     * @param deployment whose lock the execution must have; null in stages that take the lock or need none
     * @param seen the state in which the resource that was waited for has been seen just now
     * @param ended whether the execution has ended, so that the wait is to be removed and nothing else done
     * @param source of the event that ended the wait
     */
    record Request(
            String token,
            String execution,
            String stage,
            String deployment,
            JsonNode input,
            String waitId,
            String seen,
            boolean ended,
            String source) {
        /** Without the token, which ends the task for whoever has it. */
        @Override
        public String toString() {
            return waitId == null ? "Request[" + stage + " of " + execution + "]" : "Request[after " + waitId + "]";
        }
    }

    /**
     * @param locked the deployment whose lock the execution must have; empty in runs after a wait
     * @param before the wait that this run follows; empty in a stage's first run
     * @param seen the state of what that wait was for
     */
    record Attempt(
            String id,
            String token,
            String execution,
            String stage,
            Optional<String> locked,
            String input,
            Optional<Wait> before,
            Optional<String> seen) {
        static Attempt after(SuspendedTask task, Optional<String> seen) {
            var wait = task.pending();
            return new Attempt(
                    wait.id(),
                    task.token(),
                    wait.execution(),
                    wait.stage(),
                    Optional.empty(),
                    task.input(),
                    Optional.of(wait),
                    seen);
        }

        /** Without the token. */
        @Override
        public String toString() {
            return "Attempt[" + id + " of " + execution + "]";
        }
    }

    private final Class<I> inputType;
    private final StageRuntime runtime;

    /** Of the current run: an execution environment has one at a time. */
    private final List<Settled> settled = new ArrayList<>();

    private String execution;
    private String source;

    protected StageHandler(Class<I> inputType, StageRuntime runtime) {
        this.inputType = inputType;
        this.runtime = runtime;
    }

    /**
     * Does what can be done now.
     *
     * @param awaited what the stage waited for in the run before this one; empty in its first
     * @throws SdkException where AWS refused or failed: what may pass is tried again, the rest ends the stage under
     *     AWS's own error code
     */
    protected abstract Outcome run(I input, Optional<Resource> awaited);

    /** This run has met the answer to the question; whether it can be written down makes no difference to it. */
    protected final void settle(Question question, String answer) {
        settled.add(new Settled(question.toString(), answer, runtime.clock().instant()));
    }

    /** What this execution has settled, this run aside. */
    protected final List<Settled> settledSoFar() {
        return runtime.questions().of(execution);
    }

    /** Source of the event that ended the wait before this run: {@code aws.kms} for KMS's own. */
    protected final String source() {
        return source;
    }

    @Override
    public final void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
        var request = Json.MAPPER.readValue(in, Request.class);
        source = request.source();
        if (request.waitId() == null) {
            conclude(first(request));
        } else if (request.ended()) {
            runtime.waits().remove(request.waitId(), stageClass());
        } else {
            runtime.waits()
                    .claim(request.waitId(), stageClass())
                    .ifPresent(task -> conclude(Attempt.after(task, Optional.ofNullable(request.seen()))));
        }
        out.write("{}".getBytes(StandardCharsets.UTF_8));
    }

    private Attempt first(Request request) throws JsonProcessingException {
        var prefix = idPrefix(request);
        runtime.waits().removeStartingWith(prefix, stageClass());
        return new Attempt(
                prefix + digest(request.token()).substring(0, 8),
                request.token(),
                request.execution(),
                request.stage(),
                Optional.ofNullable(request.deployment()),
                Json.MAPPER.writeValueAsString(request.input()),
                Optional.empty(),
                Optional.empty());
    }

    /**
     * The same for every attempt of one stage of one execution, and for no other: an execution's name may be another's
     * as well, or begin like it, so its whole ARN counts. A person reads the stage, shortened to {@link #READABLE}.
     */
    private static String idPrefix(Request request) {
        var stage = request.stage();
        return stage.substring(0, Math.min(stage.length(), READABLE)) + "-" + digest(request.execution() + " " + stage)
                + "-";
    }

    /** 32 hexadecimal digits. */
    private static String digest(String text) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 16);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The partition of the table that the stage has to itself goes by this name, in the template as well. */
    private String stageClass() {
        return getClass().getSimpleName();
    }

    private void conclude(Attempt attempt) {
        execution = attempt.execution();
        settled.clear();
        var outcome = runSafely(attempt);
        runtime.questions().add(execution, settled);
        switch (outcome) {
            case Outcome.Done done -> succeed(attempt, done.output());
            case Outcome.Failed failed -> fail(attempt, failed);
            case Outcome.Waiting waiting -> suspend(attempt, waiting);
        }
    }

    private Outcome runSafely(Attempt attempt) {
        try {
            var takenOver = takenOver(attempt);
            if (takenOver.isPresent()) return takenOver.get();
            return run(
                    Json.INPUTS.readValue(attempt.input(), inputType),
                    attempt.before().map(Wait::resource));
        } catch (JsonProcessingException malformed) {
            return new Outcome.Failed(
                    "INVALID_STAGE_INPUT",
                    attempt.stage() + " cannot read its input: " + malformed.getOriginalMessage()
                            + ". Nothing was changed. Next: report it: the state machine and the function do not fit.");
        } catch (SdkException failure) {
            return failed(attempt.stage(), failure);
        } catch (RuntimeException defect) {
            // In a first run the invocation fails, and the task with it; after a wait nobody but us can end the task.
            if (attempt.before().isEmpty()) throw defect;
            return new Outcome.Failed(
                    defect.getClass().getName(),
                    attempt.stage() + " failed: " + defect.getMessage() + ". Next: see the function's log.");
        }
    }

    private Optional<Outcome> takenOver(Attempt attempt) {
        return attempt.locked()
                .flatMap(deployment -> runtime.lock()
                        .keep(deployment, attempt.execution())
                        .map(holder -> takenOver(attempt.stage(), deployment, holder)));
    }

    private static Outcome takenOver(String stage, String deployment, String holder) {
        return new Outcome.Failed(
                DEPLOYMENT_LOCKED,
                "While this execution did not run, the deployment \"" + deployment + "\" was taken over by " + holder
                        + ". " + stage + " changed nothing. Next: wait for its end or stop it, then start a new"
                        + " execution; it continues where the other one ended.");
    }

    private static Outcome failed(String stage, SdkException failure) {
        if (Aws.mayPass(failure)) {
            return new Outcome.Failed(
                    TRANSIENT,
                    stage + " met a failure that may pass: " + failure.getMessage()
                            + ". Next: none as long as the state"
                            + " machine tries again; if the execution ended so, start a new one; it continues from"
                            + " here.");
        }
        if (!(failure instanceof AwsServiceException refusal)) return callFailed(stage, failure);
        var details = refusal.awsErrorDetails();
        return new Outcome.Failed(
                details == null ? failure.getClass().getSimpleName() : details.errorCode(),
                stage + " was refused by AWS: " + failure.getMessage() + ". Next: remove what AWS objects to (a missing"
                        + " right of the function's role, a policy, a quota), then start a new execution; it continues"
                        + " from here.");
    }

    private static Outcome callFailed(String stage, SdkException failure) {
        return new Outcome.Failed(
                AWS_CALL_FAILED,
                stage + " could not make a call to AWS, or not read its answer: " + failure.getMessage()
                        + ". A repetition would meet the same. What was made so far stays. Next: report it; once the"
                        + " function is mended, a new execution continues from here.");
    }

    private void suspend(Attempt attempt, Outcome.Waiting waiting) {
        var now = runtime.clock().instant();
        // A resource that is waited for in other states, an HSM's deletion after its creation, has a budget of its own.
        var same = attempt.before()
                .filter(wait -> wait.resource().equals(waiting.resource())
                        && wait.whileIn().equals(waiting.whileIn()));
        var since = same.map(Wait::since).orElse(now);
        if (now.isAfter(since.plus(waiting.budget()))) {
            fail(attempt, tookTooLong(attempt, waiting, Duration.between(since, now)));
            return;
        }
        runtime.waits()
                .store(
                        new SuspendedTask(
                                new Wait(
                                        attempt.id(),
                                        runtime.functionName(),
                                        attempt.execution(),
                                        attempt.stage(),
                                        waiting.resource(),
                                        waiting.whileIn(),
                                        since,
                                        since.plus(waiting.budget())),
                                attempt.token(),
                                waiting.nextInput().map(StageHandler::written).orElseGet(attempt::input)),
                        stageClass());
        // What takes days is left to its own event and to the schedule of minutes.
        if (waiting.resource().isSlow()) runtime.questions().keep(attempt.execution(), since.plus(waiting.budget()));
        else watch(attempt.id());
    }

    private static Outcome.Failed tookTooLong(Attempt attempt, Outcome.Waiting waiting, Duration waited) {
        var pending = waiting.whileIn().stream().sorted().toList();
        return new Outcome.Failed(
                TOOK_TOO_LONG,
                String.format(
                        Locale.ROOT,
                        "%s is still %s after %s; %s allows AWS %s. Nothing was changed. Next: look at the"
                                + " resource in the console, then start a new execution; it continues from here.",
                        waiting.resource(),
                        attempt.seen().orElseGet(() -> "in one of " + pending),
                        minutes(waited),
                        attempt.stage(),
                        minutes(waiting.budget())));
    }

    private static String minutes(Duration duration) {
        return String.format(Locale.ROOT, "%d min %02d s", duration.toMinutes(), duration.toSecondsPart());
    }

    private void watch(String id) {
        try {
            runtime.states()
                    .startExecution(start -> start.stateMachineArn(runtime.watchStateMachine())
                            .name(id)
                            .input("{\"waitId\":\"" + id + "\"}"));
        } catch (ExecutionAlreadyExistsException ended) {
            // It watched this wait and has ended; the schedule of minutes takes over.
            System.out.println("{\"watch\":\"ended\",\"wait\":\"" + id + "\"}");
        }
    }

    private void succeed(Attempt attempt, Record output) {
        end(
                attempt,
                () -> runtime.states()
                        .sendTaskSuccess(
                                success -> success.taskToken(attempt.token()).output(written(output))));
    }

    private void fail(Attempt attempt, Outcome.Failed failed) {
        end(
                attempt,
                () -> runtime.states()
                        .sendTaskFailure(failure -> failure.taskToken(attempt.token())
                                .error(failed.reason())
                                .cause(shortened(failed.message()))));
    }

    /** Ends the task, then forgets the wait: if this function dies in between, the wait is ended once more. */
    private void end(Attempt attempt, Runnable send) {
        try {
            send.run();
        } catch (TaskTimedOutException | TaskDoesNotExistException | InvalidTokenException over) {
            // The task has ended without us: a timeout, a stopped execution, or an earlier answer.
            System.out.println("{\"task\":\"over\",\"wait\":\"" + attempt.id() + "\"}");
        }
        if (attempt.before().isPresent()) runtime.waits().remove(attempt.id(), stageClass());
    }

    private static String shortened(String message) {
        return message.length() <= CAUSE_LENGTH ? message : message.substring(0, CAUSE_LENGTH);
    }

    private static String written(Record output) {
        try {
            return Json.MAPPER.writeValueAsString(output);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
