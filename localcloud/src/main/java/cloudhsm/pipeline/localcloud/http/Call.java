package cloudhsm.pipeline.localcloud.http;

import java.time.Instant;

/**
 * One call that reached the endpoint, as CloudTrail would record it.
 *
 * @param errorCode empty where the call succeeded
 */
public record Call(Instant at, String service, String operation, String callerArn, String errorCode) {}
