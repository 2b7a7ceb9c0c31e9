package cloudhsm.pipeline.localcloud.sns;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.AwsRequest;
import cloudhsm.pipeline.localcloud.http.AwsResponse;
import cloudhsm.pipeline.localcloud.http.Service;

/** Amazon SNS. */
public final class SnsService implements Service {
    public SnsService(Account account) {}

    @Override
    public String signingName() {
        return "sns";
    }

    @Override
    public String operation(AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    @Override
    public AwsResponse handle(String operation, AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Publishes to the topic's subscribers; keeps what was published for tests to read. */
    public void publish(String topicArn, String subject, String message) {
        throw new UnsupportedOperationException("to be written");
    }
}
