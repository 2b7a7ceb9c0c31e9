package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
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
    private static final Pattern TOKEN = Pattern.compile("\"token\\\\*\":\\s*\\\\*\"([^\"\\\\]{20,})");

    /** Of a PEM block: enough of its middle to be nobody else's. */
    private static final int KEY_EXCERPT = 40;

    private final LocalCloud cloud;

    private SecretSearch(LocalCloud cloud) {
        this.cloud = cloud;
    }

    /**
     * What was looked for, where, and found.
     *
     * @param leaks one sentence for each secret that lies where it must not
     * @param secrets how many values of secrets were looked for
     * @param tokens how many task tokens
     * @param places kinds of places, of {@code characters} in all
     */
    public record Findings(List<String> leaks, int secrets, int tokens, int places, long characters) {}

    /** One sentence for each secret that lies where it must not. */
    public static List<String> leaks(LocalCloud cloud) {
        return search(cloud).leaks();
    }

    /** Looks for the secrets that the account has, and for those that it had. */
    public static Findings search(LocalCloud cloud) {
        return new SecretSearch(cloud).findings();
    }

    private Findings findings() {
        var histories = histories();
        var tokens = tokens(histories);
        var written = written();
        var leaks = new ArrayList<String>();
        for (var token : tokens) {
            written.forEach((place, text) -> {
                if (text.contains(token)) leaks.add("a task token is in " + place);
            });
        }
        written.put("the history of an execution", histories);
        written.put("a state machine's log", logs(group -> group.contains("/states/")));
        var secrets = secrets();
        secrets.forEach((name, values) -> written.forEach((place, text) -> {
            if (values.stream().anyMatch(text::contains)) leaks.add(name + " is in " + place);
        }));
        return new Findings(
                leaks,
                secrets.values().stream().mapToInt(Set::size).sum(),
                tokens.size(),
                written.size(),
                written.values().stream().mapToLong(String::length).sum());
    }

    /** What to look for, by the secret's name. */
    private Map<String, Set<String>> secrets() {
        var secrets = new TreeMap<String, Set<String>>();
        cloud.secretsManager().everStored().forEach((name, values) -> {
            var texts = values.stream()
                    .map(value -> value.startsWith("{") ? keyExcerpt(Json.parse(value)) : value)
                    .filter(text -> !text.isEmpty())
                    .collect(Collectors.toSet());
            if (!texts.isEmpty()) secrets.put(name, texts);
        });
        return secrets;
    }

    private static String keyExcerpt(JsonNode caSecret) {
        var lines = caSecret.path("privateKey").asText().split("\n");
        return lines.length < 3 ? "" : lines[lines.length / 2].substring(0, KEY_EXCERPT);
    }

    private static List<String> tokens(String histories) {
        return TOKEN.matcher(histories)
                .results()
                .map(found -> found.group(1))
                .distinct()
                .toList();
    }

    private String histories() {
        var text = new StringBuilder();
        for (var machine : call("states", "ListStateMachines", Json.object()).path("stateMachines")) {
            var arn = machine.path("stateMachineArn").asText();
            for (var execution :
                    pages("ListExecutions", "executions", Json.object().put("stateMachineArn", arn))) {
                var input = Json.object()
                        .put("executionArn", execution.path("executionArn").asText())
                        .put("maxResults", 1000);
                pages("GetExecutionHistory", "events", input).forEach(text::append);
            }
        }
        return text.toString();
    }

    private List<JsonNode> pages(String operation, String member, ObjectNode input) {
        var elements = new ArrayList<JsonNode>();
        var next = input;
        while (true) {
            var page = call("states", operation, next);
            page.path(member).forEach(elements::add);
            if (!page.hasNonNull("nextToken")) return elements;
            next = input.deepCopy().put("nextToken", page.path("nextToken").asText());
        }
    }

    private Map<String, String> written() {
        var written = new TreeMap<String, String>();
        // Step Functions' own log repeats the history, tokens included, where it is told to.
        written.put("a function's log", logs(group -> !group.contains("/states/")));
        written.put("an event", cloud.events().published().toString());
        written.put("a notification", cloud.sns().published().toString());
        var invocations = Json.object().put("Details", true);
        written.put(
                "Run Command",
                call("ssm", "ListCommands", Json.object()).toString()
                        + call("ssm", "ListCommandInvocations", invocations));
        written.put("the evidence", evidence());
        written.put("the table", items());
        return written;
    }

    private String logs(Predicate<String> ofGroup) {
        var logs = new StringBuilder();
        for (var group : call("logs", "DescribeLogGroups", Json.object()).path("logGroups")) {
            var name = group.path("logGroupName").asText();
            if (ofGroup.test(name)) logs.append(String.join("\n", cloud.logs().messages(name)));
        }
        return logs.toString();
    }

    /** Without what each stage has to itself, which holds tokens. */
    private String items() {
        var text = new StringBuilder();
        for (var table : call("dynamodb", "ListTables", Json.object()).path("TableNames")) {
            for (var item : call("dynamodb", "Scan", Json.object().put("TableName", table.asText()))
                    .path("Items")) {
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
                            .listObjectsV2(list -> list.bucket(bucket.name()).encodingType(EncodingType.URL))
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
