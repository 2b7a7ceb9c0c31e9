package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The account's default key of EBS, and whether volumes can be made under a key. EC2 finds out only while it launches:
 * the request is answered, and the instance ends.
 *
 * @see <a href="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html">Requirements for
 *     Amazon EBS encryption</a>
 */
final class EbsEncryption {
    private static final String AWS_MANAGED_KEY = "alias/aws/ebs";

    private final Iam iam;
    private final String viaService;
    private VolumeKeys kms;
    private String defaultKey = AWS_MANAGED_KEY;

    EbsEncryption(Ec2Service ec2, Account account) {
        this.iam = account.iam();
        this.viaService = account.host("ec2");
        ec2.on("GetEbsDefaultKmsKeyId", Set.of(), (request, xml) -> {
            iam.authorize(request.caller(), "ec2:GetEbsDefaultKmsKeyId", "*");
            xml.text("kmsKeyId", defaultKey);
        });
        ec2.on("GetEbsEncryptionByDefault", Set.of(), (request, xml) -> {
            iam.authorize(request.caller(), "ec2:GetEbsEncryptionByDefault", "*");
            xml.text("ebsEncryptionByDefault", "false");
        });
        ec2.on("ModifyEbsDefaultKmsKeyId", Set.of("KmsKeyId"), (request, xml) -> {
            iam.authorize(request.caller(), "ec2:ModifyEbsDefaultKmsKeyId", "*");
            defaultKey = kms.resolve().apply(request.required("KmsKeyId"));
            xml.text("kmsKeyId", defaultKey);
        });
        ec2.on("ResetEbsDefaultKmsKeyId", Set.of(), (request, xml) -> {
            iam.authorize(request.caller(), "ec2:ResetEbsDefaultKmsKeyId", "*");
            defaultKey = AWS_MANAGED_KEY;
            xml.text("kmsKeyId", kms.awsManaged().apply(AWS_MANAGED_KEY));
        });
    }

    /** Completes construction: KMS itself needs EC2. */
    void connect(VolumeKeys keys) {
        this.kms = keys;
    }

    /**
     * The keys of the encrypted volumes that a launch asks for.
     *
     * @throws AwsException InvalidParameterDependency where a key is named for a volume that is not encrypted
     */
    List<String> keys(Ec2Request request) {
        return request.structures("BlockDeviceMapping").stream()
                .map(prefix -> prefix + "Ebs.")
                .flatMap(ebs -> key(request, ebs).stream())
                .toList();
    }

    private Optional<String> key(Ec2Request request, String ebs) {
        var named = request.text(ebs + "KmsKeyId");
        if (request.text(ebs + "Encrypted").orElse("false").equals("true"))
            return Optional.of(named.orElse(defaultKey));
        if (named.isEmpty()) return Optional.empty();
        throw AwsException.badRequest(
                "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.");
    }

    /** Why volumes cannot be made under the keys for this caller; empty where they can. */
    Optional<Instance.Reason> refusal(Identity caller, List<String> keys) {
        try {
            for (var key : keys) kms.use().forVolume(caller, key, viaService);
            return Optional.empty();
        } catch (AwsException refused) {
            return Optional.of(
                    refused.code().equals("AccessDeniedException")
                            ? Instance.Reason.of("Client.InternalError", "Client error on launch")
                            : Instance.Reason.of(
                                    "Client.InvalidKMSKey.InvalidState",
                                    "The KMS key provided is in an incorrect state"));
        }
    }
}
