package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.http.JsonService;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import com.fasterxml.jackson.databind.JsonNode;

/** AWS Step Functions. */
public final class StatesService extends JsonService {
    public StatesService(Account account, LambdaService lambda, LogsService logs, Endpoint endpoint) {
        super("states", "1.0", "message");
    }

    /** Creates a Standard state machine at once, as a stack does. Returns its ARN. */
    public String createStateMachine(String name, String definition, cloudhsm.pipeline.localcloud.iam.Role role) {
        throw new UnsupportedOperationException("to be written");
    }

    /** As StartExecution; for EventBridge targets and ./run-local. Returns the execution's ARN. */
    public String startExecution(String stateMachineArn, String name, JsonNode input) {
        throw new UnsupportedOperationException("to be written");
    }
}
