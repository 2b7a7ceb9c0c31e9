package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.runlocal.doctor.Caller;
import cloudhsm.pipeline.runlocal.doctor.DeployedStack;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The deployed stack that is rehearsed.
 *
 * @param function that re-encrypts uploads
 * @param parameters those of the stack that decide what becomes of uploads
 */
record Target(
        String stack, Caller caller, String region, String queueArn, String function, Map<String, String> parameters) {
    private static final String PATTERN = "BucketNamePattern";

    private static final List<String> DECIDING =
            List.of(PATTERN, "ReencryptionMode", "PreviousVersions", "DualLayerObjects");

    /** @throws IllegalStateException where it cannot be rehearsed; the message says everything that is in the way */
    static Target of(DeployedStack stack, Caller caller, String region) {
        var problems = new ArrayList<String>();
        if (!stack.isSettled()) {
            problems.add("it is " + stack.status() + "; deploy it again, or wait until CloudFormation has ended");
        }
        for (var resource : List.of("UploadsQueue", "ReencryptObjectsFunction")) {
            if (stack.physicalId(resource).isEmpty())
                problems.add("it has no resource " + resource + "; give the name of a stack of this template");
        }
        var parameters = new HashMap<>(stack.parameters());
        parameters.keySet().retainAll(DECIDING);
        var pattern = parameters.getOrDefault(PATTERN, "");
        if (!pattern.contains("*")) {
            problems.add(PATTERN + " is \"" + pattern
                    + "\", and a rehearsal makes a bucket of its own within it; deploy with a pattern that has an *");
        } else if (!named(pattern, "0".repeat(32)).matches("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")) {
            problems.add(PATTERN + " is \"" + pattern + "\"; no name of 63 small letters, digits, dots and hyphens fits"
                    + " it that has \"rehearsal-\" and 32 digits for the *; deploy with a shorter one");
        }
        if (!problems.isEmpty()) {
            throw new IllegalStateException("stack " + stack.name() + " cannot be rehearsed: "
                    + String.join("; ", problems) + ". Nothing was made.");
        }
        var queue = stack.physicalId("UploadsQueue").orElseThrow();
        return new Target(
                stack.name(),
                caller,
                region,
                caller.arnOf("sqs", region, queue.substring(queue.lastIndexOf('/') + 1)),
                stack.physicalId("ReencryptObjectsFunction").orElseThrow(),
                Map.copyOf(parameters));
    }

    private static String named(String pattern, String id) {
        return pattern.replaceFirst("\\*", "rehearsal-" + id).replace("*", "");
    }

    /** The name of the bucket of the rehearsal with this id: one that the stack's functions may work on. */
    String bucket(String id) {
        return named(parameters.get(PATTERN), id);
    }

    /** Whether uploads under DSSE-KMS are copied, and not left as they are. */
    boolean copiesDualLayerObjects() {
        return "COPY".equals(parameters.get("DualLayerObjects"));
    }
}
