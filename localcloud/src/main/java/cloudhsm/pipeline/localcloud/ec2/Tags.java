package cloudhsm.pipeline.localcloud.ec2;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tags of all EC2 resources, by resource id. */
final class Tags {
    /** One tag of one resource. */
    record Tag(String resourceId, String key, String value) {
        String resourceType() {
            var kind = resourceId.substring(0, resourceId.indexOf('-'));
            return switch (kind) {
                case "i" -> "instance";
                case "sg" -> "security-group";
                case "eni" -> "network-interface";
                case "rtb" -> "route-table";
                case "igw" -> "internet-gateway";
                default -> kind;
            };
        }
    }

    private final Map<String, Map<String, String>> byResource = new LinkedHashMap<>();

    Map<String, String> of(String resourceId) {
        return byResource.getOrDefault(resourceId, Map.of());
    }

    void put(String resourceId, Map<String, String> tags) {
        if (!tags.isEmpty()) {
            byResource.computeIfAbsent(resourceId, any -> new LinkedHashMap<>()).putAll(tags);
        }
    }

    void removeAll(String resourceId) {
        byResource.remove(resourceId);
    }

    List<Tag> all() {
        var all = new ArrayList<Tag>();
        byResource.forEach((resource, tags) -> tags.forEach((key, value) -> all.add(new Tag(resource, key, value))));
        return all;
    }

    void write(Xml xml, String resourceId) {
        xml.items("tagSet", of(resourceId).entrySet(), tag -> {
            xml.text("key", tag.getKey());
            xml.text("value", tag.getValue());
        });
    }

    /** Condition keys that a policy may test on an existing resource. */
    Map<String, String> context(String resourceId) {
        var context = new LinkedHashMap<String, String>();
        of(resourceId).forEach((key, value) -> {
            context.put("aws:ResourceTag/" + key, value);
            context.put("ec2:ResourceTag/" + key, value);
        });
        return context;
    }

    /** Condition keys of tags that a request brings. */
    static Map<String, String> requestContext(Map<String, String> tags) {
        var context = new LinkedHashMap<String, String>();
        tags.forEach((key, value) -> context.put("aws:RequestTag/" + key, value));
        return context;
    }
}
