package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.ObjectCannedACL;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.PutObjectAclRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.StorageClass;

/** ACLs of objects, which new buckets do not have. */
class AccessControlTest {
    private static final String ENFORCED = "without-acls";
    private static final String WITH_ACLS = "with-acls";
    private static final String AUDITOR = "0123456789abcdef".repeat(4);

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);

    AccessControlTest() {
        s3.createBucket(request -> request.bucket(ENFORCED)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        s3.createBucket(request -> request.bucket(WITH_ACLS)
                .objectOwnership(ObjectOwnership.OBJECT_WRITER)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private void putForTheAuditor(String bucket) {
        s3.putObject(
                put -> put.bucket(bucket).key("k").grantRead("id=" + AUDITOR).grantReadACP("id=\"" + AUDITOR + "\""),
                RequestBody.fromString("text"));
    }

    /** Permission and grantee of each grant. */
    private List<String> acl(String bucket) {
        return s3.getObjectAcl(get -> get.bucket(bucket).key("k")).grants().stream()
                .map(grant -> grant.permissionAsString() + " "
                        + (grant.grantee().uri() == null
                                ? grant.grantee().id()
                                : grant.grantee().uri()))
                .toList();
    }

    private static String code(Executable call) {
        return assertThrows(S3Exception.class, call).awsErrorDetails().errorCode();
    }

    @Test
    void grantsAreKeptAndACopyDropsThem() {
        putForTheAuditor(WITH_ACLS);
        assertEquals(List.of("READ " + AUDITOR, "READ_ACP " + AUDITOR), acl(WITH_ACLS));
        s3.copyObject(copy -> copy.sourceBucket(WITH_ACLS)
                .sourceKey("k")
                .destinationBucket(WITH_ACLS)
                .destinationKey("k")
                .storageClass(StorageClass.STANDARD_IA));
        assertEquals(List.of("FULL_CONTROL 111122223333"), acl(WITH_ACLS));
    }

    @Test
    void bucketsWithEnforcedOwnershipTakeNoGrants() {
        assertEquals("AccessControlListNotSupported", code(() -> putForTheAuditor(ENFORCED)));
        s3.putObject(
                put -> put.bucket(ENFORCED).key("k").acl(ObjectCannedACL.BUCKET_OWNER_FULL_CONTROL),
                RequestBody.fromString("text"));
        assertEquals(List.of("FULL_CONTROL 111122223333"), acl(ENFORCED));
    }

    @Test
    void publicGrantsAreBlocked() {
        Executable put = () -> s3.putObject(
                request -> request.bucket(WITH_ACLS).key("k").acl(ObjectCannedACL.PUBLIC_READ),
                RequestBody.fromString("text"));
        assertEquals("AccessDenied", code(put));
        s3.deletePublicAccessBlock(delete -> delete.bucket(WITH_ACLS));
        s3.putObject(
                request -> request.bucket(WITH_ACLS).key("k").acl(ObjectCannedACL.PUBLIC_READ),
                RequestBody.fromString("text"));
        assertEquals(
                "READ http://acs.amazonaws.com/groups/global/AllUsers",
                acl(WITH_ACLS).get(1));
    }

    @Test
    void whatIsNoGranteeIsRefused() {
        assertEquals(
                "InvalidArgument",
                code(() -> s3.putObject(
                        request -> request.bucket(WITH_ACLS).key("k").grantRead("id=auditor"),
                        RequestBody.fromString("text"))));
        assertEquals(
                "InvalidRequest",
                code(() -> s3.putObject(
                        request -> request.bucket(WITH_ACLS)
                                .key("k")
                                .acl(ObjectCannedACL.PRIVATE)
                                .grantRead("id=" + AUDITOR),
                        RequestBody.fromString("text"))));
    }

    private void setAcl(Consumer<PutObjectAclRequest.Builder> acl) {
        s3.putObjectAcl(put -> acl.accept(put.bucket(WITH_ACLS).key("k")));
    }

    @Test
    void aclThatIsPutLaterReplacesTheWholeOneAndAVersionsItsOwn() {
        s3.putBucketVersioning(put -> put.bucket(WITH_ACLS).versioningConfiguration(on -> on.status("Enabled")));
        putForTheAuditor(WITH_ACLS);
        var first = s3.headObject(head -> head.bucket(WITH_ACLS).key("k")).versionId();
        putForTheAuditor(WITH_ACLS);
        setAcl(acl -> acl.acl(ObjectCannedACL.PRIVATE).versionId(first));
        assertEquals(List.of("READ " + AUDITOR, "READ_ACP " + AUDITOR), acl(WITH_ACLS), "of the current version");
        assertEquals(
                1,
                s3.getObjectAcl(get -> get.bucket(WITH_ACLS).key("k").versionId(first))
                        .grants()
                        .size());
        setAcl(acl -> acl.grantFullControl("id=" + AUDITOR));
        assertEquals(List.of("FULL_CONTROL " + AUDITOR), acl(WITH_ACLS));
    }

    @Test
    void publicAclThatIsPutLaterIsBlockedToo() {
        putForTheAuditor(WITH_ACLS);
        for (var canned : List.of(ObjectCannedACL.PUBLIC_READ, ObjectCannedACL.AUTHENTICATED_READ))
            assertEquals("AccessDenied", code(() -> setAcl(acl -> acl.acl(canned))));
        assertEquals(
                "AccessDenied",
                code(() -> setAcl(acl -> acl.grantRead("uri=http://acs.amazonaws.com/groups/global/AllUsers"))));
        s3.deletePublicAccessBlock(delete -> delete.bucket(WITH_ACLS));
        setAcl(acl -> acl.acl(ObjectCannedACL.AUTHENTICATED_READ));
        assertEquals(
                "READ http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
                acl(WITH_ACLS).get(1));
    }

    @Test
    void aclIsPutNowhereWhereOwnershipIsEnforcedAndOnNothingThatIsNotThere() {
        s3.putObject(put -> put.bucket(ENFORCED).key("k"), RequestBody.fromString("text"));
        for (var canned : List.of(ObjectCannedACL.PRIVATE, ObjectCannedACL.BUCKET_OWNER_FULL_CONTROL))
            assertEquals(
                    "AccessControlListNotSupported",
                    code(() ->
                            s3.putObjectAcl(put -> put.bucket(ENFORCED).key("k").acl(canned))));
        assertEquals("NoSuchKey", code(() -> setAcl(acl -> acl.acl(ObjectCannedACL.PRIVATE))));
    }

    @Test
    void aclThatSaysNothingOrSomethingOfBucketsIsRefused() {
        putForTheAuditor(WITH_ACLS);
        assertEquals("MissingSecurityHeader", code(() -> setAcl(acl -> {})));
        assertEquals(
                "InvalidRequest",
                code(() -> setAcl(acl -> acl.acl(ObjectCannedACL.PRIVATE).grantRead("id=" + AUDITOR))));
        assertEquals("NotImplemented", code(() -> setAcl(acl -> acl.grantWrite("id=" + AUDITOR))));
        assertEquals(
                "NotImplemented",
                code(() -> setAcl(acl -> acl.accessControlPolicy(policy -> policy.owner(owner -> owner.id("x"))))));
        assertEquals(List.of("READ " + AUDITOR, "READ_ACP " + AUDITOR), acl(WITH_ACLS), "unchanged");
    }
}
