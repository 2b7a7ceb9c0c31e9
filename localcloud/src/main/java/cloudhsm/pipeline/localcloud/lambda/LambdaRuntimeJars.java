package cloudhsm.pipeline.localcloud.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.api.client.EventHandlerLoader;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import java.net.URL;
import java.util.List;

/**
 * The jars of the managed Java runtime, found on the embedded AWS's own class path. The interfaces that functions
 * implement are loaded once; the runtime itself once per function, because it keeps the function's environment in
 * static fields.
 */
final class LambdaRuntimeJars {
    private LambdaRuntimeJars() {}

    /** Interfaces shared by runtime and functions. */
    static List<URL> interfaces() {
        return List.of(jarOf(Context.class));
    }

    /** The runtime interface client and its JSON. */
    static List<URL> runtime() {
        return List.of(
                jarOf(EventHandlerLoader.class),
                jarOf(PojoSerializer.class),
                jarOf(software.amazon.awssdk.utilslite.SdkInternalThreadLocal.class));
    }

    private static URL jarOf(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation();
    }
}
