package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** How a deployed stack does: alarms, who hears of them, queues, the snapshot, and deployments that bill. */
final class Running {
    /** By which the template's function with a snapshot is published. */
    private static final String ALIAS = "live";

    private final Aws aws;
    private final Findings findings;
    private final ProjectTemplate template;
    private final Deployed stack;

    Running(Aws aws, Findings findings, ProjectTemplate template, Deployed stack) {
        this.aws = aws;
        this.findings = findings;
        this.template = template;
        this.stack = stack;
    }

    /** @param price of an HSM and hour, where it is known */
    void check(Optional<BigDecimal> price) {
        findings.look("alarms", this::alarms);
        findings.look("subscriptions", this::subscriptions);
        findings.look("SnapStart", this::snapshots);
        for (var queue : logicalIds("AWS::SQS::Queue")) findings.look("queue " + queue, () -> queue(queue));
        findings.look("deployments", () -> deployments(price));
    }

    /** Of resources that the stack has. */
    private List<String> logicalIds(String type) {
        return template.whole().path("Resources").properties().stream()
                .filter(resource -> resource.getValue().path("Type").asText().equals(type))
                .map(Map.Entry::getKey)
                .filter(id -> stack.physicalId(id).isPresent())
                .toList();
    }

    private void alarms() {
        var input = Json.object();
        var names = input.putArray("AlarmNames");
        logicalIds("AWS::CloudWatch::Alarm")
                .forEach(id -> names.add(stack.physicalId(id).orElseThrow()));
        var alarms = aws.json(Api.CLOUDWATCH, "DescribeAlarms", input).path("MetricAlarms");
        var ringing = alarms.valueStream()
                .filter(alarm -> alarm.path("StateValue").asText().equals("ALARM"))
                .map(alarm -> alarm.path("AlarmName").asText() + " ("
                        + alarm.path("StateReason").asText() + ")")
                .toList();
        var silenced = alarms.valueStream()
                .filter(alarm -> !alarm.path("ActionsEnabled").asBoolean(true))
                .map(alarm -> alarm.path("AlarmName").asText())
                .toList();
        if (!ringing.isEmpty()) {
            findings.wrong(
                    "alarms", String.join("; ", ringing) + ".", "docs/runbook.md says what each of them asks for");
        }
        if (!silenced.isEmpty()) {
            findings.wrong(
                    "alarms",
                    "nobody hears of these, whose actions are disabled: " + String.join(", ", silenced) + ".",
                    "aws cloudwatch enable-alarm-actions --alarm-names " + String.join(" ", silenced));
        }
        if (alarms.size() < names.size()) {
            findings.wrong(
                    "alarms",
                    "the stack has " + names.size() + ", and CloudWatch " + alarms.size() + " of them.",
                    "somebody has deleted some: deploy the stack again");
        }
        if (ringing.isEmpty() && silenced.isEmpty() && alarms.size() == names.size()) {
            findings.right("alarms", alarms.size() + ", none of which is in ALARM.");
        }
    }

    private void subscriptions() {
        var topic = stack.physicalId("Notifications").orElse("");
        var subscriptions =
                Xml.items(aws.query(Api.SNS, "ListSubscriptionsByTopic", Map.of("TopicArn", topic)), "Subscriptions");
        var pending = subscriptions.stream()
                .filter(each -> Xml.text(each, "SubscriptionArn").equals("PendingConfirmation"))
                .map(each -> Xml.text(each, "Endpoint"))
                .toList();
        if (!pending.isEmpty()) {
            findings.wrong(
                    "subscriptions",
                    "not confirmed, and so told of nothing: " + String.join(", ", pending) + ".",
                    "follow the link in AWS's mail; where it is lost: aws sns subscribe --topic-arn " + topic
                            + " --protocol email --notification-endpoint " + pending.getFirst());
        } else if (subscriptions.isEmpty()) {
            findings.noted(
                    "subscriptions",
                    "nobody is told of alarms and failed executions.",
                    "deploy with NotificationEmail, or subscribe to " + topic);
        } else {
            findings.right("subscriptions", subscriptions.size() + ", all of them confirmed.");
        }
    }

    private void snapshots() {
        for (var id : logicalIds("AWS::Serverless::Function")) {
            if (!template.whole().path("Resources").path(id).path("Properties").has("SnapStart")) continue;
            var version = aws.get(
                    "GetFunctionConfiguration",
                    "/2015-03-31/functions/" + stack.physicalId(id).orElseThrow() + "/configuration",
                    Map.of("Qualifier", ALIAS));
            var state = version.path("State").asText();
            var optimized = version.path("SnapStart").path("OptimizationStatus").asText();
            if (state.equals("Active") && optimized.equals("On")) {
                findings.right("SnapStart", id + ":" + ALIAS + " starts from a snapshot.");
                continue;
            }
            findings.wrong(
                    "SnapStart",
                    id + ":" + ALIAS + " is " + state + ", its snapshot " + (optimized.isEmpty() ? "Off" : optimized)
                            + (version.path("StateReason").asText().isEmpty()
                                    ? ""
                                    : " (" + version.path("StateReason").asText() + ")")
                            + ".",
                    "if it is Pending, wait some minutes; if Inactive, an upload wakes it; if Failed, look at its log"
                            + " and deploy again");
        }
    }

    private void queue(String logicalId) {
        var url = stack.physicalId(logicalId).orElseThrow();
        var input = Json.object().put("QueueUrl", url);
        input.putArray("AttributeNames")
                .add("ApproximateNumberOfMessages")
                .add("ApproximateNumberOfMessagesNotVisible");
        var attributes = aws.json(Api.SQS, "GetQueueAttributes", input).path("Attributes");
        var waiting = attributes.path("ApproximateNumberOfMessages").asInt();
        var inFlight = attributes.path("ApproximateNumberOfMessagesNotVisible").asInt();
        var check = "queue " + logicalId;
        if (waiting + inFlight == 0) {
            findings.right(check, "empty.");
        } else if (logicalId.contains("DeadLetter")) {
            findings.wrong(
                    check,
                    waiting + inFlight + " messages were put aside.",
                    "docs/runbook.md says under \"An alarm goes off\" what they are and how to have them taken again");
        } else {
            findings.noted(check, waiting + " messages wait, and " + inFlight + " are worked on.", "");
        }
    }

    private void deployments(Optional<BigDecimal> price) {
        var input = Json.object()
                .put("TableName", stack.physicalId("Table").orElse(""))
                .put("KeyConditionExpression", "pk = :pk");
        input.putObject("ExpressionAttributeValues").putObject(":pk").put("S", "DEPLOYMENT");
        var records = aws.json(Api.DYNAMODB, "Query", input).path("Items");
        var hsms =
                aws
                        .pages(Api.CLOUDHSM, "DescribeClusters", Json.object(), "Clusters", "NextToken", "NextToken")
                        .stream()
                        .flatMap(cluster -> cluster.path("Hsms").valueStream())
                        .filter(hsm -> !hsm.path("State").asText().equals("DELETED"))
                        .count();
        var said = records.valueStream()
                .map(each -> each.path("sk").path("S").asText() + " is "
                        + each.path("phase").path("S").asText())
                .collect(Collectors.joining(", "));
        var billing = hsms == 0
                ? "no HSM bills in " + aws.region() + "."
                : hsms + (hsms == 1 ? " HSM bills in " : " HSMs bill in ") + aws.region()
                        + ", those of other stacks and people among them"
                        + price.map(each -> ": "
                                        + each.multiply(BigDecimal.valueOf(hsms))
                                                .stripTrailingZeros()
                                                .toPlainString() + " USD an hour.")
                                .orElse(".");
        findings.right("deployments", (said.isEmpty() ? "none" : said) + "; " + billing);
    }
}
