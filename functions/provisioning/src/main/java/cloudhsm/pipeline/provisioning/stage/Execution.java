package cloudhsm.pipeline.provisioning.stage;

import java.util.regex.Pattern;

/** Where the pipeline runs, as the ARN of its execution says. */
public record Execution(String arn, String partition, String region, String account) {
    private static final Pattern ARN = Pattern.compile("arn:(aws[a-z-]*):states:([a-z0-9-]+):([0-9]{12}):execution:.+");

    /** @throws IllegalArgumentException if that is not the ARN of an execution */
    public static Execution of(String arn) {
        var matcher = ARN.matcher(arn);
        if (!matcher.matches()) throw new IllegalArgumentException("Not the ARN of an execution: " + arn);
        return new Execution(arn, matcher.group(1), matcher.group(2), matcher.group(3));
    }
}
