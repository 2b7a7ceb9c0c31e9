package cloudhsm.pipeline.localcloud.iam;

import static cloudhsm.pipeline.localcloud.wire.QueryProtocol.element;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.QueryProtocol;
import cloudhsm.pipeline.localcloud.wire.Service;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** AWS IAM: roles with their policies, and users. All policies of a role are shown as inline ones. */
public final class IamService implements Service {
    private static final QueryProtocol PROTOCOL = new QueryProtocol("https://iam.amazonaws.com/doc/2010-05-08/");

    /** When everything here was created: IAM keeps no clock of its own. */
    private static final String CREATED = "2026-01-01T00:00:00Z";

    private final Account account;

    public IamService(Account account) {
        this.account = account;
    }

    @Override
    public String signingName() {
        return "iam";
    }

    @Override
    public Set<String> operations() {
        return Set.of(
                "GetRole",
                "ListRoles",
                "CreateRole",
                "DeleteRole",
                "ListRolePolicies",
                "ListAttachedRolePolicies",
                "GetRolePolicy",
                "PutRolePolicy",
                "GetUser",
                "CreateUser",
                "SimulatePrincipalPolicy");
    }

    @Override
    public String operation(AwsRequest request) {
        return PROTOCOL.operation(request);
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        return AwsException.badRequest("ValidationError", Violation.message(violations));
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        return PROTOCOL.errorOfAccessDenied(error, request);
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode typedInput, AwsRequest request) {
        var input = QueryProtocol.parameters(request);
        var answer = switch (operation) {
            case "GetRole" -> "<Role>" + described(role(input, request, operation)) + "</Role>";
            case "ListRoles" -> listRoles(request);
            case "CreateRole" -> createRole(input, request);
            case "DeleteRole" -> deleteRole(input, request);
            case "ListRolePolicies" -> listRolePolicies(role(input, request, operation));
            case "ListAttachedRolePolicies" -> {
                role(input, request, operation);
                yield "<AttachedPolicies/>" + element("IsTruncated", "false");
            }
            case "GetRolePolicy" -> getRolePolicy(input, role(input, request, operation));
            case "PutRolePolicy" -> putRolePolicy(input, role(input, request, operation));
            case "GetUser" -> getUser(input, request);
            case "CreateUser" -> createUser(input, request);
            case "SimulatePrincipalPolicy" -> new PolicySimulation(account.iam()).answer(input, request);
            default -> throw QueryProtocol.unknown("iam", operation);
        };
        return PROTOCOL.answer(operation, answer, request);
    }

    private static String required(Map<String, String> input, String name) {
        var value = input.get(name);
        if (value != null) return value;
        throw AwsException.badRequest(
                "ValidationError",
                "1 validation error detected: Value null at '" + name + "' failed to satisfy constraint: Member must"
                        + " not be null");
    }

    private static String roleArn(String name) {
        return "arn:aws:iam::" + Iam.ACCOUNT + ":role/" + name;
    }

    private static String userArn(String name) {
        return "arn:aws:iam::" + Iam.ACCOUNT + ":user/" + name;
    }

    private Role role(Map<String, String> input, AwsRequest request, String action) {
        var name = required(input, "RoleName");
        account.iam().authorize(request.caller(), "iam:" + action, roleArn(name));
        return account.iam()
                .role(name)
                .orElseThrow(() ->
                        new AwsException("NoSuchEntity", 404, "The role with name " + name + " cannot be found."));
    }

    private static String described(Role role) {
        return element("Path", "/")
                + element("RoleName", role.name())
                + element("RoleId", role.id())
                + element("Arn", role.arn())
                + element("CreateDate", CREATED)
                + element("AssumeRolePolicyDocument", encoded(role.trust()))
                + element("MaxSessionDuration", "3600");
    }

    /** Documents travel percent-encoded [API:iam:GetRole]. */
    private static String encoded(PolicyDocument document) {
        return URLEncoder.encode(Json.text(json(document)), StandardCharsets.UTF_8)
                .replace("+", "%20");
    }

    private static ObjectNode json(PolicyDocument document) {
        var json = Json.object().put("Version", "2012-10-17");
        var statements = json.putArray("Statement");
        for (var statement : document.statements()) {
            var node = statements.addObject();
            if (!statement.sid().isEmpty()) node.put("Sid", statement.sid());
            node.put("Effect", statement.allow() ? "Allow" : "Deny");
            if (!statement.principals().isEmpty()) {
                var principal = node.putObject("Principal");
                statement
                        .principals()
                        .forEach(name -> principal
                                .withArrayProperty(name.endsWith(".amazonaws.com") ? "Service" : "AWS")
                                .add(name));
            } else {
                node.set("Resource", Json.MAPPER.valueToTree(statement.resources()));
            }
            node.set("Action", Json.MAPPER.valueToTree(statement.actions()));
            if (!statement.conditions().isEmpty()) {
                node.set("Condition", Json.MAPPER.valueToTree(statement.conditions()));
            }
        }
        return json;
    }

    private String listRoles(AwsRequest request) {
        account.iam().authorize(request.caller(), "iam:ListRoles", roleArn("*"));
        var members = new StringBuilder();
        account.iam()
                .roles()
                .forEach(role ->
                        members.append("<member>").append(described(role)).append("</member>"));
        return "<Roles>" + members + "</Roles>" + element("IsTruncated", "false");
    }

    private String createRole(Map<String, String> input, AwsRequest request) {
        var name = required(input, "RoleName");
        account.iam().authorize(request.caller(), "iam:CreateRole", roleArn(name));
        if (!name.matches("[\\w+=,.@-]{1,64}")) {
            throw AwsException.badRequest(
                    "ValidationError",
                    "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or"
                            + " the following: +=,.@_-");
        }
        var trust = document(input, "AssumeRolePolicyDocument");
        return "<Role>" + described(account.iam().createRole(name, trust)) + "</Role>";
    }

    private String deleteRole(Map<String, String> input, AwsRequest request) {
        var role = role(input, request, "DeleteRole");
        if (!role.policies().isEmpty()) {
            throw new AwsException("DeleteConflict", 409, "Cannot delete entity, must delete policies first.");
        }
        account.iam().deleteRole(role.name());
        return "";
    }

    private static String listRolePolicies(Role role) {
        var members = new StringBuilder();
        role.policies().keySet().forEach(name -> members.append(element("member", name)));
        return "<PolicyNames>" + members + "</PolicyNames>" + element("IsTruncated", "false");
    }

    private static String getRolePolicy(Map<String, String> input, Role role) {
        var name = required(input, "PolicyName");
        var document = role.policies().get(name);
        if (document == null) {
            throw new AwsException("NoSuchEntity", 404, "The role policy with name " + name + " cannot be found.");
        }
        return element("RoleName", role.name())
                + element("PolicyName", name)
                + element("PolicyDocument", encoded(document));
    }

    private static PolicyDocument document(Map<String, String> input, String parameter) {
        try {
            return PolicyDocument.parse(Json.parse(required(input, parameter)));
        } catch (AwsException malformed) {
            throw AwsException.badRequest("MalformedPolicyDocument", malformed.getMessage());
        }
    }

    private static String putRolePolicy(Map<String, String> input, Role role) {
        var document = document(input, "PolicyDocument");
        role.policies().put(required(input, "PolicyName"), document);
        return "";
    }

    private static String user(String name, String arn) {
        return "<User>" + element("Path", "/") + element("UserName", name)
                + element("UserId", Iam.uniqueId("AIDA", name)) + element("Arn", arn) + element("CreateDate", CREATED)
                + "</User>";
    }

    private String getUser(Map<String, String> input, AwsRequest request) {
        var name = input.getOrDefault("UserName", "administrator");
        account.iam().authorize(request.caller(), "iam:GetUser", userArn(name));
        var arn = account.iam().users().get(name);
        if (arn == null) {
            throw new AwsException("NoSuchEntity", 404, "The user with name " + name + " cannot be found.");
        }
        return user(name, arn);
    }

    private String createUser(Map<String, String> input, AwsRequest request) {
        var name = required(input, "UserName");
        account.iam().authorize(request.caller(), "iam:CreateUser", userArn(name));
        if (account.iam().users().putIfAbsent(name, userArn(name)) != null) {
            throw new AwsException("EntityAlreadyExists", 409, "User with name " + name + " already exists.");
        }
        return user(name, userArn(name));
    }
}
