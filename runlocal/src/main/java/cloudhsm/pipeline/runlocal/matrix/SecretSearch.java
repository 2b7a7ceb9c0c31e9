package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.EncodingType;

/**
 * Looks for every secret that an account ever had in everything that a run writes where others may read it: histories of
 * executions, logs, events, Run Command, notifications, the table and the evidence. {@code docs/security.md} says where
 * secrets may be. Task tokens are in the history by Step Functions' own nature and in the table while something waits;
 * they may be nowhere else.
 */
public final class SecretSearch {
    private static final String TOKEN = "a task token";
    private static final String HISTORY = "the history of an execution";
    private static final String PEM = "-----BEGIN ";

    /** Of a PEM block: enough of its middle to be nobody else's. */
    private static final int KEY_EXCERPT = 40;

    /** How an answer names the place where the next page begins, and the request for it. */
    private static final Map<String, String> NEXT = Map.of(
            "nextToken", "nextToken",
            "NextToken", "NextToken",
            "LastEvaluatedKey", "ExclusiveStartKey",
            "LastEvaluatedTableName", "ExclusiveStartTableName");

    private final LocalCloud cloud;

    private SecretSearch(LocalCloud cloud) {
        this.cloud = cloud;
    }

    /**
     * What was looked for, where, and found.
     *
     * @param leaks one sentence for each secret that lies where it must not, and one for task tokens in each place
     * @param secrets how many values of secrets were looked for
     * @param tokens how many task tokens
     * @param places kinds of places, of {@code characters} in all
     */
    public record Findings(List<String> leaks, int secrets, int tokens, int places, long characters) {
        public Findings {
            leaks = List.copyOf(leaks);
        }
    }

    /** One sentence for each secret that lies where it must not. */
    public static List<String> leaks(LocalCloud cloud) {
        return search(cloud).leaks();
    }

    /** Looks for the secrets that the account has, and for those that it had. */
    public static Findings search(LocalCloud cloud) {
        return new SecretSearch(cloud).findings();
    }

    private Findings findings() {
        var secrets = secrets();
        var tokens = cloud.states().taskTokens();
        var wanted = new HashMap<>(secrets);
        tokens.forEach(token -> wanted.put(token, TOKEN));
        var needles = new Needles(wanted.keySet());
        var written = written();
        var leaks = new ArrayList<String>();
        written.forEach((place, text) -> needles.in(text).stream()
                .map(wanted::get)
                .distinct()
                .sorted()
                .filter(what -> !(what.equals(TOKEN) && place.equals(HISTORY)))
                .forEach(what -> leaks.add(what + " is in " + place)));
        return new Findings(
                leaks,
                secrets.size(),
                tokens.size(),
                written.size(),
                written.values().stream().mapToLong(String::length).sum());
    }

    /** What to look for, each with its secret's name. */
    private Map<String, String> secrets() {
        var secrets = new HashMap<String, String>();
        cloud.secretsManager()
                .everStored()
                .forEach((name, values) ->
                        values.forEach(value -> texts(value).forEach(text -> secrets.put(text, name))));
        return secrets;
    }

    /** The value as others would write it down: a private key in an excerpt, because line ends differ. */
    private static List<String> texts(String value) {
        var text = value.startsWith("{") ? Json.parse(value).path("privateKey").asText() : value;
        if (text.isEmpty()) return List.of();
        if (!text.startsWith(PEM)) return List.of(text);
        var lines = text.split("\n");
        var middle = lines[lines.length / 2];
        return List.of(middle.substring(0, Math.min(KEY_EXCERPT, middle.length())));
    }

    private String histories() {
        var text = new StringBuilder();
        for (var machine : pages("states", "ListStateMachines", "stateMachines", Json.object())) {
            var ofMachine = Json.object()
                    .put("stateMachineArn", machine.path("stateMachineArn").asText());
            for (var execution : pages("states", "ListExecutions", "executions", ofMachine)) {
                var ofExecution = Json.object()
                        .put("executionArn", execution.path("executionArn").asText())
                        .put("maxResults", 1000);
                pages("states", "GetExecutionHistory", "events", ofExecution).forEach(text::append);
            }
        }
        return text.toString();
    }

    /** The member of each page, in one list. */
    private List<JsonNode> pages(String service, String operation, String member, ObjectNode input) {
        var elements = new ArrayList<JsonNode>();
        var page = call(service, operation, input);
        page.path(member).forEach(elements::add);
        for (var token = next(page); token.isPresent(); token = next(page)) {
            page = call(service, operation, input.deepCopy().setAll(token.get()));
            page.path(member).forEach(elements::add);
        }
        return elements;
    }

    /** What asks for the page after this one, in the words of its service; empty after the last. */
    private static Optional<ObjectNode> next(JsonNode page) {
        for (var entry : NEXT.entrySet()) {
            var value = page.path(entry.getKey());
            if (value.isMissingNode() || value.isNull() || value.asText("-").isEmpty()) continue;
            return Optional.of(Json.object().set(entry.getValue(), value));
        }
        return Optional.empty();
    }

    /** Everything, by the kind of place. */
    private Map<String, String> written() {
        var written = new TreeMap<String, String>();
        written.put(HISTORY, histories());
        written.put("a function's log", logs(group -> !group.contains("/states/")));
        written.put("a state machine's log", logs(group -> group.contains("/states/")));
        written.put("an event", cloud.events().published().toString());
        written.put("a notification", cloud.sns().published().toString());
        var commands = pages("ssm", "ListCommands", "Commands", Json.object());
        commands.addAll(pages(
                "ssm",
                "ListCommandInvocations",
                "CommandInvocations",
                Json.object().put("Details", true)));
        written.put("Run Command", commands.toString());
        written.put("the evidence", evidence());
        written.put("the table", items());
        return written;
    }

    private String logs(Predicate<String> ofGroup) {
        var logs = new StringBuilder();
        for (var group : pages("logs", "DescribeLogGroups", "logGroups", Json.object())) {
            var name = group.path("logGroupName").asText();
            if (ofGroup.test(name)) logs.append(String.join("\n", cloud.logs().messages(name)));
        }
        return logs.toString();
    }

    /** Without what each stage has to itself, which holds tokens. */
    private String items() {
        var text = new StringBuilder();
        for (var table : pages("dynamodb", "ListTables", "TableNames", Json.object())) {
            for (var item : pages("dynamodb", "Scan", "Items", Json.object().put("TableName", table.asText()))) {
                if (!item.path("pk").path("S").asText().startsWith("WAIT#")) text.append(item);
            }
        }
        return text.toString();
    }

    private String evidence() {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            return s3.listBuckets().buckets().stream()
                    .filter(bucket -> bucket.name().contains("evidencebucket"))
                    .flatMap(bucket -> s3
                            .listObjectsV2Paginator(
                                    list -> list.bucket(bucket.name()).encodingType(EncodingType.URL))
                            .contents()
                            .stream()
                            .map(object -> s3.getObjectAsBytes(
                                            get -> get.bucket(bucket.name()).key(object.key()))
                                    .asUtf8String()))
                    .collect(Collectors.joining("\n"));
        }
    }

    private JsonNode call(String service, String operation, ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), service, operation, input);
    }
}
