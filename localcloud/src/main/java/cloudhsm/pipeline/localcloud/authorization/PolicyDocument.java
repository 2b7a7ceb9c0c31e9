package cloudhsm.pipeline.localcloud.authorization;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/**
 * An IAM policy document, identity-based or resource-based. Understands what the pipeline's policies use and refuses
 * the rest (NotAction, NotResource, NotPrincipal, unknown condition operators), so that nothing is granted by a rule
 * that was not read.
 *
 * @see <a href="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html">Policy
 *     evaluation logic</a>
 */
public record PolicyDocument(List<Statement> statements) {
    /** What a policy says of one request; an explicit deny wins over every allow. */
    public enum Decision {
        ALLOWED,
        DENIED,
        NOT_MENTIONED
    }

    /**
     * @param principals ARNs, account roots, service names or "*"; empty in identity-based policies
     * @param conditions operator → condition key (lower case) → accepted values
     */
    public record Statement(
            String sid,
            boolean allow,
            List<String> principals,
            List<String> actions,
            List<String> resources,
            Map<String, Map<String, List<String>>> conditions) {
        public Statement {
            principals = List.copyOf(principals);
            actions = List.copyOf(actions);
            resources = List.copyOf(resources);
            conditions = Map.copyOf(conditions);
        }

        private Statement without(String action) {
            return new Statement(
                    sid,
                    allow,
                    principals,
                    actions.stream().filter(other -> !other.equals(action)).toList(),
                    resources,
                    conditions);
        }

        /** The action of this statement that covers the request, or null if the statement does not apply. */
        String matching(Set<String> callers, String action, String resource, Map<String, String> context) {
            if (!principals.isEmpty() && principals.stream().noneMatch(p -> p.equals("*") || callers.contains(p))) {
                return null;
            }
            var matched = matchingAction(action);
            if (matched == null) return null;
            if (resources.stream().noneMatch(pattern -> matches(pattern, resource))) return null;
            return conditionsHold(context) ? matched : null;
        }

        /** Whether it speaks of the action on the resource, if its conditions hold. */
        boolean covers(String action, String resource) {
            return matchingAction(action) != null && resources.stream().anyMatch(pattern -> matches(pattern, resource));
        }

        /** Condition keys that the context gives no value. */
        Set<String> keysWithoutValue(Map<String, String> context) {
            return conditions.values().stream()
                    .flatMap(byKey -> byKey.keySet().stream())
                    .filter(key -> valueOf(key, context) == null)
                    .collect(Collectors.toSet());
        }

        /** Actions are compared without regard to case. */
        private String matchingAction(String action) {
            for (var pattern : actions) {
                if (pattern.equalsIgnoreCase(action)) return pattern;
                if (hasWildcard(pattern) && matches(pattern.toLowerCase(Locale.ROOT), action.toLowerCase(Locale.ROOT)))
                    return pattern;
            }
            return null;
        }

        private boolean conditionsHold(Map<String, String> context) {
            return conditions.entrySet().stream()
                    .allMatch(byOperator -> byOperator.getValue().entrySet().stream()
                            .allMatch(byKey ->
                                    holds(byOperator.getKey(), byKey.getValue(), valueOf(byKey.getKey(), context))));
        }

        private static String valueOf(String key, Map<String, String> context) {
            return context.entrySet().stream()
                    .filter(entry -> entry.getKey().equalsIgnoreCase(key))
                    .map(Map.Entry::getValue)
                    .findFirst()
                    .orElse(null);
        }

        private static boolean holds(String operator, List<String> accepted, String actual) {
            if (operator.equals("Null")) return accepted.contains(String.valueOf(actual == null));
            // Every key here has one value, so the set operators differ only in what an absent key means.
            if (operator.startsWith("ForAllValues:")) {
                return actual == null || holds(operator.substring("ForAllValues:".length()), accepted, actual);
            }
            if (operator.startsWith("ForAnyValue:")) {
                return actual != null && holds(operator.substring("ForAnyValue:".length()), accepted, actual);
            }
            var ifExists = operator.endsWith("IfExists");
            var plain = ifExists ? operator.substring(0, operator.length() - "IfExists".length()) : operator;
            if (actual == null) return ifExists || plain.startsWith("StringNot") || plain.startsWith("ArnNot");
            return switch (plain) {
                case "StringEquals", "ArnEquals" -> accepted.contains(actual);
                case "StringNotEquals", "ArnNotEquals" -> !accepted.contains(actual);
                case "StringEqualsIgnoreCase" -> accepted.stream().anyMatch(actual::equalsIgnoreCase);
                case "StringLike", "ArnLike" -> accepted.stream().anyMatch(pattern -> matches(pattern, actual));
                case "StringNotLike", "ArnNotLike" -> accepted.stream().noneMatch(pattern -> matches(pattern, actual));
                case "NumericEquals" -> compared(accepted, actual, order -> order == 0);
                case "NumericLessThan" -> compared(accepted, actual, order -> order < 0);
                case "NumericLessThanEquals" -> compared(accepted, actual, order -> order <= 0);
                case "NumericGreaterThan" -> compared(accepted, actual, order -> order > 0);
                case "NumericGreaterThanEquals" -> compared(accepted, actual, order -> order >= 0);
                case "Bool" -> accepted.stream().anyMatch(actual::equalsIgnoreCase);
                default -> throw new IllegalArgumentException("Condition operator " + operator + " is not understood");
            };
        }

        private static boolean compared(List<String> accepted, String actual, IntPredicate order) {
            var sent = new BigDecimal(actual);
            return accepted.stream().anyMatch(number -> order.test(sent.compareTo(new BigDecimal(number))));
        }
    }

    public PolicyDocument {
        statements = List.copyOf(statements);
    }

    /** @throws AwsException MalformedPolicyDocument where the document is not understood whole */
    public static PolicyDocument parse(JsonNode document) {
        var statements = new ArrayList<Statement>();
        for (var node : listed(document.path("Statement"))) {
            for (var field : (Iterable<String>) node::fieldNames) {
                if (!Set.of("Sid", "Effect", "Principal", "Action", "Resource", "Condition")
                        .contains(field)) {
                    throw malformed("statement element " + field + " is not understood");
                }
            }
            var effect = node.path("Effect").asText();
            if (!effect.equals("Allow") && !effect.equals("Deny")) throw malformed("Effect must be Allow or Deny");
            if (node.path("Action").isMissingNode()) throw malformed("a statement needs an Action");
            var resources = node.has("Resource") ? texts(node.get("Resource")) : List.of("*");
            statements.add(new Statement(
                    node.path("Sid").asText(""),
                    effect.equals("Allow"),
                    principals(node.path("Principal")),
                    texts(node.get("Action")),
                    resources,
                    conditions(node.path("Condition"))));
        }
        if (statements.isEmpty()) throw malformed("there is no Statement");
        return new PolicyDocument(statements);
    }

    private static AwsException malformed(String why) {
        return AwsException.badRequest("MalformedPolicyDocument", "The policy is malformed: " + why);
    }

    private static List<JsonNode> listed(JsonNode node) {
        if (node.isMissingNode()) return List.of();
        var nodes = new ArrayList<JsonNode>();
        if (node.isArray()) node.forEach(nodes::add);
        else nodes.add(node);
        return nodes;
    }

    private static List<String> texts(JsonNode node) {
        return listed(node).stream().map(JsonNode::asText).toList();
    }

    private static List<String> principals(JsonNode node) {
        if (node.isMissingNode()) return List.of();
        if (node.isTextual()) return List.of(node.asText());
        var principals = new ArrayList<String>();
        node.properties().forEach(byKind -> principals.addAll(texts(byKind.getValue())));
        return principals;
    }

    private static Map<String, Map<String, List<String>>> conditions(JsonNode node) {
        var conditions = new java.util.LinkedHashMap<String, Map<String, List<String>>>();
        node.properties().forEach(byOperator -> {
            var keys = new java.util.LinkedHashMap<String, List<String>>();
            byOperator.getValue().properties().forEach(key -> keys.put(key.getKey(), texts(key.getValue())));
            conditions.put(byOperator.getKey(), keys);
        });
        return conditions;
    }

    /**
     * What this document says of one request.
     *
     * @param callers every name the caller goes by (session ARN, role ARN, account root ARN, account id, service);
     *     ignored by identity-based statements
     * @param context condition keys and their values, for example {@code kms:ViaService}
     */
    public Decision decide(Set<String> callers, String action, String resource, Map<String, String> context) {
        var allowed = false;
        for (var statement : statements) {
            if (statement.matching(callers, action, resource, context) == null) continue;
            if (!statement.allow()) return Decision.DENIED;
            allowed = true;
        }
        return allowed ? Decision.ALLOWED : Decision.NOT_MENTIONED;
    }

    /** This document with one action taken out of the statement of that id; other statements keep it. */
    public PolicyDocument without(String sid, String action) {
        return new PolicyDocument(statements.stream()
                .map(statement -> statement.sid().equals(sid) ? statement.without(action) : statement)
                .toList());
    }

    /** IAM's wildcards: "*" for any run of characters, "?" for one. */
    static boolean matches(String pattern, String value) {
        if (pattern.equals("*") || pattern.equals(value)) return true;
        if (!hasWildcard(pattern)) return false;
        int p = 0;
        int v = 0;
        int star = -1; // the last "*" seen, which takes one more character wherever the rest does not fit
        int afterStar = 0;
        while (v < value.length()) {
            if (p < pattern.length() && pattern.charAt(p) == '*') {
                star = p++;
                afterStar = v;
            } else if (p < pattern.length() && (pattern.charAt(p) == '?' || pattern.charAt(p) == value.charAt(v))) {
                p++;
                v++;
            } else if (star >= 0) {
                p = star + 1;
                v = ++afterStar;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') p++;
        return p == pattern.length();
    }

    private static boolean hasWildcard(String pattern) {
        return pattern.indexOf('*') >= 0 || pattern.indexOf('?') >= 0;
    }
}
