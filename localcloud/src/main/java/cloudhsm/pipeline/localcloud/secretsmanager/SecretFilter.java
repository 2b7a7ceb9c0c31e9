package cloudhsm.pipeline.localcloud.secretsmanager;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A filter of ListSecrets: admits a secret if any value does. Values are prefixes, and match names with case, the rest
 * without; a leading "!" admits the others.
 *
 * @see <a href="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html">Filter</a>
 */
record SecretFilter(String key, List<String> values) {
    SecretFilter {
        values = List.copyOf(values);
    }

    /** @throws AwsException InvalidParameterException for a filter that the embedded AWS does not know */
    static SecretFilter parse(JsonNode filter) {
        var key = filter.path("Key").asText();
        if (!List.of("name", "description", "tag-key", "tag-value").contains(key)) {
            throw AwsException.badRequest(
                    "InvalidParameterException", "The embedded Secrets Manager does not filter by '" + key + "'.");
        }
        var values = new ArrayList<String>();
        filter.path("Values").forEach(value -> values.add(value.asText()));
        if (values.isEmpty()) {
            throw AwsException.badRequest("InvalidParameterException", "Filter " + key + " needs at least one value.");
        }
        return new SecretFilter(key, values);
    }

    boolean admits(Secret secret) {
        return values.stream()
                .anyMatch(
                        value -> value.startsWith("!") ? !matches(secret, value.substring(1)) : matches(secret, value));
    }

    private boolean matches(Secret secret, String prefix) {
        return switch (key) {
            case "name" -> secret.name().startsWith(prefix);
            case "description" -> startsWith(secret.description(), prefix);
            case "tag-key" -> secret.tags().keySet().stream().anyMatch(tag -> tag.startsWith(prefix));
            default -> secret.tags().values().stream().anyMatch(value -> value.startsWith(prefix));
        };
    }

    private static boolean startsWith(String text, String prefix) {
        return text.toLowerCase(Locale.ROOT).startsWith(prefix.toLowerCase(Locale.ROOT));
    }
}
