package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import software.amazon.awssdk.services.lambda.LambdaClient;

/**
 * What the account lets Lambda run at a time, and what the re-encryption of uploads may take of it. New accounts have
 * 10 executions; a stage that finds none free is tried again for about an hour.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html">Understanding Lambda function
 *     scaling</a>
 */
public final class LambdaConcurrency {
    /** A stage, and the observer or ResumeExecution while others wait: with fewer nothing would go on. */
    private static final int LEAST_FOR_STAGES = 2;

    /** From here on nobody has to think of it: stages of several executions, and functions that are not ours. */
    private static final int PLENTY = 100;

    private static final String QUOTA =
            "Service Quotas raises \"Concurrent executions\" of Lambda (L-B99A9384), which" + " costs nothing";

    private final LambdaClient lambda;
    private final int forUploads;

    /** @param forUploads how many executions of those that no function has reserved the re-encryption may take */
    public LambdaConcurrency(LambdaClient lambda, int forUploads) {
        this.lambda = lambda;
        this.forUploads = forUploads;
    }

    /** From UPLOADS_CONCURRENCY of the function's environment. */
    static LambdaConcurrency ofFunction() {
        return new LambdaConcurrency(Aws.lambda(), Integer.parseInt(Aws.environment("UPLOADS_CONCURRENCY")));
    }

    /** What there is, in plain words; a problem where the re-encryption would leave nothing to the stages. */
    String check(Problems problems) {
        var limit = lambda.getAccountSettings(request -> {}).accountLimit();
        var shared = limit.unreservedConcurrentExecutions();
        var left = shared - forUploads;
        var says = "The account runs " + limit.concurrentExecutions() + " Lambda functions at a time, " + shared
                + " of them unreserved; the re-encryption of uploads may take " + forUploads + " of these";
        if (left < LEAST_FOR_STAGES) {
            problems.add(
                    "Lambda",
                    says + ", and the stages need " + LEAST_FOR_STAGES + " at least; " + QUOTA
                            + (shared >= LEAST_FOR_STAGES + 2
                                    ? "; or deploy the stack with ReencryptionConcurrency="
                                            + (shared - LEAST_FOR_STAGES)
                                    : ""));
        }
        return left >= PLENTY
                ? says + "."
                : says + ", which leaves " + left + " to the stages and to everything else in the account. While those"
                        + " are in use, a stage is tried again for about an hour. " + QUOTA + ".";
    }
}
