package cloudhsm.pipeline.reencryption;

import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/** S3 failed, asked for a pause or was not reached: the state machine tries again under this name. */
public final class S3FailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private S3FailedException(SdkException failure) {
        super(failure.getMessage(), failure);
    }

    /** What to throw of a failure: this exception where it may pass, the failure itself where S3 refused for good. */
    static RuntimeException of(SdkException failure) {
        return failure instanceof AwsServiceException refused && !Decision.passes(refused)
                ? refused
                : new S3FailedException(failure);
    }
}
