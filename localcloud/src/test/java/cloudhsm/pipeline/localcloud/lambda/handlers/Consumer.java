package cloudhsm.pipeline.localcloud.lambda.handlers;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Consumes SQS messages; those with the body "bad" fail. */
public final class Consumer implements RequestHandler<Map<String, List<Map<String, Object>>>, Map<String, Object>> {
    @Override
    public Map<String, Object> handleRequest(Map<String, List<Map<String, Object>>> event, Context context) {
        var failures = new ArrayList<Map<String, Object>>();
        for (var message : event.get("Records")) {
            if ("bad".equals(message.get("body"))) failures.add(Map.of("itemIdentifier", message.get("messageId")));
        }
        return Map.of("batchItemFailures", failures);
    }
}
