package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/** The API's operations on commands and on the instances that take them. */
final class CommandOperations {
    // GetCommandInvocation cuts what a command printed [BC-ssm].
    private static final int MOST_OUTPUT = 24_000;
    private static final int MOST_ERROR_OUTPUT = 8_000;

    /** ListCommandInvocations cuts it shorter. */
    private static final int MOST_LISTED_OUTPUT = 2_500;

    private static final Set<String> SEND_COMMAND_MEMBERS = Set.of(
            "InstanceIds",
            "DocumentName",
            "DocumentVersion",
            "TimeoutSeconds",
            "Comment",
            "Parameters",
            "MaxConcurrency",
            "MaxErrors");

    private final Account account;
    private final Ec2Service ec2;
    private final ManagedInstances managed;
    private final RunCommand runCommand;
    private final Function<String, Optional<Document>> documents;

    CommandOperations(
            Account account,
            Ec2Service ec2,
            ManagedInstances managed,
            RunCommand runCommand,
            Function<String, Optional<Document>> documents) {
        this.account = account;
        this.ec2 = ec2;
        this.managed = managed;
        this.runCommand = runCommand;
        this.documents = documents;
    }

    JsonNode sendCommand(ObjectNode input, AwsRequest request) {
        input.fieldNames().forEachRemaining(member -> {
            if (!SEND_COMMAND_MEMBERS.contains(member)) throw invalid("SendCommand here does not know " + member);
        });
        var name = input.path("DocumentName").asText();
        var timeout = input.path("TimeoutSeconds").asLong(3600);
        var comment = input.path("Comment").asText("");
        if (comment.length() > 100) throw invalid("Value at 'comment' must have length less than or equal to 100");
        var instanceIds = new ArrayList<String>();
        input.path("InstanceIds").forEach(id -> instanceIds.add(id.asText()));
        if (instanceIds.isEmpty() || instanceIds.size() > 50) {
            throw invalid("SendCommand needs 1 to 50 instance ids, not " + instanceIds.size());
        }
        var document = documents.apply(name).orElseThrow(() -> SsmService.invalidDocument(name));
        authorize(request, document, instanceIds);
        var version = input.path("DocumentVersion").asText("$DEFAULT");
        if (!Set.of("1", "$DEFAULT", "$LATEST").contains(version)) {
            throw AwsException.badRequest("InvalidDocumentVersion", "Document version " + version + " does not exist.");
        }
        var parameters = document.complete(parameters(input.path("Parameters")));
        for (var instanceId : instanceIds) {
            var running = ec2.instance(instanceId)
                    .map(Ec2Service.InstanceView::isRunning)
                    .orElse(false);
            if (!running || !managed.isOnline(instanceId)) {
                throw AwsException.badRequest(
                        "InvalidInstanceId",
                        "Instances [[" + instanceId + "]] not in a valid state for account "
                                + cloudhsm.pipeline.localcloud.authorization.Iam.ACCOUNT);
            }
        }
        var id = account.uuid().toString();
        var command = new Command(
                id, document, parameters, comment, account.time().now(), Duration.ofSeconds(timeout), instanceIds);
        runCommand.send(command);
        return Json.object().set("Command", command(command));
    }

    private static AwsException invalid(String why) {
        return AwsException.badRequest("ValidationException", why);
    }

    private void authorize(AwsRequest request, Document document, List<String> instanceIds) {
        account.iam().authorize(request.caller(), "ssm:SendCommand", document.arn(account));
        for (var instanceId : instanceIds) {
            var context = new TreeMap<String, String>();
            ec2.tags(instanceId).forEach((key, value) -> {
                context.put("ssm:resourceTag/" + key, value);
                context.put("aws:ResourceTag/" + key, value);
            });
            account.iam()
                    .authorize(
                            request.caller(), "ssm:SendCommand", account.arn("ec2", "instance/" + instanceId), context);
        }
    }

    private static Map<String, List<String>> parameters(JsonNode sent) {
        var parameters = new LinkedHashMap<String, List<String>>();
        sent.properties().forEach(parameter -> {
            var values = new ArrayList<String>();
            parameter.getValue().forEach(value -> values.add(value.asText()));
            parameters.put(parameter.getKey(), values);
        });
        return parameters;
    }

    private static ObjectNode command(Command command) {
        var node = Json.object()
                .put("CommandId", command.commandId)
                .put("DocumentName", command.document.name())
                .put("DocumentVersion", "$DEFAULT")
                .put("Comment", command.comment)
                .put("ExpiresAfter", Json.epochSeconds(command.expires()))
                .put("RequestedDateTime", Json.epochSeconds(command.requested))
                .put("Status", command.status().text())
                .put("StatusDetails", command.status().details())
                .put("TargetCount", command.invocations.size())
                .put("TimeoutSeconds", command.deliveryTimeout.toSeconds());
        node.set("Parameters", Json.MAPPER.valueToTree(command.parameters));
        var instances = node.putArray("InstanceIds");
        command.invocations.forEach(invocation -> instances.add(invocation.instanceId));
        return node;
    }

    JsonNode getCommandInvocation(ObjectNode input, AwsRequest request) {
        var commandId = input.path("CommandId").asText("");
        var instanceId = input.path("InstanceId").asText("");
        if (commandId.length() != 36) throw invalid("Value at 'commandId' must have length 36");
        account.iam().authorize(request.caller(), "ssm:GetCommandInvocation", "*");
        var found = runCommand.find(commandId).stream()
                .flatMap(command -> command.invocations.stream())
                .filter(invocation -> invocation.instanceId.equals(instanceId) && invocation.visible)
                .findFirst()
                .orElseThrow(() -> AwsException.badRequest("InvocationDoesNotExist", ""));
        return Json.object()
                .put("CommandId", commandId)
                .put("InstanceId", instanceId)
                .put("Comment", found.command.comment)
                .put("DocumentName", found.command.document.name())
                .put("DocumentVersion", "$DEFAULT")
                .put("PluginName", found.step)
                .put("ResponseCode", found.responseCode)
                .put("ExecutionStartDateTime", text(found.started))
                .put("ExecutionEndDateTime", text(found.ended))
                .put("ExecutionElapsedTime", elapsed(found))
                .put("Status", found.status.text())
                .put("StatusDetails", found.status.details())
                .put("StandardOutputContent", cut(found.standardOutput, MOST_OUTPUT))
                .put("StandardErrorContent", cut(found.standardError, MOST_ERROR_OUTPUT));
    }

    private static String text(Instant instant) {
        return instant == null ? "" : DateTimeFormatter.ISO_INSTANT.format(instant);
    }

    private static String elapsed(Invocation invocation) {
        if (invocation.started == null || invocation.ended == null) return "";
        return Duration.between(invocation.started, invocation.ended).toString();
    }

    private static String cut(String text, int most) {
        if (text.length() <= most) return text;
        var mark = "\n---Output truncated---";
        return text.substring(0, most - mark.length()) + mark;
    }

    JsonNode listCommandInvocations(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "ssm:ListCommandInvocations", "*");
        requireNoFilters(input);
        var found = chosen(input)
                .flatMap(command -> command.invocations.stream())
                .filter(invocation -> !input.has("InstanceId")
                        || invocation.instanceId.equals(input.path("InstanceId").asText()))
                .toList();
        var answer = Json.object();
        var list = answer.putArray("CommandInvocations");
        for (var invocation : page(input, answer, found)) {
            var node = list.addObject()
                    .put("CommandId", invocation.command.commandId)
                    .put("InstanceId", invocation.instanceId)
                    .put("Comment", invocation.command.comment)
                    .put("DocumentName", invocation.command.document.name())
                    .put("DocumentVersion", "$DEFAULT")
                    .put("RequestedDateTime", Json.epochSeconds(invocation.command.requested))
                    .put("Status", invocation.status.text())
                    .put("StatusDetails", invocation.status.details());
            var plugins = node.putArray("CommandPlugins");
            // What has not begun has no plugin to name yet.
            if (!input.path("Details").asBoolean() || invocation.step.isEmpty()) continue;
            plugins.addObject()
                    .put("Name", invocation.step)
                    .put("Status", invocation.status.text())
                    .put("StatusDetails", invocation.status.details())
                    .put("ResponseCode", invocation.responseCode)
                    .put("Output", cut(invocation.standardOutput, MOST_LISTED_OUTPUT));
        }
        return answer;
    }

    JsonNode listCommands(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "ssm:ListCommands", "*");
        requireNoFilters(input);
        var found = chosen(input)
                .filter(command -> !input.has("InstanceId")
                        || command.invocations.stream()
                                .anyMatch(invocation -> invocation.instanceId.equals(
                                        input.path("InstanceId").asText())))
                .toList();
        var answer = Json.object();
        var list = answer.putArray("Commands");
        page(input, answer, found).forEach(command -> list.add(command(command)));
        return answer;
    }

    private static void requireNoFilters(ObjectNode input) {
        if (!input.path("Filters").isEmpty()) {
            throw AwsException.badRequest("InvalidFilterKey", "The embedded AWS lists commands without filters");
        }
    }

    private Stream<Command> chosen(ObjectNode input) {
        var commandId = input.path("CommandId").asText("");
        if (commandId.isEmpty()) return runCommand.all().stream();
        return runCommand
                .find(commandId)
                .map(Stream::of)
                .orElseThrow(() -> AwsException.badRequest("InvalidCommandId", ""));
    }

    private static <T> List<T> page(ObjectNode input, ObjectNode answer, List<T> all) {
        var from = Math.min(input.path("NextToken").asInt(0), all.size());
        var to = Math.min(from + input.path("MaxResults").asInt(50), all.size());
        if (to < all.size()) answer.put("NextToken", String.valueOf(to));
        return all.subList(from, to);
    }

    JsonNode describeInstanceInformation(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "ssm:DescribeInstanceInformation", "*");
        var found = managed.all().stream()
                .filter(agent -> matches(agent, input.path("Filters"), "Key", "Values"))
                .filter(agent -> matches(agent, input.path("InstanceInformationFilterList"), "key", "valueSet"))
                .toList();
        var answer = Json.object();
        var list = answer.putArray("InstanceInformationList");
        for (var agent : page(input, answer, found)) {
            var address = ec2.instance(agent.instanceId).map(Ec2Service.InstanceView::privateIpAddress);
            list.addObject()
                    .put("InstanceId", agent.instanceId)
                    .put("PingStatus", pingStatus(agent))
                    .put("LastPingDateTime", Json.epochSeconds(account.time().now()))
                    .put("RegistrationDate", Json.epochSeconds(agent.registered))
                    .put("AgentVersion", "3.3.2746.0")
                    .put("PlatformType", "Linux")
                    .put("PlatformName", "Amazon Linux")
                    .put("PlatformVersion", "2023")
                    .put("ResourceType", "EC2Instance")
                    .put("IPAddress", address.orElse(""));
        }
        return answer;
    }

    private static String pingStatus(ManagedInstances.Agent agent) {
        return agent.online ? "Online" : "ConnectionLost";
    }

    private boolean matches(ManagedInstances.Agent agent, JsonNode filters, String keyMember, String valuesMember) {
        for (var filter : filters) {
            var key = filter.path(keyMember).asText();
            var actual = switch (key) {
                case "InstanceIds" -> agent.instanceId;
                case "PingStatus" -> pingStatus(agent);
                case "PlatformTypes" -> "Linux";
                case "ResourceType" -> "EC2Instance";
                default -> {
                    if (!key.startsWith("tag:")) {
                        throw AwsException.badRequest("InvalidFilterKey", "The filter key " + key + " is not valid");
                    }
                    yield ec2.tags(agent.instanceId).getOrDefault(key.substring("tag:".length()), "");
                }
            };
            var one = false;
            for (var value : filter.path(valuesMember)) one |= value.asText().equals(actual);
            if (!one) return false;
        }
        return true;
    }
}
