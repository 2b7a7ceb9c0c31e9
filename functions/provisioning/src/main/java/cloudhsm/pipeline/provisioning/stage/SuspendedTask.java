package cloudhsm.pipeline.provisioning.stage;

/**
 * A task of Step Functions that its stage has left open until a resource has changed.
 *
 * @param token Step Functions' task token; never in a log, an event or another function's input
 * @param input the stage's own input, as JSON
 */
record SuspendedTask(Wait pending, String token, String input) {
    @Override
    public String toString() {
        return pending.toString();
    }
}
