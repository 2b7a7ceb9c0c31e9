package cloudhsm.pipeline.localcloud.logs;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Amazon CloudWatch Logs: groups, streams and events that the other services write. */
public final class LogsService extends JsonService {
    private static final Set<Integer> RETENTIONS = Set.of(
            1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653);

    /** FilterLogEvents and GetLogEvents give at most this many events [API:logs:FilterLogEvents]. */
    private static final int MOST_EVENTS = 10_000;

    /** Groups or streams per answer. */
    private static final int MOST_DESCRIBED = 50;

    private final Account account;
    private final Map<String, Group> groups = new TreeMap<>();

    private record Event(long timestamp, String message) {}

    private static final class Group {
        private final long createdAt;
        private final Map<String, List<Event>> streams = new TreeMap<>();

        /** 0 keeps events for ever. */
        private int retentionInDays;

        private Group(long createdAt) {
            this.createdAt = createdAt;
        }
    }

    public LogsService(Account account) {
        super("logs", "1.1");
        this.account = account;
        on("CreateLogGroup", (input, request) -> {
            var name = authorized(input, request, "CreateLogGroup");
            if (groups.containsKey(name)) throw exists("log group");
            createLogGroup(name, 0);
            return Json.object();
        });
        on("DescribeLogGroups", this::describeLogGroups);
        on("DeleteLogGroup", (input, request) -> {
            var name = authorized(input, request, "DeleteLogGroup");
            group(name);
            groups.remove(name);
            return Json.object();
        });
        on("PutRetentionPolicy", (input, request) -> {
            var group = group(authorized(input, request, "PutRetentionPolicy"));
            group.retentionInDays =
                    checkedRetention(input.path("retentionInDays").asInt());
            return Json.object();
        });
        on("CreateLogStream", (input, request) -> {
            var group = group(authorized(input, request, "CreateLogStream"));
            if (group.streams.putIfAbsent(required(input, "logStreamName"), new ArrayList<>()) != null) {
                throw exists("log stream");
            }
            return Json.object();
        });
        on("PutLogEvents", (input, request) -> {
            var stream = stream(group(authorized(input, request, "PutLogEvents")), required(input, "logStreamName"));
            input.path("logEvents")
                    .forEach(event -> stream.add(new Event(
                            event.path("timestamp").asLong(),
                            event.path("message").asText())));
            return Json.object();
        });
        on("DescribeLogStreams", this::describeLogStreams);
        on("GetLogEvents", this::getLogEvents);
        on("FilterLogEvents", this::filterLogEvents);
    }

    /**
     * Creates a group at once, as a stack does; one that exists keeps its events.
     *
     * @param retentionInDays one of the numbers that CloudWatch Logs allows, or 0 to keep events for ever
     */
    public void createLogGroup(String name, int retentionInDays) {
        account.time().locked(() -> {
            if (!name.matches("[.\\-_/#A-Za-z0-9]{1,512}")) {
                throw AwsException.badRequest(
                        "InvalidParameterException", "The log group name " + name + " is not valid");
            }
            if (retentionInDays != 0) checkedRetention(retentionInDays);
            var group = groups.computeIfAbsent(name, any -> new Group(now()));
            group.retentionInDays = retentionInDays;
        });
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        return Violation.refusal("InvalidParameterException", violations);
    }

    public boolean hasLogGroup(String name) {
        return account.time().locked(() -> groups.containsKey(name));
    }

    /** Creates a stream, and its group where that is missing, as a service does that is about to write there. */
    public void createLogStream(String logGroup, String logStream) {
        account.time().locked(() -> {
            groups.computeIfAbsent(logGroup, any -> new Group(now()))
                    .streams
                    .computeIfAbsent(logStream, any -> new ArrayList<>());
        });
    }

    /** Appends one event, creating group and stream where they are missing. */
    public void write(String logGroup, String logStream, String message) {
        account.time().locked(() -> {
            groups.computeIfAbsent(logGroup, any -> new Group(now()))
                    .streams
                    .computeIfAbsent(logStream, any -> new ArrayList<>())
                    .add(new Event(now(), message));
        });
    }

    /** Every message of a group that is still kept, stream by stream; empty where there is no such group. */
    public List<String> messages(String logGroup) {
        return account.time().locked(() -> {
            if (!groups.containsKey(logGroup)) return List.of();
            var group = group(logGroup);
            return group.streams.values().stream()
                    .flatMap(List::stream)
                    .map(Event::message)
                    .toList();
        });
    }

    private long now() {
        return account.time().now().toEpochMilli();
    }

    private static AwsException exists(String what) {
        return AwsException.badRequest("ResourceAlreadyExistsException", "The specified " + what + " already exists");
    }

    private static int checkedRetention(int days) {
        if (RETENTIONS.contains(days)) return days;
        throw AwsException.badRequest(
                "InvalidParameterException", "1 validation error detected: retentionInDays cannot be " + days);
    }

    private String arn(String group) {
        return account.arn("logs", "log-group:" + group);
    }

    private String authorized(ObjectNode input, AwsRequest request, String action) {
        var name = required(input, "logGroupName");
        account.iam().authorize(request.caller(), "logs:" + action, arn(name) + ":*");
        return name;
    }

    private Group group(String name) {
        var group = groups.get(name);
        if (group == null) throw missing("log group");
        if (group.retentionInDays > 0) {
            var oldest = now() - Duration.ofDays(group.retentionInDays).toMillis();
            group.streams.values().forEach(events -> events.removeIf(event -> event.timestamp < oldest));
        }
        return group;
    }

    private static AwsException missing(String what) {
        return AwsException.badRequest("ResourceNotFoundException", "The specified " + what + " does not exist.");
    }

    private static List<Event> stream(Group group, String name) {
        var stream = group.streams.get(name);
        if (stream == null) throw missing("log stream");
        return stream;
    }

    private JsonNode describeLogGroups(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "logs:DescribeLogGroups", arn("*"));
        var prefix = text(input, "logGroupNamePrefix").orElse("");
        var described = new ArrayList<ObjectNode>();
        groups.forEach((name, group) -> {
            if (!name.startsWith(prefix)) return;
            var node = Json.object()
                    .put("logGroupName", name)
                    .put("arn", arn(name) + ":*")
                    .put("logGroupArn", arn(name))
                    .put("creationTime", group.createdAt)
                    .put("storedBytes", 0);
            if (group.retentionInDays > 0) node.put("retentionInDays", group.retentionInDays);
            described.add(node);
        });
        return page(described, "logGroups", input, MOST_DESCRIBED);
    }

    /** What {@code limit} and {@code nextToken} ask for; a token here is the number of results before it. */
    private static JsonNode page(List<ObjectNode> results, String member, ObjectNode input, int most) {
        var limit = input.path("limit").asInt(most);
        if (limit < 1 || limit > most) {
            throw AwsException.badRequest(
                    "InvalidParameterException", "1 validation error detected: limit must be from 1 to " + most);
        }
        var token = text(input, "nextToken").orElse("0");
        if (!token.matches("\\d{1,9}")) {
            throw AwsException.badRequest("InvalidParameterException", "The specified nextToken is invalid.");
        }
        var from = Math.min(Integer.parseInt(token), results.size());
        var to = Math.min(from + limit, results.size());
        var answer = Json.object();
        answer.putArray(member).addAll(results.subList(from, to));
        if (to < results.size()) answer.put("nextToken", Integer.toString(to));
        return answer;
    }

    private JsonNode describeLogStreams(ObjectNode input, AwsRequest request) {
        var name = authorized(input, request, "DescribeLogStreams");
        var prefix = text(input, "logStreamNamePrefix").orElse("");
        var described = new ArrayList<ObjectNode>();
        group(name).streams.forEach((stream, events) -> {
            if (!stream.startsWith(prefix)) return;
            var node = Json.object().put("logStreamName", stream).put("arn", arn(name) + ":log-stream:" + stream);
            described.add(node);
            if (!events.isEmpty()) {
                node.put("firstEventTimestamp", events.getFirst().timestamp);
                node.put("lastEventTimestamp", events.getLast().timestamp);
            }
        });
        return page(described, "logStreams", input, MOST_DESCRIBED);
    }

    private JsonNode getLogEvents(ObjectNode input, AwsRequest request) {
        var group = group(authorized(input, request, "GetLogEvents"));
        var events = Json.array();
        stream(group, required(input, "logStreamName")).stream()
                .filter(event -> within(event, input))
                .limit(input.path("limit").asInt(MOST_EVENTS))
                .forEach(event -> events.add(described(event)));
        // The same token coming back tells the client that there is no more.
        var output = Json.object().put("nextForwardToken", "f/end").put("nextBackwardToken", "b/end");
        return output.set("events", text(input, "nextToken").isPresent() ? Json.array() : events);
    }

    private static boolean within(Event event, ObjectNode input) {
        return event.timestamp >= input.path("startTime").asLong(0)
                && event.timestamp < input.path("endTime").asLong(Long.MAX_VALUE);
    }

    private static ObjectNode described(Event event) {
        return Json.object()
                .put("timestamp", event.timestamp)
                .put("ingestionTime", event.timestamp)
                .put("message", event.message);
    }

    /** Filter patterns are words that must all occur, or one phrase in quotes; the rest of their syntax is refused. */
    private JsonNode filterLogEvents(ObjectNode input, AwsRequest request) {
        var group = group(authorized(input, request, "FilterLogEvents"));
        var pattern = text(input, "filterPattern").orElse("").trim();
        var phrase = pattern.matches("\"[^\"]*\"");
        if (!phrase && pattern.matches(".*[{}\\[\\]?%\"].*")) {
            throw AwsException.badRequest(
                    "InvalidParameterException", "The embedded AWS does not understand the filter pattern " + pattern);
        }
        var words = phrase ? List.of(pattern.substring(1, pattern.length() - 1)) : List.of(pattern.split("\\s+"));
        var prefix = text(input, "logStreamNamePrefix").orElse("");
        var found = new ArrayList<ObjectNode>();
        group.streams.forEach((stream, all) -> {
            if (!stream.startsWith(prefix)) return;
            all.stream()
                    .filter(event -> within(event, input) && words.stream().allMatch(event.message::contains))
                    .forEach(event -> found.add(described(event).put("logStreamName", stream)));
        });
        found.sort(Comparator.comparingLong(event -> event.path("timestamp").asLong()));
        return page(found, "events", input, MOST_EVENTS);
    }
}
