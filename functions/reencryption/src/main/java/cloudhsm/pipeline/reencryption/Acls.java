package cloudhsm.pipeline.reencryption;

import java.time.Clock;
import java.util.List;
import java.util.stream.Collectors;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectAclResponse;
import software.amazon.awssdk.services.s3.model.Grant;
import software.amazon.awssdk.services.s3.model.Grantee;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.Permission;

/**
 * The ACLs of objects, which a copy loses unless its own request repeats them. Buckets whose owner enforces ownership,
 * as all new ones do, have none: there an object costs no request for it.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html">Object Ownership</a>
 */
final class Acls {
    private static final String PUBLIC_GROUPS = "http://acs.amazonaws.com/groups/global/";

    private final S3Client s3;
    private final Remembered<Boolean> enabled;

    /**
     * An ACL as the headers {@code x-amz-grant-…} of a request that writes an object; null is no header.
     *
     * @param isPublic whether it has a grant to everybody, which a bucket may refuse
     */
    record Grants(String fullControl, String read, String readAcp, String writeAcp, boolean isPublic) {
        /** The owner's full control alone, which S3 gives every new object. */
        static final Grants STANDARD = new Grants(null, null, null, null, false);
    }

    Acls(S3Client s3, Clock clock) {
        this.s3 = s3;
        enabled = new Remembered<>(clock, this::isEnabled);
    }

    private boolean isEnabled(String bucket) {
        try {
            return s3.getBucketOwnershipControls(request -> request.bucket(bucket)).ownershipControls().rules().stream()
                    .noneMatch(rule -> rule.objectOwnership() == ObjectOwnership.BUCKET_OWNER_ENFORCED);
        } catch (AwsServiceException refused) {
            // Buckets older than April 2023 may have no ownership controls; their objects have ACLs.
            if (Decision.code(refused).equals("OwnershipControlsNotFoundError")) return true;
            throw refused;
        }
    }

    /** What a copy of this version must repeat. */
    Grants of(ObjectReference meant, HeadObjectResponse object) {
        if (!enabled.of(meant.bucket())) return Grants.STANDARD;
        return grants(s3.getObjectAcl(
                request -> request.bucket(meant.bucket()).key(meant.key()).versionId(object.versionId())));
    }

    private static Grants grants(GetObjectAclResponse acl) {
        var grants = acl.grants();
        if (grants.size() == 1
                && grants.getFirst().permission() == Permission.FULL_CONTROL
                && acl.owner().id().equals(grants.getFirst().grantee().id())) {
            return Grants.STANDARD;
        }
        return new Grants(
                header(grants, Permission.FULL_CONTROL),
                header(grants, Permission.READ),
                header(grants, Permission.READ_ACP),
                header(grants, Permission.WRITE_ACP),
                grants.stream().anyMatch(grant -> isPublic(grant.grantee())));
    }

    private static String header(List<Grant> grants, Permission permission) {
        var grantees = grants.stream()
                .filter(grant -> grant.permission() == permission)
                .map(grant -> named(grant.grantee()))
                .collect(Collectors.joining(", "));
        return grantees.isEmpty() ? null : grantees;
    }

    private static String named(Grantee grantee) {
        return grantee.uri() == null ? "id=\"" + grantee.id() + "\"" : "uri=\"" + grantee.uri() + "\"";
    }

    private static boolean isPublic(Grantee grantee) {
        return grantee.uri() != null && grantee.uri().startsWith(PUBLIC_GROUPS);
    }
}
