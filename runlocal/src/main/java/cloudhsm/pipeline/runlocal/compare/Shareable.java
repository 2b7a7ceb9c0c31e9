package cloudhsm.pipeline.runlocal.compare;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A copy of an evidence that a person may pass on: of the same structure, with its times, numbers, states, codes, zones and
 * what AWS has answered to open questions. Every other text is replaced, the same one by the same replacement; what of it
 * stands within an answer is replaced there as well, and so is what looks like an id, an address or a certificate.
 */
public final class Shareable {
    /** What is replaced wherever it stands, by the kind that its replacement is named after; the longest forms first. */
    private static final Map<String, Pattern> KINDS = kinds();

    /** A replacement, as it stands in an evidence that was made shareable before. */
    private static final Pattern REPLACED = Pattern.compile("\\b([a-z]+)-[1-9][0-9]{0,4}\\b");

    /** Times and durations, zones and Regions, HSM types, names of the HSM's certificates, and words in capitals: states, verdicts and codes. */
    private static final Pattern KEPT = Pattern.compile("|\\d{4}-\\d{2}-\\d{2}T[0-9:.]+Z"
            + "|P(\\d+[YMWD])*(T(\\d+[HM])*([0-9.]+S)?)?"
            + "|[a-z]{2}(-[a-z]+){1,2}-\\d[a-z]?"
            + "|hsm[12]m?\\.medium"
            + "|[A-Z][A-Za-z]+Certificate"
            + "|[A-Z][A-Z0-9]*(_[A-Z0-9]+)*");

    /** Members whose text says what a stage or AWS did; ids in it are replaced, and names that stand elsewhere. */
    private static final Set<String> ANSWERS = Set.of("stage", "errors", "question", "answer");

    /** Members whose text somebody has chosen, in capitals perhaps. */
    private static final Set<String> CHOSEN =
            Set.of("deployment", "bucket", "keyStoreName", "keyAlias", "keyDescription", "subject", "issuer", "reason");

    private final Map<String, String> replacements = new HashMap<>();
    private final Map<String, Integer> counts = new HashMap<>();

    private Shareable() {}

    private static Map<String, Pattern> kinds() {
        var kinds = new LinkedHashMap<String, Pattern>();
        kinds.put("pem", Pattern.compile("-----BEGIN [A-Z ]+-----[\\s\\S]*?(-----END [A-Z ]+-----|$)"));
        kinds.put(
                "subject",
                Pattern.compile(
                        "\\b(CN|OU|O|L|ST|C|SERIALNUMBER)=(\"[^\"]*\"|[^,+\"]+)([,+]\\s*[A-Z0-9.]+=(\"[^\"]*\"|[^,+\";]+))*"));
        kinds.put("arn", Pattern.compile("\\barn:aws[a-z-]*:[^\\s\",;'()]+"));
        kinds.put("mail", Pattern.compile("[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}"));
        kinds.put("bucket", Pattern.compile("\\bs3://[^\\s\",;'()]+"));
        kinds.put(
                "ip", Pattern.compile("\\b\\d{1,3}(\\.\\d{1,3}){3}\\b|\\b[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}\\b"));
        kinds.put(
                "key",
                Pattern.compile(
                        "\\b(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\\b"));
        kinds.put("serial", Pattern.compile("\\b([0-9A-Fa-f]{2}:){4,}[0-9A-Fa-f]{2}\\b|\\b[0-9A-Fa-f]{16,}\\b"));
        for (var id : List.of("cluster", "hsm", "backup", "cks", "eni", "subnet", "vpc", "sg", "ami", "vol", "i")) {
            kinds.put(id, Pattern.compile("\\b" + id + "-[0-9a-z]{8,}\\b"));
        }
        kinds.put("account", Pattern.compile("\\b\\d{12}\\b"));
        return kinds;
    }

    /** The copy. */
    public static JsonNode of(JsonNode evidence) {
        var shareable = new Shareable();
        shareable.collect(evidence, "");
        return shareable.copy(evidence, "");
    }

    /** An answer with each id and address in it replaced by its kind: what is left can be compared with another run's. */
    static String withoutIds(String answer) {
        var text = answer;
        for (var kind : KINDS.entrySet()) text = kind.getValue().matcher(text).replaceAll("<" + kind.getKey() + ">");
        return REPLACED.matcher(text).replaceAll("<$1>");
    }

    /** Every text that is replaced as a whole gets its replacement first, so that it is found within answers as well. */
    private void collect(JsonNode node, String member) {
        if (node.isObject()) node.properties().forEach(inner -> collect(inner.getValue(), inner.getKey()));
        else if (node.isArray()) node.forEach(item -> collect(item, member));
        else if (node.isTextual() && isReplaced(node.asText(), member)) replacement(node.asText());
    }

    private static boolean isReplaced(String text, String member) {
        if (text.isEmpty() || ANSWERS.contains(member)) return false;
        return CHOSEN.contains(member) || !KEPT.matcher(text).matches();
    }

    private String replacement(String original) {
        var known = replacements.get(original);
        if (known != null) return known;
        var kind = KINDS.entrySet().stream()
                .filter(candidate -> candidate.getValue().matcher(original).matches())
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse("text");
        var replacement = kind + "-" + counts.merge(kind, 1, Integer::sum);
        replacements.put(original, replacement);
        return replacement;
    }

    private JsonNode copy(JsonNode node, String member) {
        if (node.isObject()) {
            var copy = Json.object();
            node.properties()
                    .forEach(inner -> copy.set(withoutIdsOf(inner.getKey()), copy(inner.getValue(), inner.getKey())));
            return copy;
        }
        if (node.isArray()) {
            var copy = Json.array();
            node.forEach(item -> copy.add(copy(item, member)));
            return copy;
        }
        if (node.isTextual()) {
            var text = node.asText();
            var whole = isReplaced(text, member) || !ANSWERS.contains(member) && replacements.containsKey(text);
            return JsonNodeFactory.instance.textNode(whole ? replacement(text) : withinAnswer(text, member));
        }
        // No figure of an evidence has as many digits as an account id or a serial number.
        return node.isIntegralNumber() && node.asText().length() >= 12
                ? JsonNodeFactory.instance.textNode(replacement(node.asText()))
                : node;
    }

    private String withinAnswer(String text, String member) {
        return ANSWERS.contains(member) && !member.equals("stage") && !member.equals("question")
                ? withoutOriginals(text)
                : text;
    }

    private String withoutIdsOf(String text) {
        var result = text;
        for (var kind : KINDS.values()) {
            result = kind.matcher(result).replaceAll(found -> Matcher.quoteReplacement(replacement(found.group())));
        }
        return result;
    }

    private String withoutOriginals(String text) {
        var result = withoutIdsOf(text);
        var longestFirst = replacements.keySet().stream()
                .sorted(Comparator.comparingInt((String original) -> -original.length())
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
        for (var original : longestFirst) {
            result = result.replaceAll(
                    "(?<![A-Za-z0-9])" + Pattern.quote(original) + "(?![A-Za-z0-9])", replacements.get(original));
        }
        return result;
    }
}
