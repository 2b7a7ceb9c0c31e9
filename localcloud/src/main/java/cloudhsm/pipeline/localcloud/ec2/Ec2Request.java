package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A request in the EC2 Query protocol.
 *
 * @param parameters by their whole name, for example {@code Filter.1.Value.2}
 */
record Ec2Request(Identity caller, String requestId, Map<String, String> parameters) {
    /** One filter of a Describe operation: any of the values will do, with the wildcards * and ?. */
    record Filter(String name, List<String> values) {}

    static Ec2Request parse(AwsRequest request) {
        var parameters = new TreeMap<String, String>();
        for (var pair : request.bodyText().split("&")) {
            if (pair.isEmpty()) continue;
            var equals = pair.indexOf('=');
            var name = equals < 0 ? pair : pair.substring(0, equals);
            var value = equals < 0 ? "" : pair.substring(equals + 1);
            parameters.put(
                    URLDecoder.decode(name, StandardCharsets.UTF_8), URLDecoder.decode(value, StandardCharsets.UTF_8));
        }
        return new Ec2Request(request.caller(), request.requestId(), parameters);
    }

    Optional<String> text(String name) {
        return Optional.ofNullable(parameters.get(name));
    }

    /** @throws AwsException MissingParameter */
    String required(String name) {
        return text(name)
                .orElseThrow(() ->
                        AwsException.badRequest("MissingParameter", "The request must contain the parameter " + name));
    }

    int number(String name, int otherwise) {
        var value = text(name);
        if (value.isEmpty()) return otherwise;
        try {
            return Integer.parseInt(value.get());
        } catch (NumberFormatException malformed) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Value (" + value.get() + ") for parameter " + name + " is invalid.");
        }
    }

    /** The values of {@code name.1}, {@code name.2}, … */
    List<String> list(String name) {
        var values = new ArrayList<String>();
        for (int i = 1; parameters.containsKey(name + "." + i); i++) values.add(parameters.get(name + "." + i));
        return values;
    }

    /** The prefixes {@code name.1.}, {@code name.2.}, … of a list of structures. */
    List<String> structures(String name) {
        var prefixes = new ArrayList<String>();
        for (int i = 1; hasPrefix(name + "." + i + "."); i++) prefixes.add(name + "." + i + ".");
        return prefixes;
    }

    boolean hasPrefix(String prefix) {
        return parameters.keySet().stream().anyMatch(name -> name.startsWith(prefix));
    }

    List<Filter> filters() {
        return structures("Filter").stream()
                .map(prefix -> new Filter(required(prefix + "Name"), list(prefix + "Value")))
                .toList();
    }

    /** The tags under a prefix, for example {@code TagSpecification.1.}. */
    Map<String, String> tags(String prefix) {
        var tags = new LinkedHashMap<String, String>();
        for (var tag : structures(prefix + "Tag")) {
            var key = required(tag + "Key");
            if (key.isEmpty() || key.length() > 127 || key.startsWith("aws:")) {
                throw AwsException.badRequest("InvalidParameterValue", "Tag key '" + key + "' is not valid");
            }
            tags.put(key, text(tag + "Value").orElse(""));
        }
        return tags;
    }

    /** Tags to put on a resource of this type as it is created. */
    Map<String, String> tagsAtCreation(String resourceType) {
        var tags = new LinkedHashMap<String, String>();
        for (var specification : structures("TagSpecification")) {
            if (required(specification + "ResourceType").equals(resourceType)) tags.putAll(tags(specification));
        }
        return tags;
    }

    /** @throws AwsException for a parameter that the embedded AWS would otherwise ignore in silence */
    void requireOnly(Set<String> understood) {
        for (var name : parameters.keySet()) {
            var dot = name.indexOf('.');
            var member = dot < 0 ? name : name.substring(0, dot);
            if (!understood.contains(member) && !member.equals("Action") && !member.equals("Version")) {
                throw AwsException.badRequest(
                        "UnknownParameter", "The embedded AWS does not understand the parameter " + member);
            }
        }
    }

    /** One page of a list: all of it, unless the request limits it. */
    <T> List<T> page(List<T> all) {
        var from = number("NextToken", 0);
        return all.subList(Math.min(from, all.size()), Math.min(pageEnd(from), all.size()));
    }

    /** Writes the token of the page that follows, if one does. */
    void writeNextToken(Xml xml, int total) {
        var end = pageEnd(number("NextToken", 0));
        if (end < total) xml.text("nextToken", String.valueOf(end));
    }

    private int pageEnd(int from) {
        var size = number("MaxResults", 1000);
        if (size < 5 || size > 1000) {
            throw AwsException.badRequest(
                    "InvalidParameterValue",
                    "Value ( " + size + " ) for parameter maxResults is invalid. Expecting a"
                            + " value between 5 and 1000.");
        }
        return from + size;
    }
}
