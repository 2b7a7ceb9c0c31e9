package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.monitoring.MonitoringService;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.template.Resolver.ResourceValues;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * CloudWatch's alarms and dashboards. The embedded AWS has no metrics, so that an alarm never changes its state; but what
 * CloudWatch would refuse, or could never deliver, is refused here.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html">PutMetricAlarm</a>
 */
final class Alarms {
    private static final Set<String> COMPARISONS = Set.of(
            "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold");
    private static final Set<String> STATISTICS = Set.of("SampleCount", "Average", "Sum", "Minimum", "Maximum");
    private static final Set<String> MISSING_DATA = Set.of("breaching", "notBreaching", "ignore", "missing");
    private static final Set<String> WIDGETS = Set.of("metric", "text", "log", "alarm", "explorer");

    /** Columns of a dashboard. */
    private static final int COLUMNS = 24;

    private final Account account;
    private final SnsService sns;
    private final MonitoringService monitoring;
    private final Names names;

    Alarms(Account account, SnsService sns, MonitoringService monitoring, Names names) {
        this.account = account;
        this.sns = sns;
        this.monitoring = monitoring;
        this.names = names;
    }

    ResourceValues alarm(String id, Properties properties) {
        properties.withoutEffect("AlarmDescription", "Tags", "Unit");
        oneOf(properties, "ComparisonOperator", COMPARISONS, properties.required("ComparisonOperator"));
        oneOf(
                properties,
                "TreatMissingData",
                MISSING_DATA,
                properties.text("TreatMissingData").orElse("missing"));
        if (number(properties, "EvaluationPeriods") < 1) {
            throw properties.invalid("EvaluationPeriods must be at least 1");
        }
        number(properties, "Threshold");
        var points = properties.number("DatapointsToAlarm", 1);
        if (points > number(properties, "EvaluationPeriods")) {
            throw properties.invalid("DatapointsToAlarm must not be above EvaluationPeriods");
        }
        if (properties.has("Metrics") == properties.has("MetricName")) {
            throw properties.invalid("an alarm has either Metrics or MetricName");
        }
        if (properties.has("Metrics")) metrics(properties);
        else metric(properties);
        for (var state : List.of("AlarmActions", "InsufficientDataActions", "OKActions")) {
            for (var action : properties.node(state)) reach(properties, action.asText());
        }
        var name = properties.text("AlarmName").orElseGet(() -> names.physical(id, 255));
        var arn = account.arn("cloudwatch", "alarm:" + name);
        monitoring.createAlarm(
                name,
                arn,
                properties.text("ActionsEnabled").orElse("true").equals("true"),
                properties.node("AlarmActions"),
                properties.text("TreatMissingData").orElse("missing"));
        return new ResourceValues(name, Map.of("Arn", arn));
    }

    private static void metric(Properties properties) {
        properties.required("Namespace");
        oneOf(properties, "Statistic", STATISTICS, properties.required("Statistic"));
        period(properties, number(properties, "Period"));
        for (var dimension : properties.node("Dimensions")) {
            if (dimension.path("Value").asText().isEmpty()
                    || dimension.path("Name").asText().isEmpty()) {
                throw properties.invalid("a dimension has a Name and a Value");
            }
        }
    }

    /** Metric math: exactly one of the entries is what the alarm looks at. */
    private static void metrics(Properties properties) {
        var returned = 0;
        for (var entry : properties.node("Metrics")) {
            if (entry.path("Id").asText().isEmpty()) throw properties.invalid("each of Metrics has an Id");
            if (entry.has("Expression") == entry.has("MetricStat")) {
                throw properties.invalid("each of Metrics has either an Expression or a MetricStat");
            }
            if (entry.has("MetricStat")) {
                period(properties, entry.path("MetricStat").path("Period").asDouble());
            }
            if (entry.path("ReturnData").asBoolean(true)) returned++;
        }
        if (returned != 1) throw properties.invalid("one of Metrics, and no other, has ReturnData");
    }

    private static void period(Properties properties, double seconds) {
        if (seconds != 10 && seconds != 30 && (seconds < 60 || seconds % 60 != 0)) {
            throw properties.invalid("Period must be 10, 30 or a multiple of 60 seconds");
        }
    }

    /** CloudWatch would deploy such an alarm and tell nobody. */
    private void reach(Properties properties, String action) {
        if (!action.startsWith("arn:aws:sns:")) {
            throw properties.invalid("the embedded AWS knows topics as AlarmActions, but not " + action);
        }
        if (!sns.takesAlarms(action)) {
            throw properties.invalid("CloudWatch cannot publish to " + action
                    + ": it does not exist, or is under alias/aws/sns, whose policy does not admit CloudWatch");
        }
    }

    private static void oneOf(Properties properties, String name, Set<String> allowed, String value) {
        if (!allowed.contains(value)) throw properties.invalid(name + " must be one of " + allowed);
    }

    private static double number(Properties properties, String name) {
        try {
            return Double.parseDouble(properties.required(name));
        } catch (NumberFormatException noNumber) {
            throw properties.invalid(name + " must be a number");
        }
    }

    /** Its body must be one that CloudWatch shows without a message of validation. */
    ResourceValues dashboard(String id, Properties properties) {
        JsonNode body;
        try {
            body = Json.MAPPER.readTree(properties.required("DashboardBody"));
        } catch (JacksonException malformed) {
            throw properties.invalid("DashboardBody is not JSON: it goes wrong at line "
                    + malformed.getLocation().getLineNr() + ", column "
                    + malformed.getLocation().getColumnNr());
        }
        if (!body.path("widgets").isArray()) throw properties.invalid("DashboardBody has no list of widgets");
        for (var widget : body.path("widgets")) widget(properties, widget);
        return new ResourceValues(properties.text("DashboardName").orElseGet(() -> names.physical(id, 255)), Map.of());
    }

    private static void widget(Properties properties, JsonNode widget) {
        oneOf(properties, "type of a widget", WIDGETS, widget.path("type").asText());
        for (var member : List.of("x", "y", "width", "height", "properties")) {
            if (!widget.has(member)) throw properties.invalid("a widget has no " + member);
        }
        if (widget.path("x").asInt() + widget.path("width").asInt() > COLUMNS) {
            throw properties.invalid("a widget reaches beyond the " + COLUMNS + " columns of a dashboard");
        }
        var isMetric = widget.path("type").asText().equals("metric");
        if (isMetric && widget.path("properties").path("region").asText().isEmpty()) {
            throw properties.invalid("a metric widget needs its region");
        }
        if (isMetric && widget.path("properties").path("metrics").isEmpty()) {
            throw properties.invalid("a metric widget needs metrics");
        }
    }
}
