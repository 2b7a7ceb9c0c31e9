package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Wait;
import cloudhsm.pipeline.provisioning.stage.Waits;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Clock;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.InvocationType;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * Takes the pipeline's own state changes, SSM's command events and KMS's deletions of keys, and has every stage that
 * waits for the resource look again. The stage itself decides what the new state means and ends its task.
 */
public final class ResumeExecution extends JsonHandler<ResumeExecution.Event, ResumeExecution.Output> {
    private final Waits waits;
    private final LambdaClient lambda;
    private final SfnClient states;
    private final Clock clock;

    /** The members of an EventBridge event that matter here. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Event(String source, JsonNode detail) {}

    /** @param resumed how many stages look again */
    public record Output(int resumed) {}

    /** Called by Lambda, once per execution environment. */
    public ResumeExecution() {
        this(Waits.ofFunction(), Aws.lambda(), Aws.states(), Clock.systemUTC());
    }

    ResumeExecution(Waits waits, LambdaClient lambda, SfnClient states, Clock clock) {
        super(Event.class);
        this.waits = waits;
        this.lambda = lambda;
        this.states = states;
        this.clock = clock;
    }

    @Override
    protected Output handle(Event event) {
        var resource = resource(event);
        var state = state(event);
        var over = waits.of(resource).stream()
                .filter(wait -> wait.isOver(state, clock.instant()))
                .toList();
        return new Output((int) over.stream()
                .filter(wait -> hasStageLookAgain(wait, state, event.source()))
                .count());
    }

    /**
     * A stopped execution must not go on creating HSMs: where it has ended, the stage only removes the wait, and the token
     * that it alone may read.
     *
     * @return whether the execution goes on
     */
    private boolean hasStageLookAgain(Wait wait, String state, String source) {
        var running = states.describeExecution(request -> request.executionArn(wait.execution()))
                        .status()
                == ExecutionStatus.RUNNING;
        var payload = Json.MAPPER
                .createObjectNode()
                .put("waitId", wait.id())
                .put("seen", state)
                .put("ended", !running)
                .put("source", source)
                .toString();
        lambda.invoke(request -> request.functionName(wait.function())
                .invocationType(InvocationType.EVENT)
                .payload(SdkBytes.fromUtf8String(payload)));
        return running;
    }

    private static String state(Event event) {
        return switch (event.source()) {
            case "aws.ssm" -> event.detail().path("status").asText();
            case "aws.kms" -> Resource.ABSENT;
            default -> event.detail().path("current").asText();
        };
    }

    private static Resource resource(Event event) {
        var detail = event.detail();
        return switch (event.source()) {
            case "aws.ssm" ->
                Resource.command(
                        detail.path("command-id").asText(),
                        detail.path("instance-id").asText());
            case "aws.kms" -> Resource.key(detail.path("key-id").asText());
            default ->
                new Resource(
                        Resource.Type.valueOf(detail.path("resourceType").asText()),
                        detail.path("resourceId").asText());
        };
    }
}
