package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import cloudhsm.pipeline.localcloud.template.TemplateFile;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/** A deployed stack against the working tree: is it what lies here? */
final class Deployed {
    /** What sam deploy replaces by where it has put the files. */
    private static final List<String> PACKAGED = List.of("CodeUri", "DefinitionUri", "Content", "Metadata");

    private final Aws aws;
    private final Findings findings;
    private final ProjectTemplate template;
    private final String name;
    private Optional<DeployedStack> stack = Optional.empty();

    Deployed(Aws aws, Findings findings, ProjectTemplate template, String name) {
        this.aws = aws;
        this.findings = findings;
        this.template = template;
        this.name = name;
    }

    /** Parameters that the stack has, by name; empty before {@link #find}. */
    Optional<String> parameter(String parameter) {
        return Optional.ofNullable(parameters().get(parameter));
    }

    /** What is known by this logical id; empty where the stack has no such resource. */
    Optional<String> physicalId(String logicalId) {
        return stack.flatMap(found -> found.physicalId(logicalId));
    }

    private Map<String, String> parameters() {
        return stack.map(DeployedStack::parameters).orElse(Map.of());
    }

    /** Reads the stack. Returns whether there is one. */
    boolean find() {
        findings.look("stack", this::read);
        return stack.isPresent();
    }

    private void read() {
        stack = DeployedStack.read(aws, name);
        if (stack.isEmpty()) {
            findings.wrong(
                    "stack",
                    "there is no stack " + name + " in " + aws.region() + ".",
                    "deploy it, or give its name and Region: aws cloudformation list-stacks");
            return;
        }
        var status = stack.get().status();
        if (stack.get().isSettled()) {
            findings.right(
                    "stack",
                    name + " is " + status + ", " + stack.get().physicalIds().size() + " resources.");
        } else {
            findings.wrong(
                    "stack",
                    name + " is " + status + ".",
                    "look at its events, and deploy again: aws cloudformation describe-stack-events --stack-name "
                            + name);
        }
    }

    void compare() {
        findings.look("stack parameters", this::compareParameters);
        findings.look("stack template", this::compareTemplate);
        findings.look("function code", this::compareCode);
        for (var machine : template.machines()) {
            var check = "deployed definition " + machine.file();
            findings.look(check, () -> compareDefinition(check, machine));
        }
    }

    private void compareParameters() {
        var known = new TreeSet<String>();
        template.whole().path("Parameters").fieldNames().forEachRemaining(known::add);
        var parameters = parameters();
        var missing = new TreeSet<>(known);
        missing.removeAll(parameters.keySet());
        var gone = new TreeSet<>(parameters.keySet());
        gone.removeAll(known);
        var others = new ArrayList<String>();
        parameters.forEach((parameter, value) -> {
            if (known.contains(parameter) && !value.equals(template.parameter(parameter))) {
                others.add(parameter + "=" + (value.length() > 40 ? value.substring(0, 40) + "…" : value.strip()));
            }
        });
        var said = others.isEmpty() ? "all have their defaults" : "not the defaults: " + String.join(", ", others);
        if (missing.isEmpty() && gone.isEmpty()) {
            findings.right("stack parameters", said + ".");
            return;
        }
        findings.wrong(
                "stack parameters",
                "the stack lacks " + missing + " of template.yaml here, and has " + gone + " that it does not know; "
                        + said + ".",
                "deploy: sam deploy --stack-name " + name);
    }

    /** Resource by resource, but for what sam deploy has put elsewhere. */
    private void compareTemplate() {
        var body = Xml.text(
                aws.query(Api.CLOUDFORMATION, "GetTemplate", Map.of("StackName", name, "TemplateStage", "Original")),
                "TemplateBody");
        try {
            var deployed = TemplateFile.parse(body).path("Resources");
            var here = TemplateFile.parse(template.text()).path("Resources");
            var differing = new TreeSet<String>();
            here.fieldNames().forEachRemaining(differing::add);
            deployed.fieldNames().forEachRemaining(differing::add);
            differing.removeIf(id -> comparable(here.path(id)).equals(comparable(deployed.path(id))));
            if (differing.isEmpty()) {
                findings.right("stack template", "its resources are those of template.yaml here.");
            } else {
                findings.wrong(
                        "stack template",
                        "these resources are not as in template.yaml here: " + String.join(", ", differing) + ".",
                        "deploy, and look at the change set first: sam deploy --stack-name " + name);
            }
        } catch (TemplateException unreadable) {
            findings.noted(
                    "stack template",
                    "the deployed template cannot be read here: " + unreadable.getMessage(),
                    "compare by a change set: sam deploy --stack-name " + name + " --no-execute-changeset");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Both ways to write an attribute are the same, and where files were put says nothing of what is in them. */
    private static JsonNode comparable(JsonNode node) {
        if (node.isArray()) {
            var array = Json.array();
            node.forEach(element -> array.add(comparable(element)));
            return array;
        }
        if (!(node instanceof ObjectNode object)) return node;
        var rest = Json.object();
        for (var member : object.properties()) {
            var value = member.getValue();
            if (PACKAGED.contains(member.getKey())) continue;
            if (member.getKey().equals("Fn::Transform")) continue;
            if (member.getKey().equals("Fn::GetAtt") && value.isTextual()) {
                rest.set("Fn::GetAtt", Json.MAPPER.valueToTree(value.asText().split("\\.", 2)));
            } else {
                rest.set(member.getKey(), comparable(value));
            }
        }
        return rest;
    }

    private void compareCode() {
        var here = new LinkedHashMap<java.nio.file.Path, String>();
        var stale = new TreeSet<String>();
        var unbuilt = new TreeSet<String>();
        var same = 0;
        var deployed = deployedCode();
        for (var function : template.archives().entrySet()) {
            var physical = physicalId(function.getKey());
            if (physical.isEmpty()) continue;
            var archive = function.getValue();
            if (!java.nio.file.Files.isRegularFile(archive)) {
                unbuilt.add(template.root().relativize(archive).toString());
                continue;
            }
            if (deployed.getOrDefault(physical.get(), "").equals(here.computeIfAbsent(archive, Archive::sha256)))
                same++;
            else stale.add(function.getKey());
        }
        if (!unbuilt.isEmpty()) {
            findings.noted("function code", String.join(", ", unbuilt) + " is not built.", "mvn package -DskipTests");
        }
        if (!stale.isEmpty()) {
            findings.wrong(
                    "function code",
                    "these functions run other code than is built here: " + String.join(", ", stale) + ".",
                    "deploy: sam deploy --stack-name " + name);
        } else if (same > 0) {
            findings.right("function code", same + " functions run what is built here.");
        }
    }

    /** By function of the Region, the hash of its code: one list, because Lambda takes few single questions a second. */
    private Map<String, String> deployedCode() {
        var hashes = new TreeMap<String, String>();
        var query = new TreeMap<String, String>();
        while (true) {
            var page = aws.get("ListFunctions", "/2015-03-31/functions", query);
            page.path("Functions")
                    .forEach(function -> hashes.put(
                            function.path("FunctionName").asText(),
                            function.path("CodeSha256").asText()));
            if (!page.hasNonNull("NextMarker")) return hashes;
            query.put("Marker", page.path("NextMarker").asText());
        }
    }

    private void compareDefinition(String check, ProjectTemplate.Machine machine) {
        var arn = physicalId(machine.logicalId());
        if (arn.isEmpty()) {
            findings.wrong(
                    check, "the stack has no " + machine.logicalId() + ".", "deploy: sam deploy --stack-name " + name);
            return;
        }
        var deployed =
                aws.json(Api.STATES, "DescribeStateMachine", Json.object().put("stateMachineArn", arn.get()));
        try {
            var here = template.definition(machine, id -> substitute(id, arn.get()));
            if (Json.parse(deployed.path("definition").asText()).equals(Json.parse(here))) {
                findings.right(check, "the same as here.");
                return;
            }
            findings.wrong(
                    check,
                    arn.get() + " has another definition than the file here.",
                    "deploy: sam deploy --stack-name " + name);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** What the template's Ref or GetAtt has become: a function's ARN, or the physical id. */
    private String substitute(String logicalId, String machineArn) {
        var id = physicalId(logicalId).orElse("");
        if (!template.type(logicalId).equals("AWS::Serverless::Function")) return id;
        var parts = machineArn.split(":");
        return String.join(":", "arn", parts[1], "lambda", parts[3], parts[4], "function", id);
    }
}
