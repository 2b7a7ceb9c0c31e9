package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Hands an event to a rule's target. What the target refuses goes to the target's dead-letter queue, or nowhere. */
final class Delivery {
    private static final String PRINCIPAL = "events.amazonaws.com";

    private final Account account;
    private final SqsService sqs;
    private final Map<String, EventTarget> targets = new HashMap<>();
    private final List<EventBridgeService.FailedDelivery> failed = new ArrayList<>();

    Delivery(Account account, SqsService sqs) {
        this.account = account;
        this.sqs = sqs;
    }

    void register(String service, EventTarget target) {
        targets.put(service, target);
    }

    List<EventBridgeService.FailedDelivery> failed() {
        return List.copyOf(failed);
    }

    void deliver(Rule rule, JsonNode target, JsonNode event) {
        try {
            send(rule, target, TargetInput.of(target, event, rule));
        } catch (AwsException refused) {
            // Missing permission or target: AWS does not try again [EB:eb-rule-dlq].
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
        var service = arn.split(":")[2];
        // Of the four, state machines alone are reached by a role; the others have policies of their own.
        if (service.equals("states")) assumeRole(rule, target);
        targets.get(service).deliver(PRINCIPAL, rule.arn(), arn, payload);
    }

    private void assumeRole(Rule rule, JsonNode target) {
        var roleArn = target.path("RoleArn").asText();
        var role = account.iam()
                .role(roleArn.substring(roleArn.lastIndexOf('/') + 1))
                .filter(found -> Iam.mayAssume(PRINCIPAL, found, Optional.of(rule.arn())))
                .orElseThrow(() ->
                        AwsException.badRequest("NO_PERMISSIONS", PRINCIPAL + " cannot assume the role " + roleArn));
        var session = Identity.assumedByService(role, "EventBridge");
        account.iam().authorize(session, "states:StartExecution", arn(target));
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
