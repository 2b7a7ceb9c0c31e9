package cloudhsm.pipeline.provisioning.pause;

import cloudhsm.pipeline.provisioning.stage.Outcome;

/** Ends that pausing and resuming share. */
final class PauseFailures {
    private PauseFailures() {}

    static Outcome.Failed unknown(String deployment) {
        return new Outcome.Failed(
                "DEPLOYMENT_UNKNOWN",
                "There is no deployment \"" + deployment + "\": no provisioning execution has begun one under this"
                        + " name, or it has been torn down. Nothing was changed. Next: give the name that the"
                        + " provisioning execution was given in \"deployment\".");
    }

    static Outcome.Failed tearingDown(String deployment) {
        return new Outcome.Failed(
                "DEPLOYMENT_TEARING_DOWN",
                "The deployment \"" + deployment
                        + "\" is being torn down, or a teardown of it was stopped: its keys are"
                        + " to be deleted. Nothing was changed. Next: start the teardown again, which goes on where it"
                        + " was; or, to keep the deployment, let no teardown run, cancel the deletion of its key and"
                        + " enable it, then start a provisioning execution with the deployment's input. HSMs that are"
                        + " left bill until then: a pause deletes them.");
    }

    static Outcome.Failed locked(String deployment, String holder) {
        return new Outcome.Failed(
                "DEPLOYMENT_LOCKED",
                "The deployment \"" + deployment + "\" is being worked on by " + holder
                        + ". Nothing was changed. Next: wait for its end or stop it, then start a new execution.");
    }
}
