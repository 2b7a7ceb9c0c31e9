package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** The machine images of this Region: Amazon Linux 2023 for each of the two architectures. */
final class Images {
    /**
     * A machine image.
     *
     * @param publicParameter AWS's public Systems Manager parameter that holds the id of the newest such image
     */
    record Image(String imageId, String architecture, String publicParameter) {}

    /** The alias of the account that owns Amazon's own images, for the condition key ec2:Owner. */
    static final String OWNER = "amazon";

    private static final String PARAMETERS = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-";

    private static final List<Image> IMAGES = List.of(
            new Image("ami-0a5b0d219e493191b", "arm64", PARAMETERS + "arm64"),
            new Image("ami-0e872aee57663ae2d", "x86_64", PARAMETERS + "x86_64"));

    /** Graviton's families carry a "g" after the generation: t4g, m7g, c8gn. */
    private static final Pattern ARM64_TYPE = Pattern.compile("[a-z]+\\d+[a-z]*g[a-z]*\\.[a-z0-9]+");

    private static final Pattern TYPE = Pattern.compile("[a-z]+\\d+[a-z-]*\\.[a-z0-9-]+");

    private Images() {}

    static Optional<Image> byParameter(String name) {
        return IMAGES.stream()
                .filter(image -> image.publicParameter().equals(name))
                .findFirst();
    }

    /** @throws AwsException InvalidAMIID.NotFound, InvalidAMIID.Malformed */
    static Image byId(String imageId) {
        if (!imageId.matches("ami-[0-9a-f]{8,17}")) {
            throw AwsException.badRequest("InvalidAMIID.Malformed", "Invalid id: \"" + imageId + "\"");
        }
        return IMAGES.stream()
                .filter(image -> image.imageId().equals(imageId))
                .findFirst()
                .orElseThrow(() -> AwsException.badRequest(
                        "InvalidAMIID.NotFound", "The image id '[" + imageId + "]' does not exist"));
    }

    /** @throws AwsException InvalidParameterValue unless instances of this type can run this image */
    static void requireSameArchitecture(String instanceType, Image image) {
        if (!TYPE.matcher(instanceType).matches()) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Invalid value '" + instanceType + "' for InstanceType.");
        }
        var architecture = ARM64_TYPE.matcher(instanceType).matches() ? "arm64" : "x86_64";
        if (!architecture.equals(image.architecture())) {
            throw AwsException.badRequest(
                    "InvalidParameterValue",
                    "The architecture '" + architecture + "' of the specified instance type does not match the"
                            + " architecture '" + image.architecture() + "' of the specified AMI. Specify an instance"
                            + " type and an AMI that have matching architectures, and try again.");
        }
    }
}
