package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.JsonService;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.states.StatesService;
import com.fasterxml.jackson.databind.JsonNode;

/** Amazon EventBridge: the default bus, its rules and schedules. */
public final class EventBridgeService extends JsonService {
    public EventBridgeService(Account account) {
        super("events", "1.1", "message");
    }

    /** Completes construction: targets need services that themselves publish events. */
    public void connect(LambdaService lambda, StatesService states, SqsService sqs, SnsService sns) {}

    /** An AWS service publishes to the default bus, for example SSM a command's status. */
    public void publish(String source, String detailType, java.util.List<String> resources, JsonNode detail) {
        throw new UnsupportedOperationException("to be written");
    }
}
