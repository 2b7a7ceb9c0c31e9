package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The tokens that were given out. Each belongs to one attempt of one task and ends with it. */
final class TaskTokens {
    /** Shorter than the 2,048 characters that AWS allows itself. */
    private static final int BYTES = 384;

    private final Map<String, TaskAttempt> attempts = new HashMap<>();
    private final SecureRandom random = new SecureRandom();

    String issue(TaskAttempt attempt) {
        var bytes = new byte[BYTES];
        random.nextBytes(bytes);
        var token = "AQC" + Base64.getEncoder().encodeToString(bytes);
        attempts.put(token, attempt);
        return token;
    }

    /** Every token so far. */
    Set<String> issued() {
        return Set.copyOf(attempts.keySet());
    }

    /** @throws AwsException InvalidToken for a token that was never issued */
    TaskAttempt attempt(String token) {
        var attempt = attempts.get(token);
        if (attempt == null) throw AwsException.badRequest("InvalidToken", "Invalid Token: 'Invalid token'");
        return attempt;
    }

    /** @throws AwsException TaskTimedOut where the attempt has ended, by whatever: a retry has a token of its own */
    static void requireWaiting(TaskAttempt attempt) {
        if (attempt.ended()) {
            throw AwsException.badRequest("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
        }
    }
}
