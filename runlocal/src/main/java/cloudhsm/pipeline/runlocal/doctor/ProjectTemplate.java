package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.TemplateFile;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The template of the working tree, and what it refers to.
 *
 * @param root the directory that has it
 * @param whole with the files that it includes
 */
record ProjectTemplate(Path root, JsonNode whole) {
    /** Of a part of the template, or there part by part; Metadata is for people. */
    private static final Set<String> LEFT_OUT = Set.of("Metadata", "Resources", "Outputs");

    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([A-Za-z0-9_]+)}");

    /**
     * A state machine of the template.
     *
     * @param file of the definition, as the template names it
     * @param substitutions by placeholder, what the template gives: a Ref or a GetAtt
     */
    record Machine(String logicalId, String file, Map<String, JsonNode> substitutions) {}

    static ProjectTemplate read(Path root) {
        return new ProjectTemplate(root, TemplateFile.read(file(root)));
    }

    private static Path file(Path root) {
        return root.resolve("template.yaml");
    }

    /** As it lies there. */
    String text() throws IOException {
        return Files.readString(file(root));
    }

    /** The parameter's default; "" where it has none. */
    String parameter(String name) {
        return whole.path("Parameters").path(name).path("Default").asText();
    }

    /** The types of what CloudFormation makes, once SAM has replaced its own. */
    Set<String> types() {
        var types = new TreeSet<String>();
        for (var resource : whole.path("Resources")) {
            var type = resource.path("Type").asText();
            var properties = resource.path("Properties");
            switch (type) {
                case "AWS::Serverless::Function" -> {
                    types.add("AWS::Lambda::Function");
                    if (!properties.has("Role")) types.add("AWS::IAM::Role");
                    if (properties.has("AutoPublishAlias")) {
                        types.addAll(List.of("AWS::Lambda::Version", "AWS::Lambda::Alias"));
                    }
                    for (var event : properties.path("Events")) {
                        types.addAll(
                                event.path("Type").asText().equals("SQS")
                                        ? List.of("AWS::Lambda::EventSourceMapping")
                                        : List.of("AWS::Events::Rule", "AWS::Lambda::Permission"));
                    }
                }
                case "AWS::Serverless::StateMachine" -> {
                    types.add("AWS::StepFunctions::StateMachine");
                    if (!properties.has("Role") || properties.has("Events")) types.add("AWS::IAM::Role");
                    if (properties.has("Events")) types.add("AWS::Events::Rule");
                }
                default -> types.add(type);
            }
        }
        return types;
    }

    /** All of them, in the template's order. */
    List<Machine> machines() {
        return whole.path("Resources").properties().stream()
                .filter(resource -> resource.getValue().path("Type").asText().equals("AWS::Serverless::StateMachine"))
                .map(resource -> {
                    var properties = resource.getValue().path("Properties");
                    var substitutions = new LinkedHashMap<String, JsonNode>();
                    properties
                            .path("DefinitionSubstitutions")
                            .properties()
                            .forEach(given -> substitutions.put(given.getKey(), given.getValue()));
                    return new Machine(
                            resource.getKey(), properties.path("DefinitionUri").asText(), substitutions);
                })
                .toList();
    }

    /**
     * The machine's definition with every placeholder filled that the template fills; others stay.
     *
     * @param resource from the logical id of what a placeholder stands for to its text
     */
    String definition(Machine machine, UnaryOperator<String> resource) throws IOException {
        return PLACEHOLDER
                .matcher(Files.readString(root.resolve(machine.file())))
                .replaceAll(found -> Matcher.quoteReplacement(
                        machine.substitutions().containsKey(found.group(1))
                                ? resource.apply(
                                        referred(machine.substitutions().get(found.group(1))))
                                : found.group()));
    }

    /** Placeholders of the definition that nothing fills. */
    Set<String> unfilled(Machine machine) throws IOException {
        var unfilled = new TreeSet<String>();
        var placeholders = PLACEHOLDER.matcher(Files.readString(root.resolve(machine.file())));
        while (placeholders.find()) unfilled.add(placeholders.group(1));
        unfilled.removeAll(machine.substitutions().keySet());
        return unfilled;
    }

    /** The logical id of a Ref or a GetAtt. */
    private static String referred(JsonNode function) {
        if (function.has("Ref")) return function.path("Ref").asText();
        var attribute = function.path("Fn::GetAtt");
        return (attribute.isArray() ? attribute.path(0) : attribute).asText().replaceFirst("\\..*", "");
    }

    /** Of the resource; "" where there is no such one. */
    String type(String logicalId) {
        return whole.path("Resources").path(logicalId).path("Type").asText();
    }

    /** Logical ids of functions, and the archive that the template gives each. */
    Map<String, Path> archives() {
        var ofAll = whole.path("Globals").path("Function").path("CodeUri").asText();
        var archives = new LinkedHashMap<String, Path>();
        for (var resource : whole.path("Resources").properties()) {
            if (!resource.getValue().path("Type").asText().equals("AWS::Serverless::Function")) continue;
            var own = resource.getValue().path("Properties").path("CodeUri").asText(ofAll);
            archives.put(resource.getKey(), root.resolve(own));
        }
        return archives;
    }

    /**
     * The template in as many parts as are needed, each a template of its own with every parameter and condition, and
     * with each resource in exactly one part, as the outputs. What a part does not have whole it names with its type
     * alone, so that references are found.
     *
     * @param most bytes of one part
     */
    List<String> parts(int most) {
        var pieces = new ArrayList<UnaryOperator<ObjectNode>>();
        for (var resource : whole.path("Resources").properties()) {
            pieces.add(part -> {
                ((ObjectNode) part.get("Resources")).set(resource.getKey(), resource.getValue());
                return part;
            });
        }
        if (whole.has("Outputs")) {
            pieces.add(part -> {
                part.set("Outputs", whole.path("Outputs"));
                return part;
            });
        }
        var parts = new ArrayList<String>();
        var part = frame();
        for (var piece : pieces) {
            var larger = piece.apply(part.deepCopy());
            if (Json.bytes(larger).length > most) {
                parts.add(Json.text(part));
                larger = piece.apply(frame());
            }
            part = larger;
        }
        parts.add(Json.text(part));
        return parts;
    }

    private ObjectNode frame() {
        var frame = Json.object();
        for (var section : whole.properties()) {
            if (!LEFT_OUT.contains(section.getKey())) frame.set(section.getKey(), section.getValue());
        }
        var resources = frame.putObject("Resources");
        for (var resource : whole.path("Resources").properties()) {
            var type = resource.getValue().path("Type");
            if (type.isMissingNode()) resources.set(resource.getKey(), resource.getValue());
            else resources.putObject(resource.getKey()).set("Type", type);
        }
        return frame;
    }
}
