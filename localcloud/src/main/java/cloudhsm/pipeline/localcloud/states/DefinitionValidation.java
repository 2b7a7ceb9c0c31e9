package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** ValidateStateMachineDefinition: what CreateStateMachine would refuse, without one. It finds no warnings. */
final class DefinitionValidation {
    /** maxResults, and what 0 and its absence mean. */
    private static final int MOST_DIAGNOSTICS = 100;

    private final Account account;

    DefinitionValidation(Account account) {
        this.account = account;
    }

    JsonNode validate(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "states:ValidateStateMachineDefinition", "*");
        if (!JsonService.text(input, "type").orElse("STANDARD").equals("STANDARD")) {
            throw AwsException.badRequest("ValidationException", "The embedded AWS validates STANDARD machines only");
        }
        var wrong = DefinitionCheck.diagnose(JsonService.required(input, "definition"));
        var asked = input.path("maxResults").asInt(0);
        var most = asked == 0 ? MOST_DIAGNOSTICS : asked;
        var answer = Json.object().put("result", wrong.isEmpty() ? "OK" : "FAIL");
        var diagnostics = answer.putArray("diagnostics");
        for (var diagnostic : wrong.subList(0, Math.min(most, wrong.size()))) {
            var described = diagnostics
                    .addObject()
                    .put("severity", "ERROR")
                    .put("code", diagnostic.code())
                    .put("message", diagnostic.message());
            diagnostic.location().ifPresent(location -> described.put("location", location));
        }
        return answer.put("truncated", wrong.size() > most);
    }
}
