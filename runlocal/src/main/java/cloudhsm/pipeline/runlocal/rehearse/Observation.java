package cloudhsm.pipeline.runlocal.rehearse;

/**
 * What was seen in one step.
 *
 * @param step what was done, the same on AWS and on the embedded AWS
 * @param saw what came of it, without ids and times, so that it can be compared
 * @param seconds how long it was waited for, not counting the calls themselves
 * @param right whether it is as the re-encryption promises
 * @param next what to do where it is not
 */
public record Observation(String step, String saw, long seconds, boolean right, String next) {}
