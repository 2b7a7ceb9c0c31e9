package cloudhsm.pipeline.localcloud.states;

import static cloudhsm.pipeline.localcloud.wire.JsonService.text;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/** The pages in which Step Functions lists things. */
final class Pages {
    private Pages() {}

    /** One page of the list: maxResults 1 to 1,000, 100 by default; the token is the index of the next element. */
    static ObjectNode of(ObjectNode input, List<ObjectNode> all, String member) {
        var size = input.path("maxResults").asInt(0);
        if (size < 0 || size > 1000) {
            throw AwsException.badRequest(
                    "ValidationException",
                    "1 validation error detected: Value '" + size + "' at 'maxResults' failed to satisfy constraint:"
                            + " Member must have value less than or equal to 1000");
        }
        var from = text(input, "nextToken").map(Pages::index).orElse(0);
        var to = Math.min(all.size(), from + (size == 0 ? 100 : size));
        var page = Json.object();
        var list = page.putArray(member);
        all.subList(Math.min(from, to), to).forEach(list::add);
        if (to < all.size()) page.put("nextToken", "page-" + to);
        return page;
    }

    private static int index(String token) {
        return Optional.of(token)
                .filter(text -> text.matches("page-\\d{1,9}"))
                .map(text -> Integer.parseInt(text.substring("page-".length())))
                .orElseThrow(() -> AwsException.badRequest("InvalidToken", "Invalid Token: 'Invalid token'"));
    }
}
