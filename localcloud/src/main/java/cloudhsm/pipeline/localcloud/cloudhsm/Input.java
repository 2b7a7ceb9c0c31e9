package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** What CloudHSM asks of its input beyond what its API model says. */
final class Input {
    static final Pattern IP_ADDRESS = Pattern.compile("\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");

    private Input() {}

    static AwsException invalid(String message) {
        return AwsException.badRequest("CloudHsmInvalidRequestException", message);
    }

    static AwsException notFound(String message) {
        return AwsException.badRequest("CloudHsmResourceNotFoundException", message);
    }

    static List<String> subnetIds(JsonNode input) {
        var ids = new ArrayList<String>();
        input.path("SubnetIds").forEach(id -> ids.add(id.asText()));
        return ids;
    }

    /** Days; the API carries the number as a string. */
    static Optional<Integer> backupRetentionDays(JsonNode input) {
        var policy = input.get("BackupRetentionPolicy");
        if (policy == null || policy.isNull()) return Optional.empty();
        if (!policy.hasNonNull("Type") || !policy.hasNonNull("Value")) {
            throw invalid("A backup retention policy needs Type and Value");
        }
        var days = Integer.parseInt(policy.path("Value").asText());
        if (days < 7 || days > 379) {
            throw invalid("The backup retention must be between 7 and 379 days, not " + days);
        }
        return Optional.of(days);
    }

    static Map<String, String> tags(JsonNode input) {
        var tags = new LinkedHashMap<String, String>();
        for (var tag : input.path("TagList")) {
            var key = tag.path("Key").asText();
            if (key.startsWith("aws:")) {
                throw AwsException.badRequest("CloudHsmTagException", "Tag keys starting with aws: are reserved");
            }
            tags.put(key, tag.path("Value").asText());
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
}
