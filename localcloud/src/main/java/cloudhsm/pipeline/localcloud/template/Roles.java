package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** The roles of a stack: its own, and those that SAM makes for functions and state machines. */
final class Roles {
    private final Iam iam;
    private final Names names;
    private final ManagedPolicies managed = new ManagedPolicies();

    Roles(Iam iam, Names names) {
        this.iam = iam;
        this.names = names;
    }

    ManagedPolicies managed() {
        return managed;
    }

    /** AWS::IAM::Role. */
    Role create(String logicalId, Properties properties) {
        properties.withoutEffect("Description", "MaxSessionDuration", "Tags");
        if (!properties.text("Path").orElse("/").equals("/")) throw properties.invalid("Path can only be / here");
        var role = iam.createRole(
                properties.text("RoleName").orElseGet(() -> names.physical(logicalId, 64)),
                document(properties, properties.requiredNode("AssumeRolePolicyDocument")));
        for (var policy : properties.node("Policies")) {
            role.policies()
                    .put(policy.path("PolicyName").asText(), document(properties, policy.path("PolicyDocument")));
        }
        for (var arn : properties.node("ManagedPolicyArns")) attach(role, properties, arn.asText());
        return role;
    }

    static PolicyDocument document(Properties properties, JsonNode document) {
        try {
            return PolicyDocument.parse(document);
        } catch (AwsException malformed) {
            throw properties.invalid(malformed.getMessage());
        }
    }

    private void attach(Role role, Properties properties, String nameOrArn) {
        var document = managed.find(nameOrArn)
                .orElseThrow(() -> properties.invalid("the managed policy " + nameOrArn + " is not known here"));
        role.policies().put(nameOrArn.substring(nameOrArn.lastIndexOf('/') + 1), document);
    }

    /**
     * The role of a function or state machine: the one named by Role, or a new one with Policies, as SAM makes it.
     *
     * @param service for example {@code lambda.amazonaws.com}
     * @param always names of managed policies that SAM adds
     */
    Role execution(String logicalId, Properties properties, String service, List<String> always) {
        var policies = properties.node("Policies");
        var given = properties.text("Role");
        if (given.isPresent()) {
            if (!policies.isMissingNode()) throw properties.invalid("SAM ignores Policies where Role is given");
            var name = given.get().substring(given.get().lastIndexOf('/') + 1);
            return iam.role(name).orElseThrow(() -> properties.invalid("the role " + given.get() + " is missing"));
        }
        var roleId = logicalId + "Role";
        var role = iam.createRole(names.physical(roleId, 64), trust(service));
        always.forEach(name -> attach(role, properties, name));
        var number = 0;
        for (var policy : policies.isArray() ? policies : Json.array().add(policies)) {
            if (policy.isMissingNode() || policy.isNull()) continue;
            if (policy.isTextual()) {
                attach(role, properties, policy.asText());
            } else if (policy.has("Statement")) {
                role.policies().put(roleId + "Policy" + number, document(properties, policy));
            } else {
                throw properties.invalid("the SAM policy template " + policy
                        + " is not supported; write its statements under Statement");
            }
            number++;
        }
        return role;
    }

    /** A role for one purpose, such as an event rule's that starts an execution. */
    Role forService(String logicalId, String service, String action, String resource) {
        var role = iam.createRole(names.physical(logicalId, 64), trust(service));
        var statement =
                Json.object().put("Effect", "Allow").put("Action", action).put("Resource", resource);
        role.policies()
                .put(logicalId + "Policy", PolicyDocument.parse(Json.object().set("Statement", statement)));
        return role;
    }

    private static PolicyDocument trust(String service) {
        var statement = Json.object().put("Effect", "Allow").put("Action", "sts:AssumeRole");
        statement.set("Principal", Json.object().put("Service", service));
        return PolicyDocument.parse((ObjectNode) Json.object().set("Statement", statement));
    }
}
