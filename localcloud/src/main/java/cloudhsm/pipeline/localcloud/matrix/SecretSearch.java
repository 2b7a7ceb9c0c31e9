package cloudhsm.pipeline.localcloud.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.http.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Looks for every secret of an account in everything that a run writes where others may read it: histories of
 * executions, logs, events, Run Command, notifications, the table and the evidence. Task tokens are in the history by
 * Step Functions' own nature and in the table while something waits; they may be nowhere else.
 */
public final class SecretSearch {
    private static final Pattern TOKEN = Pattern.compile("\"token\\\\*\":\\s*\\\\*\"([^\"\\\\]{20,})");

    /** Of a PEM block: enough of its middle to be nobody else's. */
    private static final int KEY_EXCERPT = 40;

    private final LocalCloud cloud;

    /** By name; what was deleted since is still a secret. */
    private final Map<String, String> known = new TreeMap<>();

    private SecretSearch(LocalCloud cloud) {
        this.cloud = cloud;
    }

    /** Knows the secrets that the account has now; {@link #leaks} looks for those that it has then as well. */
    public static SecretSearch of(LocalCloud cloud) {
        var search = new SecretSearch(cloud);
        search.known.putAll(search.secrets());
        return search;
    }

    /** One sentence for each secret that lies where it must not. */
    public List<String> leaks() {
        known.putAll(secrets());
        var histories = histories();
        var written = written();
        var leaks = new ArrayList<String>();
        known.forEach((name, value) -> {
            if (histories.contains(value)) leaks.add(name + " is in the history of an execution");
            written.forEach((place, text) -> {
                if (text.contains(value)) leaks.add(name + " is in " + place);
            });
        });
        for (var token : tokens(histories)) {
            written.forEach((place, text) -> {
                if (text.contains(token)) leaks.add("a task token is in " + place);
            });
        }
        return leaks;
    }

    private Map<String, String> secrets() {
        var secrets = new TreeMap<String, String>();
        for (var secret : call("secretsmanager", "ListSecrets", Json.object()).path("SecretList")) {
            var name = secret.path("Name").asText();
            var value = call("secretsmanager", "GetSecretValue", Json.object().put("SecretId", name))
                    .path("SecretString")
                    .asText();
            secrets.put(name, value.startsWith("{") ? keyExcerpt(Json.parse(value)) : value);
        }
        secrets.values().removeIf(String::isEmpty);
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
        var logs = new StringBuilder();
        for (var group : call("logs", "DescribeLogGroups", Json.object()).path("logGroups")) {
            var name = group.path("logGroupName").asText();
            // Step Functions' own log repeats the history, tokens included, where it is told to.
            if (!name.contains("/states/"))
                logs.append(String.join("\n", cloud.logs().messages(name)));
        }
        written.put("a function's log", logs.toString());
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

    /** Without waits, which hold tokens. */
    private String items() {
        var text = new StringBuilder();
        for (var table : call("dynamodb", "ListTables", Json.object()).path("TableNames")) {
            for (var item : call("dynamodb", "Scan", Json.object().put("TableName", table.asText()))
                    .path("Items")) {
                if (!item.path("pk").path("S").asText().equals("WAIT")) text.append(item);
            }
        }
        return text.toString();
    }

    private String evidence() {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            return s3.listBuckets().buckets().stream()
                    .filter(bucket -> bucket.name().contains("evidencebucket"))
                    .flatMap(bucket -> s3.listObjectsV2(list -> list.bucket(bucket.name())).contents().stream()
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
