package cloudhsm.pipeline.localcloud.monitoring;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** CloudWatch's alarms, described. There are no metrics here: an alarm has the state that it is given. */
public final class MonitoringService extends JsonService {
    private static final Set<String> STATES = Set.of("OK", "ALARM", "INSUFFICIENT_DATA");

    private final Account account;
    private final Map<String, ObjectNode> alarms = new LinkedHashMap<>();

    public MonitoringService(Account account) {
        super("monitoring", "1.0");
        this.account = account;
        on("DescribeAlarms", this::describeAlarms);
    }

    /**
     * Makes an alarm at once, as a stack does. Its state is that of an alarm whose metrics have no data.
     *
     * @param missingData what missing data mean: {@code notBreaching}, {@code missing}, …
     */
    public void createAlarm(String name, String arn, boolean actionsEnabled, JsonNode actions, String missingData) {
        var alarm = Json.object()
                .put("AlarmName", name)
                .put("AlarmArn", arn)
                .put("ActionsEnabled", actionsEnabled)
                .put("StateValue", missingData.equals("notBreaching") ? "OK" : "INSUFFICIENT_DATA")
                .put("StateReason", "No datapoints were received")
                .put("TreatMissingData", missingData);
        alarm.set("AlarmActions", actions.isArray() ? actions : Json.array());
        account.time().locked(() -> alarms.put(name, alarm));
    }

    /** As SetAlarmState does. */
    public void setAlarmState(String name, String state, String reason) {
        if (!STATES.contains(state)) throw new IllegalArgumentException(state + " is no state of an alarm");
        account.time().locked(() -> alarms.get(name).put("StateValue", state).put("StateReason", reason));
    }

    private JsonNode describeAlarms(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "cloudwatch:DescribeAlarms", "*");
        for (var member : (Iterable<String>) input::fieldNames) {
            if (!Set.of("AlarmNames", "AlarmNamePrefix", "StateValue").contains(member)) {
                throw AwsException.badRequest(
                        "ValidationException", "The embedded AWS does not understand DescribeAlarms' " + member);
            }
        }
        var names = new ArrayList<String>();
        input.path("AlarmNames").forEach(name -> names.add(name.asText()));
        var prefix = text(input, "AlarmNamePrefix").orElse("");
        var state = text(input, "StateValue");
        var answer = Json.object();
        var found = answer.putArray("MetricAlarms");
        alarms.forEach((name, alarm) -> {
            var asked = names.isEmpty() ? name.startsWith(prefix) : names.contains(name);
            if (asked && state.map(alarm.path("StateValue").asText()::equals).orElse(true)) found.add(alarm);
        });
        answer.putArray("CompositeAlarms");
        return answer;
    }
}
