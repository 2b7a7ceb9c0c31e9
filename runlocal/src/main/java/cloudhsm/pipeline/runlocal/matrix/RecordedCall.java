package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.http.Call;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * One AWS call of a clean run.
 *
 * @param caller logical id of the function, or {@link #CLIENT}
 * @param service signing name
 * @param number the how-maniest call of that operation by that caller; the first is 1
 */
record RecordedCall(String caller, String service, String operation, int number) {
    /** The EC2 instance with the CloudHSM CLI. */
    static final String CLIENT = "client";

    private static final Pattern FUNCTION = Pattern.compile(".*:assumed-role/[^/]+/cloudhsm-pipeline-(\\w+)-[a-z2-7]+");
    private static final Pattern INSTANCE = Pattern.compile(".*:assumed-role/[^/]+/i-[0-9a-f]+");

    /**
     * These look every few seconds or, for days, minutes, and one look at something unchanged is like the next: of each operation the
     * first two calls and the last stand for all.
     */
    private static final Set<String> LOOK_AGAIN_AND_AGAIN = Set.of(
            "ObserverFunction", "LookAtEverythingFunction", "ResumeExecutionFunction", "AwaitKeyDeletionFunction");

    /** The calls that functions and the client made, in the order in which they were made. */
    static List<RecordedCall> of(List<Call> calls) {
        var counts = new HashMap<String, Integer>();
        var recorded = new LinkedHashMap<RecordedCall, String>();
        for (var call : calls) {
            var caller = caller(call.callerArn());
            if (caller.isEmpty()) continue;
            var operation = caller + " " + call.service() + ":" + call.operation();
            var number = counts.merge(operation, 1, Integer::sum);
            recorded.put(new RecordedCall(caller, call.service(), call.operation(), number), operation);
        }
        var chosen = new ArrayList<RecordedCall>();
        recorded.forEach((call, operation) -> {
            var repeats = LOOK_AGAIN_AND_AGAIN.contains(call.caller());
            if (!repeats || call.number() <= 2 || call.number() == counts.get(operation)) chosen.add(call);
        });
        return List.copyOf(chosen);
    }

    private static String caller(String arn) {
        if (INSTANCE.matcher(arn).matches()) return CLIENT;
        var function = FUNCTION.matcher(arn);
        return function.matches() ? function.group(1) : "";
    }

    /** What the caller's ARN contains. */
    String callerArnPart() {
        return caller.equals(CLIENT) ? "/i-" : "-" + caller + "-";
    }

    @Override
    public String toString() {
        return caller + "/" + service + ":" + operation + ":" + number;
    }
}
