package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.regex.Pattern;

/**
 * What a target receives: the event, a constant (Input), a part (InputPath) or a text made of parts
 * (InputTransformer).
 *
 * @see <a href="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html">Input
 *     transformation</a>
 */
final class TargetInput {
    private static final Pattern STEP = Pattern.compile("\\.([A-Za-z0-9_-]+)|\\[(\\d+)]|\\['([^']+)']");
    private static final Pattern PATH = Pattern.compile("\\$(" + STEP + ")*");
    private static final Pattern PLACEHOLDER = Pattern.compile("<([A-Za-z0-9_.-]+)>");

    private TargetInput() {}

    /** @throws AwsException ValidationException where the target's input cannot be understood */
    static void check(JsonNode target) {
        var ways = 0;
        for (var way : new String[] {"Input", "InputPath", "InputTransformer"}) if (target.hasNonNull(way)) ways++;
        if (ways > 1) throw invalid(target, "Only one of Input, InputPath, or InputTransformer must be provided");
        if (target.hasNonNull("Input")) {
            try {
                Json.parse(target.get("Input").asText());
            } catch (AwsException noJson) {
                throw invalid(target, "Input must be valid JSON");
            }
        }
        if (target.hasNonNull("InputPath"))
            checkPath(target, target.get("InputPath").asText());
        if (!target.hasNonNull("InputTransformer")) return;
        var transformer = target.get("InputTransformer");
        if (!transformer.hasNonNull("InputTemplate")) throw invalid(target, "InputTemplate must be provided");
        transformer.path("InputPathsMap").forEach(path -> checkPath(target, path.asText()));
        var placeholders = PLACEHOLDER.matcher(transformer.get("InputTemplate").asText());
        while (placeholders.find()) {
            var name = placeholders.group(1);
            if (!name.startsWith("aws.events.")
                    && !transformer.path("InputPathsMap").has(name)) {
                throw invalid(target, "InputTemplate uses <" + name + ">, which InputPathsMap does not define");
            }
        }
    }

    private static void checkPath(JsonNode target, String path) {
        if (!PATH.matcher(path).matches()) throw invalid(target, "the path " + path + " is not understood");
    }

    private static AwsException invalid(JsonNode target, String reason) {
        return AwsException.badRequest(
                "ValidationException",
                "Invalid input for target " + target.path("Id").asText() + ". " + reason + ".");
    }

    /** @throws AwsException where the template and this event give no valid JSON */
    static String of(JsonNode target, JsonNode event, Rule rule) {
        if (target.hasNonNull("Input")) return target.get("Input").asText();
        if (target.hasNonNull("InputPath"))
            return Json.text(at(event, target.get("InputPath").asText()));
        if (!target.hasNonNull("InputTransformer")) return Json.text(event);
        var transformer = target.get("InputTransformer");
        var text = transformed(transformer, event, rule);
        try {
            Json.parse(text);
        } catch (AwsException noJson) {
            throw AwsException.badRequest("INVALID_JSON", "The transformed input is not valid JSON: " + text);
        }
        return text;
    }

    private static String transformed(JsonNode transformer, JsonNode event, Rule rule) {
        var template = transformer.get("InputTemplate").asText();
        var placeholders = PLACEHOLDER.matcher(template);
        var text = new StringBuilder();
        var end = 0;
        var quoted = false;
        while (placeholders.find()) {
            var before = template.substring(end, placeholders.start());
            quoted ^= before.replace("\\\"", "").chars().filter(c -> c == '"').count() % 2 == 1;
            text.append(before);
            var value = value(placeholders.group(1), transformer, event, rule);
            var json = value.isMissingNode() ? (quoted ? "" : "null") : Json.text(value);
            if (quoted && value.isTextual()) json = json.substring(1, json.length() - 1);
            else if (quoted && value.isContainerNode()) json = json.replace("\"", "");
            text.append(json);
            end = placeholders.end();
        }
        return text.append(template.substring(end)).toString();
    }

    private static JsonNode value(String name, JsonNode transformer, JsonNode event, Rule rule) {
        return switch (name) {
            case "aws.events.rule-arn" -> TextNode.valueOf(rule.arn());
            case "aws.events.rule-name" -> TextNode.valueOf(rule.name);
            case "aws.events.event.ingestion-time" -> event.path("time");
            case "aws.events.event", "aws.events.event.json" -> event;
            default -> at(event, transformer.path("InputPathsMap").path(name).asText());
        };
    }

    private static JsonNode at(JsonNode event, String path) {
        var node = event;
        var steps = STEP.matcher(path);
        while (steps.find()) {
            if (steps.group(2) != null) node = node.path(Integer.parseInt(steps.group(2)));
            else node = node.path(steps.group(1) != null ? steps.group(1) : steps.group(3));
        }
        return node == null ? MissingNode.getInstance() : node;
    }
}
