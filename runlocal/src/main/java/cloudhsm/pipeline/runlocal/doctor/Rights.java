package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.wire.XmlElement;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Whether the caller may do what CloudFormation does in the caller's name for this template, as IAM's policy simulator
 * says. Nothing is done.
 */
public final class Rights {
    private static final String TOOL = "sam-deploy";

    /** By type of resource, or the deploying tool: the actions. */
    private static final Map<String, List<String>> ACTIONS = readActions();

    /** Actions of one request; each is one result, of which a page has a thousand at most. */
    private static final int BATCH = 50;

    /** Services that are handed a role when a resource is made. */
    private static final List<String> ROLES_GO_TO =
            List.of("lambda.amazonaws.com", "states.amazonaws.com", "ec2.amazonaws.com", "events.amazonaws.com");

    private final Aws aws;
    private final Findings findings;
    private final Caller caller;
    private final String stack;

    /** @param stack by whose name resources are called in the request */
    Rights(Aws aws, Findings findings, Caller caller, String stack) {
        this.aws = aws;
        this.findings = findings;
        this.caller = caller;
        this.stack = stack;
    }

    private record Denied(String action, String decision, boolean byOrganization) {}

    /** Types of resources whose actions are known. */
    public static Set<String> knownTypes() {
        return new TreeSet<>(ACTIONS.keySet());
    }

    void check(Set<String> types) {
        var unknown = new TreeSet<>(types);
        unknown.removeAll(ACTIONS.keySet());
        if (!unknown.isEmpty()) {
            findings.noted(
                    "rights",
                    "it is not known here what CloudFormation does for " + String.join(", ", unknown) + ".",
                    "give the types a line in deployment-actions.txt");
        }
        if (caller.isRoot()) {
            findings.noted(
                    "rights",
                    "you are the account's root user, whom the simulator does not take; only the organization's"
                            + " policies bind it.",
                    "deploy as a role");
            return;
        }
        findings.look("rights", () -> {
            var principal = principal();
            if (principal.isPresent()) simulate(principal.get(), actions(types));
        });
    }

    /** The caller as IAM knows it: of a session the role, with its path. */
    private Optional<String> principal() {
        var parts = caller.arn().split("[:/]");
        if (caller.arn().contains(":user/")) return Optional.of(caller.arn());
        if (!caller.arn().contains(":assumed-role/")) {
            findings.noted(
                    "rights",
                    "the simulator takes users and roles, and " + caller.arn() + " is neither.",
                    "look with the role that deploys");
            return Optional.empty();
        }
        var role = aws.query(Api.IAM, "GetRole", Map.of("RoleName", parts[6])).child("Role");
        return role.map(found -> Xml.text(found, "Arn"));
    }

    /** The actions by the resource on which each is asked for. */
    private Map<String, Set<String>> actions(Set<String> types) {
        var all = new TreeSet<>(ACTIONS.get(TOOL));
        types.forEach(type -> all.addAll(ACTIONS.getOrDefault(type, List.of())));
        var byResource = new TreeMap<String, Set<String>>();
        for (var action : all) {
            byResource.computeIfAbsent(resource(action), any -> new TreeSet<>()).add(action);
        }
        return byResource;
    }

    private void simulate(String principal, Map<String, Set<String>> byResource) {
        var denied = new ArrayList<Denied>();
        var count = 0;
        for (var resource : byResource.entrySet()) {
            count += resource.getValue().size();
            denied.addAll(simulate(principal, resource.getKey(), resource.getValue(), Map.of()));
        }
        for (var service : ROLES_GO_TO) {
            simulate(
                            principal,
                            resource("iam:PassRole"),
                            Set.of("iam:PassRole"),
                            Map.of("iam:PassedToService", service))
                    .stream()
                    .map(each -> new Denied(each.action() + " to " + service, each.decision(), each.byOrganization()))
                    .forEach(denied::add);
        }
        var linked = simulate(
                principal,
                caller.arnOf("iam", "", "role/aws-service-role/cloudhsm.amazonaws.com/AWSServiceRoleForCloudHSM"),
                Set.of("iam:CreateServiceLinkedRole"),
                Map.of("iam:AWSServiceName", "cloudhsm.amazonaws.com"));
        // The stage has the right by its own role; the organization binds that one too.
        linked.stream()
                .filter(Denied::byOrganization)
                .map(each -> new Denied(each.action() + " for CloudHSM", each.decision(), true))
                .forEach(denied::add);
        tell(principal, denied, count);
        findings.noted(
                "rights, not seen",
                "the simulator does not see session policies, resource control policies, policies of VPC endpoints, or"
                        + " those of resources; nor what a condition asks that the request here does not name.",
                "");
    }

    private void tell(String principal, List<Denied> denied, int count) {
        var ofOrganization = denied.stream()
                .filter(Denied::byOrganization)
                .map(Denied::action)
                .toList();
        var others = denied.stream()
                .filter(each -> !each.byOrganization())
                .map(each -> each.action() + " (" + each.decision() + ")")
                .toList();
        if (!ofOrganization.isEmpty()) {
            findings.wrong(
                    "rights",
                    "a service control policy of the organization denies " + String.join(", ", ofOrganization) + ".",
                    "ask whoever administers the organization; no policy of this account can allow it");
        }
        if (!others.isEmpty()) {
            findings.wrong(
                    "rights",
                    principal + " may not do what CloudFormation does in its name for this template: "
                            + String.join(", ", others) + ".",
                    "allow these actions to it, or deploy as a role that may");
        }
        if (denied.isEmpty()) {
            findings.right(
                    "rights",
                    principal + " may do all " + count
                            + " actions that deploying this template takes, and hand roles to "
                            + String.join(", ", ROLES_GO_TO) + ".");
        }
    }

    /** Something of the stack, so that rights on names that begin with the stack's count. */
    private String resource(String action) {
        var region = aws.region();
        var service = action.substring(0, action.indexOf(':'));
        var named = stack + "-x";
        return switch (service) {
            case "cloudformation" -> caller.arnOf(service, region, "stack/" + stack + "/x");
            case "cloudwatch" ->
                action.contains("Dashboard")
                        ? caller.arnOf(service, "", "dashboard/" + named)
                        : caller.arnOf(service, region, "alarm:" + named);
            case "dynamodb" -> caller.arnOf(service, region, "table/" + named);
            case "events" -> caller.arnOf(service, region, "rule/" + named);
            case "iam" -> caller.arnOf(service, "", iamResource(action) + named);
            case "kms" ->
                action.equals("kms:CreateKey")
                        ? "*"
                        : caller.arnOf(service, region, "key/00000000-0000-4000-8000-000000000000");
            case "lambda" ->
                action.contains("EventSourceMapping")
                        ? caller.arnOf(service, region, "event-source-mapping:00000000-0000-4000-8000-000000000000")
                        : caller.arnOf(service, region, "function:" + named);
            case "logs" -> caller.arnOf(service, region, "log-group:" + named);
            // What sam deploy uploads lies in a bucket of its own.
            case "s3" ->
                "arn:" + caller.partition() + ":s3:::"
                        + (action.endsWith("Object") ? "aws-sam-cli-managed-default-samclisourcebucket-x/x" : named);
            case "sns", "sqs" -> caller.arnOf(service, region, named);
            case "ssm" -> caller.arnOf(service, region, "document/" + named);
            case "states" -> caller.arnOf(service, region, "stateMachine:" + named);
            default -> "*";
        };
    }

    private static String iamResource(String action) {
        if (action.contains("InstanceProfile")) return "instance-profile/";
        return action.matches("iam:(Create|Delete|Get)Policy(Version)?|iam:List(EntitiesForPolicy|PolicyVersions)")
                ? "policy/"
                : "role/";
    }

    private List<Denied> simulate(String principal, String resource, Set<String> actions, Map<String, String> more) {
        var denied = new ArrayList<Denied>();
        var rest = new ArrayList<>(actions);
        while (!rest.isEmpty()) {
            var batch = rest.subList(0, Math.min(BATCH, rest.size()));
            var request = new LinkedHashMap<String, String>();
            request.put("PolicySourceArn", principal);
            request.put("ResourceArns.member.1", resource);
            for (int i = 0; i < batch.size(); i++) request.put("ActionNames.member." + (i + 1), batch.get(i));
            var context = new TreeMap<>(
                    Map.of("aws:RequestedRegion", aws.region(), "aws:CalledVia", "cloudformation.amazonaws.com"));
            context.putAll(more);
            var number = 1;
            for (var entry : context.entrySet()) {
                var prefix = "ContextEntries.member." + number++ + ".";
                request.put(prefix + "ContextKeyName", entry.getKey());
                request.put(
                        prefix + "ContextKeyType", entry.getKey().equals("aws:CalledVia") ? "stringList" : "string");
                request.put(prefix + "ContextKeyValues.member.1", entry.getValue());
            }
            denied.addAll(results(request));
            batch.clear();
        }
        return denied;
    }

    private List<Denied> results(Map<String, String> request) {
        var denied = new ArrayList<Denied>();
        while (true) {
            var answer = aws.query(Api.IAM, "SimulatePrincipalPolicy", request);
            for (var result : Xml.items(answer, "EvaluationResults")) {
                var decision = Xml.text(result, "EvalDecision");
                if (!decision.equals("allowed")) {
                    denied.add(new Denied(Xml.text(result, "EvalActionName"), decision, isOrganizations(result)));
                }
            }
            if (!Xml.text(answer, "IsTruncated").equals("true")) return denied;
            request.put("Marker", Xml.text(answer, "Marker"));
        }
    }

    private static boolean isOrganizations(XmlElement result) {
        return result.child("OrganizationsDecisionDetail")
                .map(detail -> Xml.text(detail, "AllowedByOrganizations").equals("false"))
                .orElse(false);
    }

    private static Map<String, List<String>> readActions() {
        try (var table = Rights.class.getResourceAsStream("deployment-actions.txt")) {
            var actions = new TreeMap<String, List<String>>();
            new String(table.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .map(line -> List.of(line.split(" ")))
                    .forEach(words -> actions.put(words.getFirst(), words.subList(1, words.size())));
            return actions;
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
