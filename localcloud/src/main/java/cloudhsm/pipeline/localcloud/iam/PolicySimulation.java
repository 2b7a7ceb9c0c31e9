package cloudhsm.pipeline.localcloud.iam;

import static cloudhsm.pipeline.localcloud.wire.QueryProtocol.element;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * SimulatePrincipalPolicy: what a user's or a role's policies and the organization's say of actions that nobody performs.
 *
 * @see <a href="https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html">
 *     SimulatePrincipalPolicy</a>
 */
final class PolicySimulation {
    private static final int DEFAULT_PAGE = 100;
    private static final String PAGE = "page-";

    /** What would change the decision and is not understood here. */
    private static final List<String> NOT_UNDERSTOOD = List.of(
            "PolicyInputList",
            "PermissionsBoundaryPolicyInputList",
            "ResourcePolicy",
            "ResourceOwner",
            "CallerArn",
            "ResourceHandlingOption");

    private final Iam iam;

    PolicySimulation(Iam iam) {
        this.iam = iam;
    }

    String answer(Map<String, String> input, AwsRequest request) {
        var source = input.getOrDefault("PolicySourceArn", "");
        iam.authorize(request.caller(), "iam:SimulatePrincipalPolicy", source);
        for (var name : NOT_UNDERSTOOD) {
            if (input.keySet().stream().anyMatch(given -> given.equals(name) || given.startsWith(name + "."))) {
                throw invalid("The embedded AWS does not understand SimulatePrincipalPolicy's " + name);
            }
        }
        var role = principal(source);
        var resources = members(input, "ResourceArns");
        if (resources.isEmpty()) resources = List.of("*");
        var context = context(input);
        var results = new ArrayList<String>();
        for (var action : members(input, "ActionNames")) {
            if (!action.matches("[A-Za-z0-9-]+:[A-Za-z0-9]+")) throw invalid("Invalid Action name: " + action);
            for (var resource : resources) {
                results.add(result(action, resource, iam.simulate(role, action, resource, context)));
            }
        }
        var from = Optional.ofNullable(input.get("Marker"))
                .map(PolicySimulation::index)
                .orElse(0);
        var size = Integer.parseInt(input.getOrDefault("MaxItems", String.valueOf(DEFAULT_PAGE)));
        var to = Math.min(results.size(), from + size);
        var more = to < results.size();
        return "<EvaluationResults>" + String.join("", results.subList(Math.min(from, to), to)) + "</EvaluationResults>"
                + element("IsTruncated", String.valueOf(more)) + (more ? element("Marker", PAGE + to) : "");
    }

    /** Empty for the administrator. Sessions are no principals here, as STS names them. */
    private Optional<Role> principal(String arn) {
        var parts = arn.split(":", 6);
        if (parts.length < 6 || !parts[2].equals("iam") || !parts[5].matches("(user|role|group)/.+")) {
            throw invalid("Invalid Entity Arn: " + arn + " does not clearly define entity type and name.");
        }
        if (arn.equals(iam.administrator().arn())) return Optional.empty();
        var role = iam.role(arn.substring(arn.lastIndexOf('/') + 1))
                .filter(known -> known.arn().equals(arn));
        if (role.isPresent()) return role;
        throw new AwsException(
                "NoSuchEntity",
                404,
                arn + " is no role of this account; other users than the administrator have no"
                        + " policies in the embedded AWS.");
    }

    private static List<String> members(Map<String, String> input, String name) {
        var members = new ArrayList<String>();
        for (int i = 1; input.containsKey(name + ".member." + i); i++) members.add(input.get(name + ".member." + i));
        return members;
    }

    /** Of keys with several values the first: every key that a policy here asks for has one. */
    private static Map<String, String> context(Map<String, String> input) {
        var context = new LinkedHashMap<String, String>();
        for (int i = 1; input.containsKey("ContextEntries.member." + i + ".ContextKeyName"); i++) {
            var entry = "ContextEntries.member." + i + ".";
            var values = members(input, entry + "ContextKeyValues");
            if (values.size() > 1) throw invalid("The embedded AWS understands one value of a context key");
            if (!values.isEmpty()) context.put(input.get(entry + "ContextKeyName"), values.getFirst());
        }
        return context;
    }

    private static String result(String action, String resource, Iam.Simulation simulation) {
        var matched = new StringBuilder();
        simulation
                .matched()
                .forEach(policy -> matched.append("<member>")
                        .append(element("SourcePolicyId", policy))
                        .append("</member>"));
        var missing = new StringBuilder();
        simulation.missing().forEach(key -> missing.append(element("member", key)));
        var decision = switch (simulation.decision()) {
            case ALLOWED -> "allowed";
            case DENIED -> "explicitDeny";
            case NOT_MENTIONED -> "implicitDeny";
        };
        return "<member>" + element("EvalActionName", action) + element("EvalResourceName", resource)
                + element("EvalDecision", decision) + "<MatchedStatements>" + matched + "</MatchedStatements>"
                + "<MissingContextValues>" + missing + "</MissingContextValues>"
                + simulation
                        .organization()
                        .map(allows -> "<OrganizationsDecisionDetail>"
                                + element("AllowedByOrganizations", String.valueOf(allows))
                                + "</OrganizationsDecisionDetail>")
                        .orElse("")
                + "</member>";
    }

    private static int index(String marker) {
        if (marker.matches(PAGE + "\\d{1,6}")) return Integer.parseInt(marker.substring(PAGE.length()));
        throw invalid("Invalid Marker.");
    }

    private static AwsException invalid(String message) {
        return AwsException.badRequest("InvalidInput", message);
    }
}
