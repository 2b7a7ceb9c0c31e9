package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** The constraints that CloudHSM's API model puts on its input [BC-hsm]. */
final class Input {
    static final Pattern CLUSTER_ID = Pattern.compile("cluster-[2-7a-zA-Z]{11,16}");
    static final Pattern HSM_ID = Pattern.compile("hsm-[2-7a-zA-Z]{11,16}");
    static final Pattern BACKUP_ID = Pattern.compile("backup-[2-7a-zA-Z]{11,16}");
    static final Pattern BACKUP_ARN = Pattern.compile("(arn:aws:cloudhsm:[a-z0-9-]+:[0-9]{12}:backup/)?" + BACKUP_ID);
    static final Pattern RESOURCE_ID = Pattern.compile("(?:cluster|backup)-[2-7a-zA-Z]{11,16}");
    static final Pattern ENI_ID = Pattern.compile("eni-[0-9a-fA-F]{8,17}");
    static final Pattern SUBNET_ID = Pattern.compile("subnet-[0-9a-fA-F]{8,17}");
    static final Pattern IP_ADDRESS = Pattern.compile("\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
    static final Pattern AVAILABILITY_ZONE =
            Pattern.compile("[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\\d[a-z]");
    static final Pattern HSM_TYPE = Pattern.compile("(?=.{1,32}$)((p|)hsm[0-9][a-z.]*\\.[a-zA-Z]+)");

    /** Letters, digits, white space and {@code + , - . / =}: no text around the PEM blocks. */
    static final Pattern CERT = Pattern.compile("[a-zA-Z0-9+-/=\\s]{0,20000}");

    private static final Pattern TAG_KEY = Pattern.compile("[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{1,128}");
    private static final Pattern TAG_VALUE = Pattern.compile("[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{0,256}");
    private static final int MOST_TAGS = 50;

    private Input() {}

    static AwsException invalid(String message) {
        return AwsException.badRequest("CloudHsmInvalidRequestException", message);
    }

    static AwsException notFound(String message) {
        return AwsException.badRequest("CloudHsmResourceNotFoundException", message);
    }

    static String required(JsonNode input, String member, Pattern pattern) {
        return optional(input, member, pattern).orElseThrow(() -> violation("null", member, "Member must not be null"));
    }

    static Optional<String> optional(JsonNode input, String member, Pattern pattern) {
        var value = input.get(member);
        if (value == null || value.isNull()) return Optional.empty();
        if (!pattern.matcher(value.asText()).matches()) {
            // Certificates are long; the beginning tells which value was meant.
            var shown = value.asText().substring(0, Math.min(64, value.asText().length()));
            throw violation(shown, member, "Member must satisfy regular expression pattern: " + pattern);
        }
        return Optional.of(value.asText());
    }

    static String oneOf(JsonNode input, String member, String absent, List<String> allowed) {
        var value = input.path(member).asText(absent);
        if (!allowed.contains(value)) {
            throw violation(value, member, "Member must satisfy enum value set: " + allowed);
        }
        return value;
    }

    static int maxResults(JsonNode input, int most) {
        var value = input.path("MaxResults").asInt(most);
        if (value < 1 || value > most) {
            throw violation(String.valueOf(value), "MaxResults", "Member must be between 1 and " + most);
        }
        return value;
    }

    static List<String> subnetIds(JsonNode input) {
        var node = input.get("SubnetIds");
        if (node == null || node.isNull()) throw violation("null", "SubnetIds", "Member must not be null");
        if (node.isEmpty() || node.size() > 10) {
            throw violation(node.toString(), "SubnetIds", "Member must have length between 1 and 10");
        }
        var ids = new ArrayList<String>();
        for (var id : node) {
            if (!SUBNET_ID.matcher(id.asText()).matches()) {
                throw violation(
                        id.asText(),
                        "SubnetIds",
                        "Member must satisfy constraint: [Member must satisfy regular expression pattern: " + SUBNET_ID
                                + "]");
            }
            ids.add(id.asText());
        }
        return ids;
    }

    /** Days; the API carries the number as a string. */
    static Optional<Integer> backupRetentionDays(JsonNode input) {
        var policy = input.get("BackupRetentionPolicy");
        if (policy == null || policy.isNull()) return Optional.empty();
        oneOf(policy, "Type", "", List.of("DAYS"));
        var value = policy.path("Value");
        if (!value.isTextual() || !value.asText().matches("[0-9]{1,3}")) {
            throw violation(
                    value.asText(),
                    "BackupRetentionPolicy.Value",
                    "Member must satisfy regular expression pattern: [0-9]+");
        }
        var days = Integer.parseInt(value.asText());
        if (days < 7 || days > 379) {
            throw invalid("The backup retention must be between 7 and 379 days, not " + days);
        }
        return Optional.of(days);
    }

    static Map<String, String> tags(JsonNode input) {
        var tags = new LinkedHashMap<String, String>();
        var list = input.path("TagList");
        if (list.isArray() && (list.isEmpty() || list.size() > MOST_TAGS)) {
            throw violation("TagList", "TagList", "Member must have length between 1 and " + MOST_TAGS);
        }
        for (var tag : list) {
            var key = required(tag, "Key", TAG_KEY);
            if (key.startsWith("aws:")) {
                throw AwsException.badRequest("CloudHsmTagException", "Tag keys starting with aws: are reserved");
            }
            tags.put(key, required(tag, "Value", TAG_VALUE));
        }
        return tags;
    }

    /** Filter values by filter name. */
    static Map<String, List<String>> filters(JsonNode input, List<String> known) {
        var filters = new LinkedHashMap<String, List<String>>();
        input.path("Filters").properties().forEach(filter -> {
            if (!known.contains(filter.getKey())) {
                throw invalid("Unknown filter " + filter.getKey() + "; valid filters are " + known);
            }
            var values = new ArrayList<String>();
            filter.getValue().forEach(value -> values.add(value.asText()));
            filters.put(filter.getKey(), values);
        });
        return filters;
    }

    /** Where the page begins that the caller asks for. */
    static int firstOfPage(JsonNode input) {
        var token = input.path("NextToken").asText("");
        if (token.isEmpty()) return 0;
        if (!token.matches("page-from-[0-9]{1,6}")) throw invalid("The next token is not valid");
        return Integer.parseInt(token.substring("page-from-".length()));
    }

    static String nextToken(int firstOfNextPage) {
        return "page-from-" + firstOfNextPage;
    }

    static AwsException violation(String value, String member, String constraint) {
        return invalid("1 validation error detected: Value '" + value + "' at '"
                + Character.toLowerCase(member.charAt(0)) + member.substring(1) + "' failed to satisfy constraint: "
                + constraint);
    }
}
