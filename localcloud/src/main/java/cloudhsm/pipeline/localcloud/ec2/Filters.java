package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The filters that one Describe operation understands: by name, what a resource has for it. */
final class Filters<T> {
    private final Map<String, Function<T, List<String>>> values = new HashMap<>();
    private final Function<T, Map<String, String>> tags;

    /** @param tags for the filters {@code tag:<key>} and {@code tag-key} */
    Filters(Function<T, Map<String, String>> tags) {
        this.tags = tags;
        on("tag-key", resource -> List.copyOf(tags.apply(resource).keySet()));
    }

    Filters<T> on(String name, Function<T, List<String>> value) {
        values.put(name, value);
        return this;
    }

    Filters<T> text(String name, Function<T, String> value) {
        return on(name, resource -> List.of(value.apply(resource)));
    }

    /** @throws AwsException InvalidParameterValue for a filter that is not understood */
    List<T> apply(Ec2Request request, Stream<T> resources) {
        var filters = request.filters();
        for (var filter : filters) {
            if (!values.containsKey(filter.name()) && !filter.name().startsWith("tag:")) {
                throw AwsException.badRequest("InvalidParameterValue", "The filter '" + filter.name() + "' is invalid");
            }
        }
        return resources
                .filter(resource -> filters.stream().allMatch(filter -> matches(filter, resource)))
                .toList();
    }

    private boolean matches(Ec2Request.Filter filter, T resource) {
        var actual = filter.name().startsWith("tag:")
                ? Stream.ofNullable(tags.apply(resource).get(filter.name().substring("tag:".length())))
                        .toList()
                : values.get(filter.name()).apply(resource);
        return filter.values().stream()
                .map(Filters::pattern)
                .anyMatch(pattern ->
                        actual.stream().anyMatch(value -> pattern.matcher(value).matches()));
    }

    private static Pattern pattern(String value) {
        return Pattern.compile(Pattern.quote(value).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q"), Pattern.DOTALL);
    }
}
