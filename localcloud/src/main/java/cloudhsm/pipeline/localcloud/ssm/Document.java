package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A command document of schema version 2.2 whose steps run shell scripts.
 *
 * @param content as it was created
 * @param owner {@code Amazon}, or this account
 * @see <a href="https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html">Data
 *     elements and parameters</a>
 */
record Document(String name, String owner, JsonNode content, Instant created) {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_\\-.]{3,128}");
    private static final Pattern REFERENCE = Pattern.compile("\\{\\{\\s*([A-Za-z0-9]+)\\s*}}");
    private static final String AMAZON = "Amazon";

    /** One step: the script's lines after parameters were put in. */
    record Step(String name, List<String> lines, String workingDirectory, long timeoutSeconds) {
        Step {
            lines = List.copyOf(lines);
        }
    }

    /** @throws AwsException InvalidDocumentContent, ValidationException */
    static Document create(String name, JsonNode content, Instant created) {
        if (!NAME.matcher(name).matches()) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value '" + name + "' at 'name' failed to satisfy constraint: Member"
                            + " must satisfy regular expression pattern: ^" + NAME.pattern() + "$");
        }
        if (name.toLowerCase(java.util.Locale.ROOT).matches("(aws|amazon|amzn).*")) {
            throw AwsException.badRequest(
                    "ValidationException", "Document name " + name + " uses a prefix that AWS keeps for itself");
        }
        var document = new Document(name, Iam.ACCOUNT, content, created);
        document.validate();
        return document;
    }

    /** AWS's own document to run shell commands that the caller sends. */
    static Document runShellScript(Instant created) {
        return new Document("AWS-RunShellScript", AMAZON, Json.parse("""
            {"schemaVersion": "1.2",
             "description": "Run a shell script or specify the commands to run.",
             "parameters": {
               "commands": {"type": "StringList", "minItems": 1,
                 "description": "(Required) Specify a shell script or a command to run."},
               "workingDirectory": {"type": "String", "default": "",
                 "description": "(Optional) The path to the working directory on your instance.",
                 "maxChars": 4096},
               "executionTimeout": {"type": "String", "default": "3600",
                 "description": "(Optional) The time in seconds for a command to complete.",
                 "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"}},
             "runtimeConfig": {"aws:runShellScript": {"properties": [
               {"id": "0.aws:runShellScript", "runCommand": "{{ commands }}",
                "workingDirectory": "{{ workingDirectory }}",
                "timeoutSeconds": "{{ executionTimeout }}"}]}}}
            """), created);
    }

    /** For policies: AWS's own documents belong to no account. */
    String arn(Account account) {
        return owner.equals(AMAZON)
                ? account.publicArn("ssm", "document/" + name)
                : account.arn("ssm", "document/" + name);
    }

    JsonNode parameters() {
        return content.path("parameters");
    }

    private void validate() {
        if (!content.path("schemaVersion").asText().equals("2.2")) {
            throw invalid("The embedded AWS runs documents of schema version 2.2, not "
                    + content.path("schemaVersion").asText("none"));
        }
        if (content.path("mainSteps").isEmpty()) throw invalid("mainSteps is missing");
        for (var step : content.path("mainSteps")) {
            if (!step.path("action").asText().equals("aws:runShellScript")) {
                throw invalid("The embedded AWS runs aws:runShellScript, not "
                        + step.path("action").asText("a step without an action"));
            }
            if (!step.path("name").asText().matches("[a-zA-Z0-9_]{3,128}")) throw invalid("a step's name is malformed");
            for (var line : step.path("inputs").path("runCommand")) {
                for (var reference : REFERENCE.matcher(line.asText()).results().toList()) {
                    if (!parameters().has(reference.group(1))) {
                        throw invalid("Parameter \"" + reference.group(1) + "\" is used and not declared");
                    }
                }
            }
        }
        parameters().properties().forEach(parameter -> {
            var type = parameter.getValue().path("type").asText();
            if (!type.equals("String") && !type.equals("StringList")) {
                throw invalid("Parameter " + parameter.getKey() + " has the type " + type
                        + "; the embedded AWS knows String and StringList");
            }
            try {
                Pattern.compile(parameter.getValue().path("allowedPattern").asText());
            } catch (PatternSyntaxException malformed) {
                throw invalid("allowedPattern of parameter " + parameter.getKey() + " is no regular expression");
            }
        });
    }

    private static AwsException invalid(String why) {
        return AwsException.badRequest("InvalidDocumentContent", "JSON not well-formed: " + why);
    }

    /**
     * What was sent, completed by the defaults.
     *
     * @throws AwsException InvalidParameters
     */
    Map<String, List<String>> complete(Map<String, List<String>> sent) {
        for (var name : sent.keySet()) {
            if (!parameters().has(name)) {
                throw invalidParameters("Parameter \"" + name + "\" is not defined in document " + this.name);
            }
        }
        var complete = new LinkedHashMap<String, List<String>>();
        parameters().properties().forEach(declared -> {
            var name = declared.getKey();
            var values = sent.get(name);
            if (values == null) values = defaults(declared.getValue());
            if (values == null) throw invalidParameters("Parameter \"" + name + "\" requires a value");
            check(name, declared.getValue(), values);
            complete.put(name, values);
        });
        return complete;
    }

    private static List<String> defaults(JsonNode parameter) {
        var value = parameter.get("default");
        if (value == null) return null;
        if (!value.isArray()) return List.of(value.asText());
        var values = new ArrayList<String>();
        value.forEach(one -> values.add(one.asText()));
        return values;
    }

    private static void check(String name, JsonNode parameter, List<String> values) {
        if (parameter.path("type").asText().equals("String") && values.size() != 1) {
            throw invalidParameters("Parameter \"" + name + "\" takes one value, not " + values.size());
        }
        if (values.size() < parameter.path("minItems").asInt(0)) {
            throw invalidParameters("Parameter \"" + name + "\" requires a value");
        }
        var pattern = Pattern.compile(parameter.path("allowedPattern").asText(""));
        var allowed = new ArrayList<String>();
        parameter.path("allowedValues").forEach(value -> allowed.add(value.asText()));
        for (var value : values) {
            if (!pattern.pattern().isEmpty() && !pattern.matcher(value).matches()) {
                throw invalidParameters("Parameter \"" + name + "\" has value \"" + value + "\" not matching \""
                        + pattern.pattern() + "\"");
            }
            if (!allowed.isEmpty() && !allowed.contains(value)) {
                throw invalidParameters("Parameter \"" + name + "\" has value \"" + value + "\" not in " + allowed);
            }
            if (value.length() > parameter.path("maxChars").asInt(Integer.MAX_VALUE)) {
                throw invalidParameters("Parameter \"" + name + "\" is longer than "
                        + parameter.path("maxChars").asInt() + " characters");
            }
        }
    }

    private static AwsException invalidParameters(String why) {
        return AwsException.badRequest("InvalidParameters", why);
    }

    /** The steps with the parameters' values in place; as on AWS, text is put in without quoting. */
    List<Step> steps(Map<String, List<String>> values) {
        var steps = new ArrayList<Step>();
        for (var step : content.path("mainSteps")) {
            steps.add(step(step.path("name").asText(), step.path("inputs"), values));
        }
        for (var properties :
                content.path("runtimeConfig").path("aws:runShellScript").path("properties")) {
            steps.add(step("aws:runShellScript", properties, values));
        }
        return steps;
    }

    private static Step step(String name, JsonNode inputs, Map<String, List<String>> values) {
        var lines = new ArrayList<String>();
        var commands = inputs.path("runCommand");
        if (commands.isTextual()) {
            lines.addAll(values.getOrDefault(reference(commands.asText()), List.of()));
        } else {
            for (var line : commands) {
                var list = values.get(reference(line.asText()));
                if (list == null) lines.add(substitute(line.asText(), values));
                else lines.addAll(list);
            }
        }
        var timeout = substitute(inputs.path("timeoutSeconds").asText("3600"), values);
        return new Step(
                name, lines, substitute(inputs.path("workingDirectory").asText(""), values), Long.parseLong(timeout));
    }

    /** The parameter that the text as a whole refers to, or "". */
    private static String reference(String text) {
        var whole = REFERENCE.matcher(text.strip());
        return whole.matches() ? whole.group(1) : "";
    }

    private static String substitute(String text, Map<String, List<String>> values) {
        return REFERENCE
                .matcher(text)
                .replaceAll(reference -> java.util.regex.Matcher.quoteReplacement(
                        String.join(" ", values.getOrDefault(reference.group(1), List.of()))));
    }
}
