package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.Timed;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** AWS Systems Manager: documents, Run Command, public parameters, instance information. */
public final class SsmService extends JsonService {
    /** Names per GetParameters, as in the API's model. */
    private static final int MOST_PARAMETERS = 10;

    private final Account account;
    private final Ec2Service ec2;
    private final RunCommand runCommand;
    private final Map<String, Document> documents = new LinkedHashMap<>();

    public SsmService(
            Account account, Ec2Service ec2, CloudHsmService cloudHsm, EventBridgeService events, Endpoint endpoint) {
        super("ssm", "1.1");
        this.account = account;
        this.ec2 = ec2;
        var managed = new ManagedInstances(account, ec2);
        runCommand = new RunCommand(account, ec2, cloudHsm, events, endpoint, managed);
        var commands = new CommandOperations(account, ec2, managed, runCommand, this::document);
        var own = Document.runShellScript(account.time().now());
        documents.put(own.name(), own);
        on("SendCommand", commands::sendCommand);
        on("GetCommandInvocation", commands::getCommandInvocation);
        on("ListCommandInvocations", commands::listCommandInvocations);
        on("ListCommands", commands::listCommands);
        on("DescribeInstanceInformation", commands::describeInstanceInformation);
        on("CreateDocument", this::createDocument);
        on("DescribeDocument", this::describeDocument);
        on("GetDocument", this::getDocument);
        on("DeleteDocument", this::deleteDocument);
        on("GetParameter", this::getParameter);
        on("GetParameters", this::getParameters);
    }

    /** How long each command took, from SendCommand to its end. */
    public List<Timed> timings() {
        return runCommand.timings();
    }

    /**
     * Creates a command document at once, as a stack does.
     *
     * @throws AwsException DocumentAlreadyExists, InvalidDocumentContent
     */
    public void createDocument(String name, JsonNode content) {
        if (documents.containsKey(name)) {
            throw AwsException.badRequest(
                    "DocumentAlreadyExists", "Document with same name " + name + " already exists");
        }
        documents.put(name, Document.create(name, content, account.time().now()));
    }

    /** Deletes a document of this account; nothing happens if there is none. */
    public void deleteDocument(String name) {
        documents.remove(name);
    }

    /**
     * SHA-256, in lower-case hex, of the CloudHSM CLI's package of this file name as instances of the embedded AWS
     * download it. It is not AWS's package, so a deployment here pins this hash and a real one pins AWS's.
     */
    public String packageSha256(String fileName) {
        return Downloads.sha256(fileName);
    }

    /** By name, or by ARN as for documents that others share. */
    private Optional<Document> document(String name) {
        return Optional.ofNullable(documents.get(name.substring(name.lastIndexOf('/') + 1)));
    }

    private Document authorized(ObjectNode input, AwsRequest request, String action) {
        var name = required(input, "Name");
        var document = document(name);
        var arn = document.map(found -> found.arn(account)).orElseGet(() -> account.arn("ssm", "document/" + name));
        account.iam().authorize(request.caller(), action, arn);
        return document.orElseThrow(() -> invalidDocument(name));
    }

    static AwsException invalidDocument(String name) {
        return AwsException.badRequest("InvalidDocument", "Document with name " + name + " does not exist.");
    }

    private JsonNode createDocument(ObjectNode input, AwsRequest request) {
        var name = required(input, "Name");
        var content = required(input, "Content");
        if (!text(input, "DocumentType").orElse("Command").equals("Command")
                || !text(input, "DocumentFormat").orElse("JSON").equals("JSON")) {
            throw AwsException.badRequest("ValidationException", "The embedded AWS knows Command documents in JSON");
        }
        account.iam().authorize(request.caller(), "ssm:CreateDocument", account.arn("ssm", "document/" + name));
        JsonNode parsed;
        try {
            parsed = Json.parse(content);
        } catch (AwsException malformed) {
            throw AwsException.badRequest("InvalidDocumentContent", "JSON not well-formed.");
        }
        createDocument(name, parsed);
        return Json.object().set("DocumentDescription", description(documents.get(name)));
    }

    private JsonNode describeDocument(ObjectNode input, AwsRequest request) {
        return Json.object().set("Document", description(authorized(input, request, "ssm:DescribeDocument")));
    }

    private static ObjectNode description(Document document) {
        var description = Json.object()
                .put("Name", document.name())
                .put("Owner", document.owner())
                .put("CreatedDate", Json.epochSeconds(document.created()))
                .put("Status", "Active")
                .put("DocumentVersion", "1")
                .put("LatestVersion", "1")
                .put("DefaultVersion", "1")
                .put("DocumentFormat", "JSON")
                .put("DocumentType", "Command")
                .put("SchemaVersion", document.content().path("schemaVersion").asText())
                .put("Description", document.content().path("description").asText());
        description.putArray("PlatformTypes").add("Linux");
        var parameters = description.putArray("Parameters");
        document.parameters().properties().forEach(declared -> {
            var parameter = parameters
                    .addObject()
                    .put("Name", declared.getKey())
                    .put("Type", declared.getValue().path("type").asText())
                    .put("Description", declared.getValue().path("description").asText());
            var otherwise = declared.getValue().get("default");
            if (otherwise != null) parameter.put("DefaultValue", otherwise.asText());
        });
        return description;
    }

    private JsonNode getDocument(ObjectNode input, AwsRequest request) {
        var document = authorized(input, request, "ssm:GetDocument");
        return Json.object()
                .put("Name", document.name())
                .put("DocumentVersion", "1")
                .put("Status", "Active")
                .put("Content", document.content().toPrettyString())
                .put("DocumentType", "Command")
                .put("DocumentFormat", "JSON");
    }

    private JsonNode deleteDocument(ObjectNode input, AwsRequest request) {
        var document = authorized(input, request, "ssm:DeleteDocument");
        if (!document.owner().equals(Iam.ACCOUNT)) throw invalidDocument(document.name());
        documents.remove(document.name());
        return Json.object();
    }

    /** Of the parameters, those that AWS publishes for Amazon Linux. */
    private JsonNode getParameter(ObjectNode input, AwsRequest request) {
        var name = required(input, "Name");
        account.iam().authorize(request.caller(), "ssm:GetParameter", parameterArn(name));
        return Json.object()
                .set(
                        "Parameter",
                        parameter(name)
                                .orElseThrow(() -> AwsException.badRequest(
                                        "ParameterNotFound", "Parameter " + name + " not found.")));
    }

    private JsonNode getParameters(ObjectNode input, AwsRequest request) {
        var names = input.path("Names");
        if (names.size() < 1 || names.size() > MOST_PARAMETERS) {
            throw AwsException.badRequest(
                    "ValidationException", "Names must have 1 to " + MOST_PARAMETERS + " members");
        }
        var answer = Json.object();
        var found = answer.putArray("Parameters");
        var invalid = answer.putArray("InvalidParameters");
        for (var node : names) {
            var name = node.asText();
            account.iam().authorize(request.caller(), "ssm:GetParameters", parameterArn(name));
            parameter(name).ifPresentOrElse(found::add, () -> invalid.add(name));
        }
        return answer;
    }

    private String parameterArn(String name) {
        return account.publicArn("ssm", "parameter" + name);
    }

    private Optional<ObjectNode> parameter(String name) {
        return ec2.imageParameter(name)
                .map(value -> Json.object()
                        .put("Name", name)
                        .put("Type", "String")
                        .put("Value", value)
                        .put("Version", 1)
                        .put("ARN", parameterArn(name))
                        .put("DataType", "text"));
    }
}
