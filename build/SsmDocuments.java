import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Makes Systems Manager command documents of shell scripts, one of each: {@code java SsmDocuments.java <scripts>
 * <documents>}. The script {@code common.sh} goes in front of every other one. Comments at the head of a script
 * declare its description and parameters:
 *
 * <pre>
 * # description: TEXT
 * # parameter NAME PATTERN TEXT
 * </pre>
 */
public final class SsmDocuments {
    private static final Pattern DESCRIPTION = Pattern.compile("# description: (.+)");
    private static final Pattern PARAMETER = Pattern.compile("# parameter (\\w+) (\\^\\S+\\$) (.+)");

    /** In seconds; the slowest step is the download of the CLI, which gives up after 300. */
    private static final int EXECUTION_TIMEOUT = 900;

    private record Parameter(String pattern, String description) {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2) {
            System.err.println("Usage: java SsmDocuments.java <directory of scripts> <directory for documents>");
            System.exit(2);
        }
        var scripts = Path.of(arguments[0]);
        var documents = Files.createDirectories(Path.of(arguments[1]));
        var common = Files.readAllLines(scripts.resolve("common.sh"));
        try (var files = Files.newDirectoryStream(scripts, "*.sh")) {
            for (var file : files) {
                var name = file.getFileName().toString();
                if (name.equals("common.sh")) continue;
                var document = document(common, Files.readAllLines(file));
                Files.writeString(documents.resolve(name.replace(".sh", ".json")), document);
            }
        }
    }

    private static String document(List<String> common, List<String> script) {
        var description = "";
        var parameters = new TreeMap<String, Parameter>();
        var lines = new ArrayList<>(common);
        lines.addAll(script.subList(1, script.size())); // without its own #! line
        for (var line : lines) {
            var parameter = PARAMETER.matcher(line);
            if (parameter.matches()) {
                parameters.put(parameter.group(1), new Parameter(parameter.group(2), parameter.group(3)));
            } else if (line.startsWith("# parameter")) {
                throw new IllegalArgumentException("Not of the form \"# parameter NAME ^PATTERN$ TEXT\": " + line);
            }
            var text = DESCRIPTION.matcher(line);
            if (text.matches()) description = text.group(1);
        }
        return """
            {
              "schemaVersion": "2.2",
              "description": %s,
              "parameters": {
            %s
              },
              "mainSteps": [
                {
                  "action": "aws:runShellScript",
                  "name": "runScript",
                  "precondition": {"StringEquals": ["platformType", "Linux"]},
                  "inputs": {
                    "timeoutSeconds": "%d",
                    "runCommand": [
            %s
                    ]
                  }
                }
              ]
            }
            """.formatted(
                        quoted(description),
                        String.join(
                                ",\n",
                                parameters.entrySet().stream()
                                        .map(SsmDocuments::declared)
                                        .toList()),
                        EXECUTION_TIMEOUT,
                        String.join(
                                ",\n",
                                lines.stream()
                                        .map(line -> " ".repeat(10) + quoted(line))
                                        .toList()));
    }

    private static String declared(Map.Entry<String, Parameter> parameter) {
        return "    %s: {\"type\": \"String\", \"description\": %s, \"allowedPattern\": %s}"
                .formatted(
                        quoted(parameter.getKey()),
                        quoted(parameter.getValue().description()),
                        quoted(parameter.getValue().pattern()));
    }

    private static String quoted(String text) {
        var quoted = new StringBuilder("\"");
        for (var c : text.toCharArray()) {
            if (c == '"' || c == '\\') quoted.append('\\').append(c);
            else if (c < ' ') quoted.append("\\u%04x".formatted((int) c));
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }
}
