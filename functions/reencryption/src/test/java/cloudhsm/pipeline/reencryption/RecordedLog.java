package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A Lambda context whose log can be read. */
final class RecordedLog {
    private final List<String> lines = new ArrayList<>();

    List<String> lines() {
        return List.copyOf(lines);
    }

    /** The only line. */
    String only() {
        assertEquals(1, lines.size(), () -> "one line for one object, but the log is " + lines);
        return lines.getFirst();
    }

    Context context() {
        return new RecordingContext();
    }

    private final class RecordingContext implements Context, LambdaLogger {
        @Override
        public void log(String message) {
            lines.add(message);
        }

        @Override
        public void log(byte[] message) {
            log(new String(message, StandardCharsets.UTF_8));
        }

        @Override
        public LambdaLogger getLogger() {
            return this;
        }

        @Override
        public String getAwsRequestId() {
            return "request-1";
        }

        @Override
        public String getLogGroupName() {
            return "/aws/lambda/reencrypt-objects";
        }

        @Override
        public String getLogStreamName() {
            return "stream";
        }

        @Override
        public String getFunctionName() {
            return "reencrypt-objects";
        }

        @Override
        public String getFunctionVersion() {
            return "$LATEST";
        }

        @Override
        public String getInvokedFunctionArn() {
            return "arn:aws:lambda:eu-central-1:111122223333:function:reencrypt-objects";
        }

        @Override
        public CognitoIdentity getIdentity() {
            throw new UnsupportedOperationException("Queues have no Cognito identity");
        }

        @Override
        public ClientContext getClientContext() {
            throw new UnsupportedOperationException("Queues have no client context");
        }

        @Override
        public int getRemainingTimeInMillis() {
            return 60_000;
        }

        @Override
        public int getMemoryLimitInMB() {
            return 1024;
        }
    }
}
