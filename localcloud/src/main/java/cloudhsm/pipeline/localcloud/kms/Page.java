package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;

/** Answers of KMS's list operations: Limit and Marker in, NextMarker and Truncated out. */
final class Page {
    private Page() {}

    /**
     * @param member the answer's list
     * @param identity of an entry: the marker names the last entry of the page before, so entries that come or go
     *     meanwhile neither repeat nor hide others
     */
    static <T> ObjectNode of(
            JsonNode input,
            String member,
            List<T> all,
            int defaultLimit,
            Function<T, String> identity,
            Function<T, JsonNode> written) {
        var limit = Members.number(input, "Limit", 1, 1000).orElse(defaultLimit);
        var from = Members.text(input, "Marker", 1, 1024)
                .map(marker -> positionAfter(marker, all, identity))
                .orElse(0);
        var to = Math.min(all.size(), from + limit);
        var answer = Json.object();
        var entries = answer.putArray(member);
        all.subList(from, to).forEach(entry -> entries.add(written.apply(entry)));
        var truncated = to < all.size();
        if (truncated) {
            var last = identity.apply(all.get(to - 1)).getBytes(StandardCharsets.UTF_8);
            answer.put("NextMarker", Base64.getUrlEncoder().encodeToString(last));
        }
        return answer.put("Truncated", truncated);
    }

    private static <T> int positionAfter(String marker, List<T> all, Function<T, String> identity) {
        try {
            var last = new String(Base64.getUrlDecoder().decode(marker), StandardCharsets.UTF_8);
            for (int i = 0; i < all.size(); i++) {
                if (identity.apply(all.get(i)).equals(last)) return i + 1;
            }
        } catch (IllegalArgumentException notOurs) {
            // Refused below, as a marker of an entry that is gone.
        }
        throw AwsException.badRequest("InvalidMarkerException", "Could not deserialize marker");
    }
}
