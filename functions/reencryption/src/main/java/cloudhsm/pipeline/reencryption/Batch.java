package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A batch's messages, read. Several events of one object version, duplicates among them, are one piece of work: the
 * newest event's, which its sequencer tells.
 */
final class Batch {
    private final Map<SQSMessage, List<S3Message.Upload>> readable = new LinkedHashMap<>();
    private final Map<SQSMessage, String> unreadable = new LinkedHashMap<>();
    private final Map<Place, S3Message.Upload> newest = new LinkedHashMap<>();
    private final Map<Place, Outcome> outcomes = new HashMap<>();

    /** Where an object version lies. */
    private record Place(String bucket, String key, Optional<String> versionId) {
        static Place of(ObjectReference object) {
            return new Place(object.bucket(), object.key(), object.versionId());
        }
    }

    Batch(List<SQSMessage> messages) {
        for (var message : messages) {
            try {
                var uploads = S3Message.uploads(message.getBody());
                readable.put(message, uploads);
                for (var upload : uploads) {
                    newest.merge(
                            Place.of(upload.object()), upload, (one, other) -> other.isNewerThan(one) ? other : one);
                }
            } catch (S3Message.UnreadableException why) {
                unreadable.put(message, why.getMessage());
            }
        }
    }

    /** Messages that are none of S3's, each with the reason. */
    Map<SQSMessage, String> unreadable() {
        return unreadable;
    }

    Iterable<SQSMessage> readable() {
        return readable.keySet();
    }

    /** Each object version once. */
    List<ObjectReference> objects() {
        return newest.values().stream().map(S3Message.Upload::object).toList();
    }

    /** @param results one for each of {@link #objects} */
    void settle(List<Reencryption.Result> results) {
        for (var result : results) outcomes.put(Place.of(result.object()), result.outcome());
    }

    /** Of the message's objects, each as it was settled. */
    List<Outcome> outcomes(SQSMessage message) {
        var found = new ArrayList<Outcome>();
        for (var upload : readable.get(message)) found.add(outcomes.get(Place.of(upload.object())));
        return found;
    }
}
