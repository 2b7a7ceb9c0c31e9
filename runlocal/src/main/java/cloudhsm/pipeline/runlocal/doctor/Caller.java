package cloudhsm.pipeline.runlocal.doctor;

/**
 * Who asks, as STS names the caller.
 *
 * @param partition {@code aws}, {@code aws-cn}, {@code aws-us-gov}, …
 */
record Caller(String arn, String account, String partition) {
    static Caller of(String arn, String account) {
        return new Caller(arn, account, arn.split(":")[1]);
    }

    boolean isRoot() {
        return arn.endsWith(":root");
    }

    /** The ARN of something of this account in a Region. */
    String arnOf(String service, String region, String resource) {
        return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
    }
}
