package cloudhsm.pipeline.localcloud.lambda.handlers;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.InputStream;
import java.io.OutputStream;

/** Fails with an exception of its own. */
public final class Failing implements RequestStreamHandler {
    /** What a stage throws. */
    public static final class ClusterNotFound extends RuntimeException {
        private static final long serialVersionUID = 1L;

        ClusterNotFound(String message) {
            super(message);
        }
    }

    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) {
        throw new ClusterNotFound("there is no cluster-abc");
    }
}
