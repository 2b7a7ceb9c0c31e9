package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Events come at least once and in any order. */
class BatchTest {
    private static SQSMessage event(String key, String etag, String sequencer) {
        var message = new SQSMessage();
        message.setMessageId(etag + " " + sequencer);
        message.setBody("""
            {"Records": [{"eventVersion": "2.6", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "reports"},
              "object": {"key": "%s", "eTag": "%s", "sequencer": "%s"}}}]}
            """.formatted(key, etag, sequencer));
        return message;
    }

    private static List<String> etags(SQSMessage... messages) {
        return new Batch(List.of(messages))
                .objects().stream().map(ObjectReference::etag).toList();
    }

    @Test
    void ofSeveralUploadsOfOneKeyTheNewestIsMeantInWhateverOrderTheyCome() {
        var older = event("k", "older", "0055AED6DCD90281E5");
        var newer = event("k", "newer", "0055AED6DCD90281E6");
        assertEquals(List.of("newer"), etags(older, newer));
        assertEquals(List.of("newer"), etags(newer, older));
    }

    @Test
    void sequencersOfDifferentLengthAreComparedAsNumbers() {
        var older = event("k", "older", "FF");
        var newer = event("k", "newer", "100");
        assertEquals(List.of("newer"), etags(newer, older));
        assertEquals(List.of("newer"), etags(older, newer));
    }

    @Test
    void sequencersOfDifferentKeysSayNothing() {
        assertEquals(List.of("a", "b"), etags(event("k", "a", "2"), event("l", "b", "1")));
    }

    @Test
    void everyMessageOfAnObjectIsSettledWithIt() {
        var first = event("k", "same", "1");
        var again = event("k", "same", "1");
        var batch = new Batch(List.of(first, again));
        assertEquals(1, batch.objects().size(), "a duplicate is no work");
        batch.settle(List.of(new Reencryption.Result(batch.objects().getFirst(), new Outcome.AlreadyDone())));
        assertEquals(List.of(new Outcome.AlreadyDone()), batch.outcomes(first));
        assertEquals(List.of(new Outcome.AlreadyDone()), batch.outcomes(again));
    }
}
