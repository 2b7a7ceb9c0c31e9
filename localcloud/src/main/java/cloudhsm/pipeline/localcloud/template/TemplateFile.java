package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.AbstractConstruct;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** Reads YAML or JSON as CloudFormation does: short tags become functions, included files take their place. */
public final class TemplateFile {
    private static final List<String> FUNCTIONS = List.of(
            "Sub",
            "GetAtt",
            "Join",
            "Select",
            "Split",
            "If",
            "Equals",
            "Not",
            "And",
            "Or",
            "FindInMap",
            "ImportValue",
            "Base64",
            "GetAZs",
            "Cidr",
            "Transform");

    private TemplateFile() {}

    private static final class ShortTags extends SafeConstructor {
        ShortTags() {
            super(options());
            function("!Ref", "Ref");
            function("!Condition", "Condition");
            FUNCTIONS.forEach(name -> function("!" + name, "Fn::" + name));
            // Dates stay the text they are written as: AWSTemplateFormatVersion and policy versions look like dates.
            yamlConstructors.put(Tag.TIMESTAMP, new AbstractConstruct() {
                @Override
                public Object construct(Node node) {
                    return ((ScalarNode) node).getValue();
                }
            });
        }

        private static LoaderOptions options() {
            var options = new LoaderOptions();
            options.setAllowDuplicateKeys(false);
            return options;
        }

        private void function(String tag, String name) {
            yamlConstructors.put(new Tag(tag), new AbstractConstruct() {
                @Override
                public Object construct(Node node) {
                    var argument = switch (node) {
                        case ScalarNode scalar -> scalar.getValue();
                        case SequenceNode sequence -> constructSequence(sequence);
                        case MappingNode mapping -> constructMapping(mapping);
                        default -> throw new YAMLException("A function cannot have the argument " + node);
                    };
                    return new LinkedHashMap<>(Map.of(name, argument));
                }
            });
        }
    }

    /** @throws TemplateException naming the file, if it is missing or no YAML */
    public static JsonNode read(Path file) {
        return parse(text(file), file);
    }

    /** @throws TemplateException naming the file, if it cannot be read */
    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException unreadable) {
            throw new TemplateException("Cannot read " + file + ": " + unreadable, unreadable);
        }
    }

    /** @param file where the text is from, for messages and for what it includes */
    static JsonNode parse(String text, Path file) {
        try {
            return included(loaded(text), file);
        } catch (YAMLException malformed) {
            throw new TemplateException(file + " is not valid YAML: " + malformed.getMessage(), malformed);
        }
    }

    /**
     * A template whose included files stay where they are.
     *
     * @throws TemplateException where the text is no YAML
     */
    public static JsonNode parse(String text) {
        try {
            return loaded(text);
        } catch (YAMLException malformed) {
            throw new TemplateException(malformed.getMessage(), malformed);
        }
    }

    private static JsonNode loaded(String text) {
        Object loaded = new Yaml(new ShortTags()).load(text);
        return Json.MAPPER.valueToTree(loaded);
    }

    private static JsonNode included(JsonNode node, Path file) {
        if (node instanceof ArrayNode array) {
            for (var i = 0; i < array.size(); i++) array.set(i, included(array.get(i), file));
            return array;
        }
        if (!(node instanceof ObjectNode object)) return node;
        for (var name :
                List.copyOf(object.properties().stream().map(Map.Entry::getKey).toList())) {
            if (!name.equals("Fn::Transform")) object.set(name, included(object.get(name), file));
        }
        var transform = object.remove("Fn::Transform");
        if (transform == null) return object;
        var location = transform.path("Parameters").path("Location");
        if (!transform.path("Name").asText().equals("AWS::Include") || !location.isTextual()) {
            throw new TemplateException(file + ": only Fn::Transform AWS::Include with the Location of a local file is"
                    + " understood, not " + transform);
        }
        var content = read(file.resolveSibling(location.asText()));
        if (object.isEmpty()) return content;
        if (!(content instanceof ObjectNode fields)) {
            throw new TemplateException(file + ": " + location.asText() + " must be an object to stand beside others");
        }
        return object.setAll(fields);
    }
}
