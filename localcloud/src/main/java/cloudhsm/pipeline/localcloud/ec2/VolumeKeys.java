package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import java.util.function.UnaryOperator;

/**
 * What EC2 asks of KMS for encrypted volumes.
 *
 * @param resolve the ARN of a key by its id, ARN or alias
 * @param awsManaged the ARN of the AWS managed key of an alias
 */
public record VolumeKeys(UnaryOperator<String> resolve, UnaryOperator<String> awsManaged, Use use) {
    /** Makes a volume's data key under a key. */
    @FunctionalInterface
    public interface Use {
        /** @throws cloudhsm.pipeline.localcloud.protocol.AwsException in KMS's words, where it refuses */
        void forVolume(Identity caller, String key, String viaService);
    }
}
