package cloudhsm.pipeline.runlocal.doctor;

import java.util.Map;

/**
 * Who asks, as STS names the caller.
 *
 * @param partition {@code aws}, {@code aws-cn}, {@code aws-us-gov}, …
 */
public record Caller(String arn, String account, String partition) {
    /** Asks AWS. @throws AwsFailure where it does not know the caller, or does not answer */
    public static Caller of(Aws aws) {
        var answer = aws.query(Api.STS, "GetCallerIdentity", Map.of());
        return of(Xml.text(answer, "Arn"), Xml.text(answer, "Account"));
    }

    private static Caller of(String arn, String account) {
        return new Caller(arn, account, arn.split(":")[1]);
    }

    boolean isRoot() {
        return arn.endsWith(":root");
    }

    /** The ARN of something of this account in a Region. */
    public String arnOf(String service, String region, String resource) {
        return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
    }
}
