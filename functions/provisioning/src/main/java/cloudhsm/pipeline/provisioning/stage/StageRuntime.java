package cloudhsm.pipeline.provisioning.stage;

import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.time.Clock;
import software.amazon.awssdk.services.sfn.SfnClient;

/**
 * What every stage needs to end or to suspend itself.
 *
 * @param functionName the stage's own function, which is run again when the wait is over
 * @param watchStateMachine ARN of the machine that ticks while something waits
 */
public record StageRuntime(
        SfnClient states,
        Waits waits,
        DeploymentLock lock,
        SettledQuestions questions,
        String functionName,
        String watchStateMachine,
        Clock clock) {
    /** From the function's environment: TABLE_NAME, WATCH_STATE_MACHINE_ARN. */
    public static StageRuntime ofFunction() {
        return new StageRuntime(
                Aws.states(),
                Waits.ofFunction(),
                new DeploymentLock(Aws.dynamoDb(), Aws.states(), Aws.environment("TABLE_NAME")),
                SettledQuestions.ofFunction(),
                Aws.environment("AWS_LAMBDA_FUNCTION_NAME"),
                Aws.environment("WATCH_STATE_MACHINE_ARN"),
                Clock.systemUTC());
    }
}
