package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.AwsRequest;
import cloudhsm.pipeline.localcloud.http.AwsResponse;
import cloudhsm.pipeline.localcloud.http.Service;
import cloudhsm.pipeline.localcloud.kms.KmsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;

/** Amazon S3, really encrypting: bytes on disk are ciphertext. */
public final class S3Service implements Service {
    public S3Service(Account account, KmsService kms, SqsService sqs, EventBridgeService events) {}

    @Override
    public String signingName() {
        return "s3";
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

    /** Where the object version's ciphertext lies on disk; for tests and for ./run-local to show. */
    public java.nio.file.Path ciphertextFile(String bucket, String key, String versionId) {
        throw new UnsupportedOperationException("to be written");
    }
}
