package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Machine;

/**
 * An event pattern: what a rule asks of an event. Checked whole when it is made, so that a rule with a wrong pattern is
 * refused instead of never matching; matched by the library that EventBridge matches with.
 *
 * @see <a href="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html">Comparison
 *     operators</a>
 */
final class EventPattern {
    /** AWS's limit on a pattern's characters. */
    static final int MOST_CHARACTERS = 2048;

    private static final String RULE = "rule";

    private final Machine machine = Machine.builder().build();

    private EventPattern(String text) throws IOException {
        machine.addRule(RULE, text);
    }

    /** @throws AwsException InvalidEventPatternException, saying what is wrong where */
    static EventPattern parse(String text) {
        if (text.length() > MOST_CHARACTERS) {
            throw invalid("it has " + text.length() + " characters; at most " + MOST_CHARACTERS + " are allowed");
        }
        try {
            var problem = JsonRuleCompiler.check(text);
            if (problem != null) throw invalid(problem);
            return new EventPattern(text);
        } catch (IOException malformed) {
            throw invalid(malformed.getMessage());
        }
    }

    private static AwsException invalid(String reason) {
        return AwsException.badRequest("InvalidEventPatternException", "Event pattern is not valid. Reason: " + reason);
    }

    /** Whether the event, envelope and all, matches. */
    boolean matches(JsonNode event) {
        return !machine.rulesForJSONEvent(event).isEmpty();
    }
}
