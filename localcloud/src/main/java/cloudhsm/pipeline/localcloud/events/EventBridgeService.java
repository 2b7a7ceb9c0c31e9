package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/** Amazon EventBridge: the default bus, its rules and schedules. */
public final class EventBridgeService extends JsonService {
    /** "about half a second" from PutEvents to the target [FAQ:eventbridge]. */
    private static final Duration DELIVERY = Duration.ofMillis(500);

    /** PutEvents takes 1 to 10 entries of together at most 1 MB [API:events:PutEvents]. */
    private static final int MOST_ENTRIES = 10;

    private static final int MOST_BYTES = 1_048_576;

    private final Account account;
    private final String busArn;
    private final Rules rules;
    private final List<JsonNode> published = new ArrayList<>();
    private final List<Misfortune> misfortunes = new ArrayList<>();
    private final Delivery delivery;

    /** What happens to the next event of a type: how late it is delivered, and how often. */
    private static final class Misfortune {
        private final String detailType;
        private final int copies;
        private final Duration late;

        private Misfortune(String detailType, int copies, Duration late) {
            this.detailType = detailType;
            this.copies = copies;
            this.late = late;
        }
    }

    /**
     * An event that its target did not get.
     *
     * @param error code and message of the refusal
     * @param deadLettered whether the target's dead-letter queue has it; otherwise it is lost
     */
    public record FailedDelivery(String rule, String targetArn, JsonNode event, String error, boolean deadLettered) {}

    /** @param sqs has the targets' dead-letter queues */
    public EventBridgeService(Account account, SqsService sqs) {
        super("events", "1.1");
        this.account = account;
        this.busArn = account.arn("events", "event-bus/default");
        this.rules = new Rules(account, this::fire);
        this.delivery = new Delivery(account, sqs);
        on("PutEvents", this::putEvents);
        onRule("PutRule", input -> Json.object().put("RuleArn", rules.put(input)));
        onRule("DescribeRule", input -> rules.get(input).described());
        onRule("EnableRule", input -> rules.enable(input, true));
        onRule("DisableRule", input -> rules.enable(input, false));
        onRule("DeleteRule", rules::delete);
        on("ListRules", (input, request) -> {
            account.iam().authorize(request.caller(), "events:ListRules", account.arn("events", "rule/*"));
            return rules.list(text(input, "NamePrefix").orElse(""));
        });
        on("PutTargets", (input, request) -> {
            authorizeRule(request, "PutTargets", required(input, "Rule"));
            return rules.putTargets(input);
        });
        on("RemoveTargets", (input, request) -> {
            authorizeRule(request, "RemoveTargets", required(input, "Rule"));
            return rules.removeTargets(input);
        });
        on("ListTargetsByRule", (input, request) -> {
            authorizeRule(request, "ListTargetsByRule", required(input, "Rule"));
            return rules.listTargets(input);
        });
        on("ListEventBuses", (input, request) -> {
            account.iam().authorize(request.caller(), "events:ListEventBuses", "*");
            return Json.object().set("EventBuses", Json.array().add(bus()));
        });
        on("DescribeEventBus", (input, request) -> {
            account.iam().authorize(request.caller(), "events:DescribeEventBus", busArn);
            Rules.requireDefaultBus(input, "Name");
            return bus();
        });
        on("TestEventPattern", (input, request) -> {
            account.iam().authorize(request.caller(), "events:TestEventPattern", "*");
            var pattern = EventPattern.parse(required(input, "EventPattern"));
            return Json.object().put("Result", pattern.matches(Json.parse(required(input, "Event"))));
        });
    }

    private void onRule(String operation, Function<ObjectNode, JsonNode> work) {
        on(operation, (input, request) -> {
            authorizeRule(request, operation, required(input, "Name"));
            return work.apply(input);
        });
    }

    private void authorizeRule(AwsRequest request, String action, String rule) {
        account.iam().authorize(request.caller(), "events:" + action, account.arn("events", "rule/" + rule));
    }

    private ObjectNode bus() {
        return Json.object().put("Name", "default").put("Arn", busArn);
    }

    /**
     * From now on rules reach a service. What can be a target often publishes events itself, so it comes later.
     *
     * @param service as the target's ARN names it
     */
    public void register(String service, EventTarget target) {
        delivery.register(service, target);
    }

    /** An AWS service publishes to the default bus, for example SSM a command's status. */
    public void publish(String source, String detailType, List<String> resources, JsonNode detail) {
        account.time().locked(() -> publish(account.uuid(), source, detailType, resources, detail));
    }

    /** As above, with an id of the service's own making. */
    public void publish(UUID id, String source, String detailType, List<String> resources, JsonNode detail) {
        account.time()
                .locked(() -> route(event(
                        id,
                        source,
                        detailType,
                        resources,
                        detail,
                        account.time().now())));
    }

    /** Creates or changes a rule at once, as a stack does; the input is PutRule's. Returns the rule's ARN. */
    public String putRule(ObjectNode putRuleInput) {
        return account.time().locked(() -> rules.put(putRuleInput));
    }

    /** Adds targets to a rule at once, as a stack does; the input is PutTargets'. */
    public void putTargets(ObjectNode putTargetsInput) {
        account.time().locked(() -> rules.putTargets(putTargetsInput));
    }

    /**
     * The next event of this type matches nothing: EventBridge delivers most AWS events on a best-effort basis.
     *
     * @return whether that event has come
     */
    public BooleanSupplier loseNext(String detailType) {
        return befalls(new Misfortune(detailType, 0, Duration.ZERO));
    }

    /**
     * The next event of this type reaches its targets twice: delivery is at least once.
     *
     * @return whether that event has come
     */
    public BooleanSupplier deliverNextTwice(String detailType) {
        return befalls(new Misfortune(detailType, 2, Duration.ZERO));
    }

    /**
     * The next event of this type reaches its targets late.
     *
     * @return whether that event has come
     */
    public BooleanSupplier delayNext(String detailType, Duration late) {
        return befalls(new Misfortune(detailType, 1, late));
    }

    private BooleanSupplier befalls(Misfortune misfortune) {
        misfortunes.add(misfortune);
        return () -> !misfortunes.contains(misfortune);
    }

    /** Every event that reached the bus, oldest first, lost ones included. */
    public List<JsonNode> published() {
        return account.time().locked(() -> List.copyOf(published));
    }

    /** What could not be delivered because a target or the right to it was missing. */
    public List<FailedDelivery> failedDeliveries() {
        return account.time().locked(() -> delivery.failed());
    }

    private ObjectNode event(
            UUID id, String source, String detailType, List<String> resources, JsonNode detail, Instant time) {
        var event = Json.object()
                .put("version", "0")
                .put("id", id.toString())
                .put("detail-type", detailType)
                .put("source", source)
                .put("account", Iam.ACCOUNT)
                .put("time", time.truncatedTo(ChronoUnit.SECONDS).toString())
                .put("region", account.region());
        var arns = event.putArray("resources");
        resources.forEach(arns::add);
        event.set("detail", detail);
        return event;
    }

    private void route(ObjectNode event) {
        published.add(event);
        var fate = fate(event.path("detail-type").asText());
        for (var rule : rules.all()) {
            if (!rule.matches(event)) continue;
            for (var copy = 0; copy < fate.copies; copy++) deliverLater(rule, event, DELIVERY.plus(fate.late));
        }
    }

    private Misfortune fate(String detailType) {
        for (var misfortune : misfortunes) {
            if (!misfortune.detailType.equals(detailType)) continue;
            misfortunes.remove(misfortune);
            return misfortune;
        }
        return new Misfortune(detailType, 1, Duration.ZERO);
    }

    private void deliverLater(Rule rule, ObjectNode event, Duration delay) {
        for (var target : List.copyOf(rule.targets.values())) {
            account.time()
                    .schedule(
                            delay,
                            "EventBridge: rule " + rule.name + " delivers "
                                    + event.path("detail-type").asText(),
                            () -> delivery.deliver(rule, target, event));
        }
    }

    /** A scheduled event goes to its own rule only. */
    private void fire(Rule rule) {
        var event = event(
                account.uuid(),
                "aws.events",
                "Scheduled Event",
                List.of(rule.arn()),
                Json.object(),
                account.time().now());
        deliverLater(rule, event, Duration.ZERO);
    }

    private JsonNode putEvents(ObjectNode input, AwsRequest request) {
        var entries = input.path("Entries");
        if (entries.isEmpty() || entries.size() > MOST_ENTRIES) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have"
                            + " length "
                            + (entries.isEmpty() ? "greater than or equal to 1" : "less than or equal to 10"));
        }
        var bytes = 0;
        for (var entry : entries) {
            bytes += size(entry);
            Rules.requireDefaultBus(entry, "EventBusName");
            account.iam()
                    .authorize(
                            request.caller(),
                            "events:PutEvents",
                            busArn,
                            Map.of(
                                    "events:source", entry.path("Source").asText(),
                                    "events:detail-type",
                                            entry.path("DetailType").asText()));
        }
        if (bytes > MOST_BYTES) {
            throw AwsException.badRequest(
                    "ValidationException", "Total size of the entries in the request is over the limit.");
        }
        var results = Json.array();
        var failed = 0;
        for (var entry : entries) {
            var result = putEvent(entry);
            if (result.has("ErrorCode")) failed++;
            results.add(result);
        }
        return Json.object().put("FailedEntryCount", failed).set("Entries", results);
    }

    /** As PutEvents counts: 14 bytes for a time, and the UTF-8 of the rest. */
    private static int size(JsonNode entry) {
        var size = entry.has("Time") ? 14 : 0;
        for (var member : new String[] {"Source", "DetailType", "Detail"}) {
            size += entry.path(member).asText().getBytes(StandardCharsets.UTF_8).length;
        }
        for (var resource : entry.path("Resources")) {
            size += resource.asText().getBytes(StandardCharsets.UTF_8).length;
        }
        return size;
    }

    private ObjectNode putEvent(JsonNode entry) {
        for (var member : new String[] {"Source", "DetailType", "Detail"}) {
            if (entry.path(member).asText().isEmpty()) {
                return failure(
                        "InvalidArgument",
                        "Parameter " + member + " is not valid. Reason: " + member + " is a required argument.");
            }
        }
        if (entry.path("Source").asText().startsWith("aws.")) {
            return failure("NotAuthorizedForSource", "Not authorized for the source.");
        }
        JsonNode detail;
        try {
            detail = Json.parse(entry.get("Detail").asText());
        } catch (AwsException malformed) {
            return failure("MalformedDetail", "Detail is malformed.");
        }
        if (!detail.isObject()) return failure("MalformedDetail", "Detail is malformed.");
        var resources = new ArrayList<String>();
        entry.path("Resources").forEach(resource -> resources.add(resource.asText()));
        var time = entry.hasNonNull("Time")
                ? Instant.ofEpochMilli((long) (entry.get("Time").asDouble() * 1000))
                : account.time().now();
        var event = event(
                account.uuid(),
                entry.get("Source").asText(),
                entry.get("DetailType").asText(),
                resources,
                detail,
                time);
        route(event);
        return Json.object().put("EventId", event.get("id").asText());
    }

    private static ObjectNode failure(String code, String message) {
        return Json.object().put("ErrorCode", code).put("ErrorMessage", message);
    }
}
