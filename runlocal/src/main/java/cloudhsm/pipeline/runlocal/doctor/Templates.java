package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.stream.Collectors;

/** The template and the state machines of the working tree, as the services read them that would deploy them. */
final class Templates {
    /** Of a template in a request [CFN:limits]. A larger one would have to be put into a bucket first. */
    private static final int LARGEST_BODY = 51_200;

    /** Of a template in a bucket, from where sam deploy gives it. */
    private static final int LARGEST_TEMPLATE = 1_000_000;

    private final Aws aws;
    private final Findings findings;
    private final Caller caller;
    private final ProjectTemplate template;
    private final String stack;

    Templates(Aws aws, Findings findings, Caller caller, ProjectTemplate template, String stack) {
        this.aws = aws;
        this.findings = findings;
        this.caller = caller;
        this.template = template;
        this.stack = stack;
    }

    void check() {
        findings.look("template", this::template);
        for (var machine : template.machines()) {
            findings.look("definition " + machine.file(), () -> definition(machine));
        }
    }

    private void template() {
        var bytes = Json.bytes(template.whole()).length;
        if (bytes > LARGEST_TEMPLATE) {
            findings.wrong(
                    "template",
                    "template.yaml with what it includes has " + bytes + " bytes, and CloudFormation takes "
                            + LARGEST_TEMPLATE + ".",
                    "move resources to a stack of their own");
            return;
        }
        var parts = template.parts(LARGEST_BODY);
        for (var part : parts) {
            try {
                aws.query(Api.CLOUDFORMATION, "ValidateTemplate", Map.of("TemplateBody", part));
            } catch (AwsFailure failure) {
                if (!failure.code().equals("ValidationError")) throw failure;
                findings.wrong(
                        "template",
                        "CloudFormation refuses template.yaml: " + failure.getMessage(),
                        "correct it there");
                return;
            }
        }
        findings.right(
                "template",
                "CloudFormation finds template.yaml well-formed, read in " + parts.size()
                        + " parts because ValidateTemplate" + " takes " + LARGEST_BODY
                        + " bytes; it looks at no property.");
    }

    private void definition(ProjectTemplate.Machine machine) {
        try {
            var unfilled = template.unfilled(machine);
            if (!unfilled.isEmpty()) {
                findings.wrong(
                        "definition " + machine.file(),
                        "it uses " + unfilled + ", which DefinitionSubstitutions of " + machine.logicalId()
                                + " does not give.",
                        "give them in template.yaml");
                return;
            }
            validate(machine, template.definition(machine, this::example));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** An ARN, or a name, such as the stack will have. */
    private String example(String logicalId) {
        return switch (template.type(logicalId)) {
            case "AWS::Serverless::Function" ->
                caller.arnOf("lambda", aws.region(), "function:" + stack + "-" + logicalId);
            case "AWS::Serverless::StateMachine" ->
                caller.arnOf("states", aws.region(), "stateMachine:" + stack + "-" + logicalId);
            default -> stack + "-" + logicalId.toLowerCase(java.util.Locale.ROOT);
        };
    }

    private void validate(ProjectTemplate.Machine machine, String definition) {
        var input = Json.object()
                .put("definition", definition)
                .put("type", "STANDARD")
                .put("severity", "WARNING");
        var answer = aws.json(Api.STATES, "ValidateStateMachineDefinition", input);
        var said = answer.path("diagnostics").valueStream().map(Templates::said).collect(Collectors.joining("; "));
        var check = "definition " + machine.file();
        if (!answer.path("result").asText().equals("OK")) {
            findings.wrong(check, "Step Functions refuses it: " + said + ".", "correct it in " + machine.file());
        } else if (!said.isEmpty()) {
            findings.noted(check, "Step Functions takes it and warns: " + said + ".", "");
        } else {
            findings.right(check, "Step Functions takes it.");
        }
    }

    private static String said(JsonNode diagnostic) {
        var location = diagnostic.path("location").asText();
        return diagnostic.path("code").asText() + ": "
                + diagnostic.path("message").asText() + (location.isEmpty() ? "" : " at " + location);
    }
}
