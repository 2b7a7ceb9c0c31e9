package cloudhsm.pipeline.runlocal.bench;

/**
 * What one way to bring objects under a key took.
 *
 * @param name of the way
 * @param objects that it was given
 * @param seconds of real time; the start of its process is included for those that end with their work
 * @param s3Requests that the endpoint answered
 * @param bytesWritten of object data by S3
 * @param cpuSeconds of its own process, without the embedded AWS
 * @param s3CpuSeconds of the embedded AWS meanwhile
 * @param peakMemory of its own process, in bytes
 * @param memoryBefore the same before the first of the objects, for a process that had worked on others; otherwise 0
 */
public record Measurement(
        String name,
        int objects,
        double seconds,
        long s3Requests,
        long bytesWritten,
        double cpuSeconds,
        double s3CpuSeconds,
        long peakMemory,
        long memoryBefore) {
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

    public double s3CpuSecondsPer1000() {
        return s3CpuSeconds * 1000 / objects;
    }
}
