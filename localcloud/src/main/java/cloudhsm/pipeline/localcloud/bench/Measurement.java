package cloudhsm.pipeline.localcloud.bench;

/**
 * What one way to bring objects under a key took.
 *
 * @param name of the way
 * @param objects that it was given
 * @param seconds of real time, the start of its process included
 * @param s3Requests that the endpoint answered
 * @param bytesWritten of object data by S3
 * @param cpuSeconds of its own process, without the embedded AWS
 * @param peakMemory of its own process, in bytes
 * @param memoryAtHalf the same when half of the objects were done; 0 where it is not known
 */
public record Measurement(
        String name,
        int objects,
        double seconds,
        long s3Requests,
        long bytesWritten,
        double cpuSeconds,
        long peakMemory,
        long memoryAtHalf) {
    public double objectsPerSecond() {
        return objects / seconds;
    }

    public double requestsPerObject() {
        return (double) s3Requests / objects;
    }

    public double bytesPerObject() {
        return (double) bytesWritten / objects;
    }

    public double cpuSecondsPer1000() {
        return cpuSeconds * 1000 / objects;
    }
}
