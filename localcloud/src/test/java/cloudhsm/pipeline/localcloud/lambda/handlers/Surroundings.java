package cloudhsm.pipeline.localcloud.lambda.handlers;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.time.Clock;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Answers what it sees of its surroundings. */
public final class Surroundings implements RequestHandler<Map<String, String>, Map<String, String>> {
    private final String atConstruction = String.valueOf(System.getenv("STAGE"));

    @Override
    public Map<String, String> handleRequest(Map<String, String> input, Context context) {
        UnaryOperator<String> byReference = System::getenv;
        System.out.println("printed by " + context.getFunctionName());
        context.getLogger().log("logged by " + context.getFunctionName());
        var inVirtualThread = new String[1];
        try {
            Thread.ofVirtual()
                    .start(() -> inVirtualThread[0] = System.getenv("STAGE"))
                    .join();
        } catch (InterruptedException impossible) {
            throw new IllegalStateException(impossible);
        }
        return Map.of(
                "stage", String.valueOf(System.getenv("STAGE")),
                "atConstruction", atConstruction,
                "byReference", String.valueOf(byReference.apply("STAGE")),
                "inMap", String.valueOf(System.getenv().get("STAGE")),
                "inVirtualThread", inVirtualThread[0],
                "path", String.valueOf(System.getenv("PATH")),
                "functionName", context.getFunctionName(),
                "time", Clock.systemUTC().instant().toString());
    }
}
