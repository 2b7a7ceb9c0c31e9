package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Set;

/** One AWS service behind the endpoint. Its operations check the caller's rights themselves, through its authorizer. */
public interface Service {
    /** The SigV4 signing name, which routes requests here. */
    String signingName();

    /** AWS's names of all operations of its model that it answers. */
    Set<String> operations();

    /** The operation's AWS name, for example {@code CreateHsm}; for the call log, the faults and "not supported". */
    String operation(AwsRequest request);

    /**
     * Answers the request, holding the lock of the simulated time unless {@link #runsUnlocked}.
     *
     * @param input what the service's model reads from the request, and allows; empty for an operation without input
     */
    AwsResponse handle(String operation, ObjectNode input, AwsRequest request);

    /** The refusal of a request that the service's model does not allow. */
    default AwsException refusal(List<Violation> violations) {
        return Violation.refusal("ValidationException", violations);
    }

    /** Whether the service is in the account's Region; where it is not, its host name does not resolve. */
    default boolean isOffered() {
        return true;
    }

    /** The error in this service's protocol. */
    AwsResponse error(AwsException error, AwsRequest request);

    /** Whether the operation calls back into the endpoint, or is so slow that it does its own locking. */
    default boolean runsUnlocked(String operation) {
        return false;
    }
}
