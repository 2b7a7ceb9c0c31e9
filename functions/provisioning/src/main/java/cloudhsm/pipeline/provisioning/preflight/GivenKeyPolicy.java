package cloudhsm.pipeline.provisioning.preflight;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What is looked for in a key policy that the input brings, before a key is made that stands open. */
final class GivenKeyPolicy {
    /** Condition keys that say whose request it is, or from which network it comes; not what the request is for. */
    private static final Set<String> NARROWING = Set.of(
            "kms:calleraccount",
            "aws:principalaccount",
            "aws:principalarn",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:sourceaccount",
            "aws:sourcearn",
            "aws:sourceorgid",
            "aws:sourcevpc",
            "aws:sourcevpce");

    /** Those that an absent key fails; a ForAllValues or IfExists lets pass whoever does not send it. */
    private static final Set<String> OPERATORS = Set.of(
            "stringequals",
            "stringequalsignorecase",
            "stringlike",
            "arnequals",
            "arnlike",
            "foranyvalue:stringequals",
            "foranyvalue:stringlike");

    private static final int ACCOUNT_OF_ARN = 4;

    private GivenKeyPolicy() {}

    /** What allows something to everybody without a condition that says to whom, as a person finds it in the policy. */
    static List<String> statementsForEverybody(JsonNode policy) {
        var open = new ArrayList<String>();
        var statements = listed(policy.path("Statement"));
        for (int i = 0; i < statements.size(); i++) {
            var statement = statements.get(i);
            if (!statement.path("Effect").asText().equals("Allow")) continue;
            if (!isForEverybody(statement) || isNarrowed(statement)) continue;
            open.add(
                    statement.has("Sid")
                            ? "the statement \"" + statement.path("Sid").asText() + "\""
                            : "statement " + (i + 1));
        }
        return open;
    }

    /** An Allow for all but somebody is one for everybody, too. */
    private static boolean isForEverybody(JsonNode statement) {
        if (statement.has("NotPrincipal")) return true;
        var principal = statement.path("Principal");
        if (!principal.isObject()) return names(principal);
        return principal.properties().stream().anyMatch(kind -> names(kind.getValue()));
    }

    private static boolean names(JsonNode principals) {
        return listed(principals).stream().anyMatch(name -> name.asText().equals("*"));
    }

    private static boolean isNarrowed(JsonNode statement) {
        return statement.path("Condition").properties().stream()
                .filter(operator -> OPERATORS.contains(operator.getKey().toLowerCase(Locale.ROOT)))
                .flatMap(operator -> operator.getValue().properties().stream())
                .filter(key -> NARROWING.contains(key.getKey().toLowerCase(Locale.ROOT)))
                .anyMatch(key -> listed(key.getValue()).stream().allMatch(GivenKeyPolicy::isOneOfSomebody));
    }

    /** Whether the value is more than wildcards; an ARN must name its account. */
    private static boolean isOneOfSomebody(JsonNode value) {
        var text = value.asText();
        var arn = text.split(":", ACCOUNT_OF_ARN + 2);
        var telling = arn.length > ACCOUNT_OF_ARN && arn[0].equals("arn") ? arn[ACCOUNT_OF_ARN] : text;
        return !telling.isEmpty() && !telling.startsWith("*") && !telling.startsWith("?");
    }

    private static List<JsonNode> listed(JsonNode node) {
        var nodes = new ArrayList<JsonNode>();
        if (node.isArray()) node.forEach(nodes::add);
        else if (!node.isMissingNode()) nodes.add(node);
        return nodes;
    }
}
