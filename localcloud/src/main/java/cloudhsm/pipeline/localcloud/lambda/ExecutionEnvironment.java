package cloudhsm.pipeline.localcloud.lambda;

import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import com.amazonaws.services.lambda.runtime.api.client.EventHandlerLoader;
import com.amazonaws.services.lambda.runtime.api.client.HandlerInfo;
import com.amazonaws.services.lambda.runtime.api.client.UserFault;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.DtoSerializers;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.converters.LambdaErrorConverter;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.dto.InvocationRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;

/**
 * A function loaded and initialised: one handler instance, made by the Lambda runtime's own {@link EventHandlerLoader}
 * in a class loader of its own. The runtime's classes are named through this JVM's copy of them and called by
 * reflection in that loader.
 */
final class ExecutionEnvironment {
    private final FunctionClassLoader runtime;
    private final ClassLoader classes;
    private final Object handler;

    /** What the runtime answers: the handler's output, or the error it would post to the Runtime API. */
    record Answer(byte[] payload, boolean failed) {}

    private ExecutionEnvironment(FunctionClassLoader runtime, ClassLoader classes, Object handler) {
        this.runtime = runtime;
        this.classes = classes;
        this.handler = handler;
    }

    /**
     * Loads and constructs the handler. The calling thread must have entered an invocation; what fails here is
     * reported by the first invocation, as the runtime does.
     */
    static ExecutionEnvironment initialize(Artifact artifact, String handler, ClassLoader interfaces)
            throws ReflectiveOperationException {
        var runtime = new FunctionClassLoader("lambda-runtime", LambdaRuntimeJars.runtime(), interfaces);
        setLogger(interfaces);
        setCustomerClassLoader(runtime, artifact);
        Thread.currentThread().setContextClassLoader(artifact.classes());
        Object loaded;
        try {
            var info = runtime.loadClass(HandlerInfo.class.getName())
                    .getMethod("fromString", String.class, ClassLoader.class)
                    .invoke(null, handler, artifact.classes());
            loaded = runtime.loadClass(EventHandlerLoader.class.getName())
                    .getMethod("loadEventHandler", info.getClass())
                    .invoke(null, info);
        } catch (InvocationTargetException failed) {
            // AWSLambda.findRequestHandler answers the same: the invocation reports the class that is missing.
            loaded = runtime.loadClass("com.amazonaws.services.lambda.runtime.api.client.LambdaRequestHandler")
                    .getMethod("classNotFound", Throwable.class, String.class)
                    .invoke(null, failed.getCause(), HandlerInfo.className(handler));
        }
        return new ExecutionEnvironment(runtime, artifact.classes(), loaded);
    }

    /** The runtime sets the logger of its context the same way; ours writes to the log of the current invocation. */
    private static void setLogger(ClassLoader interfaces) throws ReflectiveOperationException {
        var type = interfaces.loadClass("com.amazonaws.services.lambda.runtime.LambdaLogger");
        var logger = Proxy.newProxyInstance(interfaces, new Class<?>[] {type}, (proxy, method, arguments) -> {
            if (method.getName().equals("log")) {
                var message = arguments[0] instanceof byte[] bytes
                        ? new String(bytes, StandardCharsets.UTF_8)
                        : String.valueOf(arguments[0]);
                Invocation.logHere(message);
            }
            return null;
        });
        var field = interfaces.loadClass(LambdaRuntime.class.getName()).getDeclaredField("logger");
        field.setAccessible(true);
        field.set(null, logger);
    }

    /** The runtime's main method does this: its serializers find the event types of the function through it. */
    private static void setCustomerClassLoader(FunctionClassLoader runtime, Artifact artifact)
            throws ReflectiveOperationException {
        var field = runtime.loadClass(AWSLambda.class.getName()).getDeclaredField("customerClassLoader");
        field.setAccessible(true);
        field.set(null, artifact.classes());
    }

    /** Runs the handler on the calling thread, which must have entered the invocation. */
    Answer invoke(String requestId, String functionArn, long deadlineMilliseconds, byte[] payload)
            throws ReflectiveOperationException {
        Thread.currentThread().setContextClassLoader(classes);
        var requestType = runtime.loadClass(InvocationRequest.class.getName());
        var request = requestType.getConstructor().newInstance();
        requestType.getMethod("setId", String.class).invoke(request, requestId);
        requestType.getMethod("setInvokedFunctionArn", String.class).invoke(request, functionArn);
        requestType.getMethod("setDeadlineTimeInMs", long.class).invoke(request, deadlineMilliseconds);
        requestType.getMethod("setContent", byte[].class).invoke(request, (Object) payload);
        var call = runtime.loadClass("com.amazonaws.services.lambda.runtime.api.client.LambdaRequestHandler")
                .getMethod("call", requestType);
        try {
            return new Answer(((ByteArrayOutputStream) call.invoke(handler, request)).toByteArray(), false);
        } catch (InvocationTargetException failed) {
            return new Answer(error(failed.getCause()), true);
        }
    }

    /** The error in the runtime's own words. */
    private byte[] error(Throwable thrown) throws ReflectiveOperationException {
        var fault = runtime.loadClass(UserFault.class.getName());
        var converter = runtime.loadClass(LambdaErrorConverter.class.getName());
        Object report;
        if (fault.isInstance(thrown)) {
            report = converter.getMethod("fromUserFault", fault).invoke(null, thrown);
        } else {
            fault.getMethod("filterStackTrace", Throwable.class).invoke(null, thrown);
            report = converter.getMethod("fromThrowable", Throwable.class).invoke(null, thrown);
        }
        return (byte[]) runtime.loadClass(DtoSerializers.class.getName())
                .getMethod("serialize", report.getClass())
                .invoke(null, report);
    }

    void close() {
        try {
            runtime.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
