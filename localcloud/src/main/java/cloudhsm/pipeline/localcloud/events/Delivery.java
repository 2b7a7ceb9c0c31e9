package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.iam.Iam;
import cloudhsm.pipeline.localcloud.iam.Identity;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.states.StatesService;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Hands an event to a rule's target. What the target refuses goes to the target's dead-letter queue, or nowhere. */
final class Delivery {
    private static final String PRINCIPAL = "events.amazonaws.com";

    private final Account account;
    private final LambdaService lambda;
    private final StatesService states;
    private final SqsService sqs;
    private final SnsService sns;
    private final List<EventBridgeService.FailedDelivery> failed = new ArrayList<>();

    Delivery(Account account, LambdaService lambda, StatesService states, SqsService sqs, SnsService sns) {
        this.account = account;
        this.lambda = lambda;
        this.states = states;
        this.sqs = sqs;
        this.sns = sns;
    }

    List<EventBridgeService.FailedDelivery> failed() {
        return List.copyOf(failed);
    }

    void deliver(Rule rule, JsonNode target, JsonNode event) {
        try {
            send(rule, target, TargetInput.of(target, event, rule));
        } catch (AwsException refused) {
            // Missing permission or target: AWS does not try again [eb-rule-dlq].
            var kept = deadLetter(rule, target, event, refused);
            failed.add(new EventBridgeService.FailedDelivery(
                    rule.name, arn(target), event, refused.code() + ": " + refused.getMessage(), kept));
        }
    }

    private static String arn(JsonNode target) {
        return target.path("Arn").asText();
    }

    private void send(Rule rule, JsonNode target, String payload) {
        var arn = arn(target);
        switch (arn.split(":")[2]) {
            case "lambda" -> lambda.invokeLaterAs(PRINCIPAL, rule.arn(), arn, payload.getBytes(StandardCharsets.UTF_8));
            case "sqs" -> sqs.sendAs(PRINCIPAL, rule.arn(), arn, payload);
            case "sns" -> sns.publishAs(PRINCIPAL, rule.arn(), arn, "", payload);
            case "states" -> startExecution(rule, target, payload);
            default -> throw new IllegalStateException(arn + " was accepted as a target without being understood");
        }
    }

    private void startExecution(Rule rule, JsonNode target, String payload) {
        var arn = arn(target);
        var roleArn = target.path("RoleArn").asText();
        var role = account.iam()
                .role(roleArn.substring(roleArn.lastIndexOf('/') + 1))
                .filter(found -> Iam.mayAssume(PRINCIPAL, found, Optional.of(rule.arn())))
                .orElseThrow(() ->
                        AwsException.badRequest("NO_PERMISSIONS", PRINCIPAL + " cannot assume the role " + roleArn));
        var session = Identity.assumedByService(role, "EventBridge");
        account.iam().authorize(session, "states:StartExecution", arn);
        states.startExecution(arn, account.hex(8) + "_" + account.hex(24), Json.parse(payload));
    }

    private boolean deadLetter(Rule rule, JsonNode target, JsonNode event, AwsException refused) {
        var queue = target.path("DeadLetterConfig").path("Arn").asText();
        if (queue.isEmpty()) return false;
        try {
            sqs.sendAs(
                    PRINCIPAL,
                    rule.arn(),
                    queue,
                    Json.text(event),
                    Map.of(
                            "RULE_ARN", rule.arn(),
                            "TARGET_ARN", arn(target),
                            "ERROR_CODE", errorCode(refused),
                            "ERROR_MESSAGE", String.valueOf(refused.getMessage()),
                            "RETRY_ATTEMPTS", "0"));
            return true;
        } catch (AwsException lost) {
            return false;
        }
    }

    private static String errorCode(AwsException refused) {
        if (refused.code().contains("NotFound") || refused.code().contains("DoesNotExist")) return "RESOURCE_NOT_FOUND";
        return refused.code().contains("AccessDenied") ? "NO_PERMISSIONS" : refused.code();
    }
}
