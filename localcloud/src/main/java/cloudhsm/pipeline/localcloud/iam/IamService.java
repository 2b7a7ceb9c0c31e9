package cloudhsm.pipeline.localcloud.iam;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.AwsRequest;
import cloudhsm.pipeline.localcloud.http.AwsResponse;
import cloudhsm.pipeline.localcloud.http.Service;

/** AWS IAM. */
public final class IamService implements Service {
    public IamService(Account account) {}

    @Override
    public String signingName() {
        return "iam";
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
}
