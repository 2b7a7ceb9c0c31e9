package cloudhsm.pipeline.runlocal.cli;

import java.util.List;

/**
 * What {@code --report} writes.
 *
 * @param status of the execution: SUCCEEDED, FAILED, TIMED_OUT or ABORTED
 * @param awsSeconds simulated time from the execution's start to its end
 * @param floorSeconds sum of the embedded AWS's own durations on the longest path: no pipeline can be faster
 * @param costUsd HSM-hours so far; each started hour of each HSM counts
 */
record RunReport(
        String status,
        long awsSeconds,
        long floorSeconds,
        double costUsd,
        List<Stage> stages,
        String clusterId,
        List<HsmPlace> hsms,
        String keyStoreId,
        String keyArn,
        List<String> buckets,
        List<UploadedObject> objects) {
    /** @param attempts how often the stage's task was scheduled; 1 unless something failed */
    record Stage(String name, String startedAt, String endedAt, int attempts) {}

    record HsmPlace(String eniId, String availabilityZone) {}
}
