package cloudhsm.pipeline.localcloud.states;

import static cloudhsm.pipeline.localcloud.wire.JsonService.required;
import static cloudhsm.pipeline.localcloud.wire.JsonService.text;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;

/** SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat. */
final class TaskOperations {
    private static final int MAXIMUM_ERROR = 256;
    private static final int MAXIMUM_CAUSE = 32_768;

    private final Account account;
    private final TaskTokens tokens;

    TaskOperations(Account account, TaskTokens tokens) {
        this.account = account;
        this.tokens = tokens;
    }

    JsonNode sendTaskSuccess(ObjectNode input, AwsRequest request) {
        var attempt = authorizedAttempt(input, request, "states:SendTaskSuccess");
        var output = required(input, "output");
        if (output.getBytes(StandardCharsets.UTF_8).length > StateFields.MAXIMUM_DATA) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must have"
                            + " length less than or equal to " + StateFields.MAXIMUM_DATA);
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

    JsonNode sendTaskFailure(ObjectNode input, AwsRequest request) {
        var attempt = authorizedAttempt(input, request, "states:SendTaskFailure");
        var error = text(input, "error").orElse("");
        var cause = text(input, "cause");
        if (error.length() > MAXIMUM_ERROR
                || cause.filter(text -> text.length() > MAXIMUM_CAUSE).isPresent()) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: error has at most " + MAXIMUM_ERROR + " and cause at most "
                            + MAXIMUM_CAUSE + " characters");
        }
        TaskTokens.requireWaiting(attempt);
        attempt.fail(new StateFailure(error, cause.orElse(null)));
        return Json.object();
    }

    JsonNode sendTaskHeartbeat(ObjectNode input, AwsRequest request) {
        var attempt = authorizedAttempt(input, request, "states:SendTaskHeartbeat");
        TaskTokens.requireWaiting(attempt);
        attempt.beat();
        return Json.object();
    }

    private TaskAttempt authorizedAttempt(ObjectNode input, AwsRequest request, String action) {
        var attempt = tokens.attempt(required(input, "taskToken"));
        account.iam().authorize(request.caller(), action, attempt.execution().stateMachineArn());
        return attempt;
    }
}
