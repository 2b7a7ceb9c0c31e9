package cloudhsm.pipeline.localcloud.lambda.handlers;

import com.amazonaws.services.lambda.crac.Context;
import com.amazonaws.services.lambda.crac.Core;
import com.amazonaws.services.lambda.crac.Resource;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.InputStream;
import java.io.OutputStream;

/** Its hook before the snapshot fails. */
public final class FailingHook implements RequestStreamHandler, Resource {
    /** Called by Lambda. */
    public FailingHook() {
        Core.getGlobalContext().register(this);
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        throw new IllegalStateException("there is something open");
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        // Never called.
    }

    @Override
    public void handleRequest(
            InputStream input, OutputStream output, com.amazonaws.services.lambda.runtime.Context context) {
        // Never called.
    }
}
