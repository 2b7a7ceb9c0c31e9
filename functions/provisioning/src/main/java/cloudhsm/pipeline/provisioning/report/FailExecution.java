package cloudhsm.pipeline.provisioning.report;

import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.Optional;

/**
 * Ends an execution under the stable name of what went wrong, unless it was redriven since. A Fail state would fail
 * again after every redrive: Step Functions goes on in the state that failed, and in no other.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html">Redriving executions</a>
 */
public final class FailExecution extends StageHandler<FailExecution.Input> {
    /**
     * @param error the execution's error
     * @param cause for a person
     * @param redriven whether the execution was redriven since it failed so
     */
    public record Input(String error, String cause, boolean redriven) {}

    /** The execution goes on; nothing has to be known for that. */
    public record Output() {}

    /** Called by Lambda, once per execution environment. */
    public FailExecution() {
        this(StageRuntime.ofFunction());
    }

    FailExecution(StageRuntime runtime) {
        super(Input.class, runtime);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return input.redriven() ? new Outcome.Done(new Output()) : new Outcome.Failed(input.error(), input.cause());
    }
}
