package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The ACL of an object version: who may do what with it beside the policies. The embedded AWS keeps ACLs and gives them
 * back; it grants nothing by them, as there are no other accounts.
 *
 * @param grants the account's own full control alone unless an upload says otherwise
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html">Access control list overview</a>
 */
record AccessControl(List<Grant> grants) {
    private static final String GROUPS = "http://acs.amazonaws.com/groups/";
    private static final String ALL_USERS = GROUPS + "global/AllUsers";
    private static final String AUTHENTICATED_USERS = GROUPS + "global/AuthenticatedUsers";
    private static final String LOG_DELIVERY = GROUPS + "s3/LogDelivery";

    private static final Pattern GRANTEE = Pattern.compile("\\s*(id|uri|emailAddress)=\"?([^\",]*)\"?\\s*");

    /** The owner alone, which is what every new object gets. */
    static final AccessControl PRIVATE = new AccessControl(List.of(Grant.toAccount(Iam.ACCOUNT, "FULL_CONTROL")));

    /**
     * @param type CanonicalUser or Group
     * @param grantee the canonical user's id or the group's URI
     */
    record Grant(String type, String grantee, String permission) {
        static Grant toAccount(String id, String permission) {
            return new Grant("CanonicalUser", id, permission);
        }

        static Grant toGroup(String uri, String permission) {
            return new Grant("Group", uri, permission);
        }

        boolean isPublic() {
            return grantee.equals(ALL_USERS) || grantee.equals(AUTHENTICATED_USERS);
        }
    }

    /** The headers that give permissions, and the permission of each. WRITE is of buckets only. */
    private enum Header {
        READ("x-amz-grant-read", "READ"),
        READ_ACP("x-amz-grant-read-acp", "READ_ACP"),
        WRITE_ACP("x-amz-grant-write-acp", "WRITE_ACP"),
        FULL_CONTROL("x-amz-grant-full-control", "FULL_CONTROL");

        private final String headerName;
        private final String permission;

        Header(String headerName, String permission) {
            this.headerName = headerName;
            this.permission = permission;
        }
    }

    AccessControl {
        grants = List.copyOf(grants);
    }

    /**
     * What the headers of a request that writes an object ask for.
     *
     * @throws AwsException AccessControlListNotSupported where the bucket's owner enforces ownership; AccessDenied
     *     without s3:PutObjectAcl, and for public grants that the bucket blocks
     */
    static AccessControl ofUpload(S3Request request, Bucket bucket, Buckets buckets) {
        if (!bucket.allowsAcls()) {
            refuse(request);
            return PRIVATE;
        }
        var asked = asked(request);
        if (asked.isEmpty()) return PRIVATE;
        buckets.authorize(request, "s3:PutObjectAcl", request.objectArn());
        asked.get().requireNotBlocked(request, bucket, "s3:PutObject");
        return asked.get();
    }

    /**
     * What PutObjectAcl asks for, by its headers.
     *
     * @throws AwsException AccessControlListNotSupported where the bucket's owner enforces ownership, whatever is asked
     *     for; AccessDenied for public grants that the bucket blocks; MissingSecurityHeader where nothing is asked for;
     *     NotImplemented for an AccessControlPolicy in the body
     * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html">PutObjectAcl</a>
     */
    static AccessControl ofPut(S3Request request, Bucket bucket) {
        if (!bucket.allowsAcls()) throw notSupported();
        if (request.hasHeader("x-amz-grant-write")) {
            throw S3Errors.notImplemented("x-amz-grant-write, which is a permission of buckets");
        }
        var asked = asked(request);
        if (request.body().length > 0) {
            if (asked.isEmpty()) throw S3Errors.notImplemented("an AccessControlPolicy in the body");
            throw AwsException.badRequest("UnexpectedContent", "This request does not support content");
        }
        asked.orElseThrow(() ->
                        AwsException.badRequest("MissingSecurityHeader", "Your request was missing a required header"))
                .requireNotBlocked(request, bucket, "s3:PutObjectAcl");
        return asked.get();
    }

    /** What the headers ask for; empty where they say nothing. */
    private static Optional<AccessControl> asked(S3Request request) {
        var canned = request.header("x-amz-acl");
        var granted = grants(request);
        if (canned.isPresent() && !granted.isEmpty()) {
            throw S3Errors.invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed");
        }
        if (canned.isPresent()) return canned.map(AccessControl::canned);
        return granted.isEmpty() ? Optional.empty() : Optional.of(new AccessControl(granted));
    }

    private void requireNotBlocked(S3Request request, Bucket bucket, String action) {
        var blocked = bucket.publicAccessBlock
                .filter(Bucket.PublicAccessBlock::blockPublicAcls)
                .isPresent();
        if (!blocked || grants.stream().noneMatch(Grant::isPublic)) return;
        throw S3Errors.accessDenied("User: " + request.caller().arn() + " is not authorized to perform: " + action
                + " on resource: " + request.objectArn()
                + " because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.");
    }

    /** Where ACLs are disabled, only the owner's full control may be asked for. */
    static void refuse(S3Request request) {
        var harmless = request.header("x-amz-acl")
                .map(acl -> acl.equals("bucket-owner-full-control") || acl.equals("private"))
                .orElse(true);
        if (harmless && grants(request).isEmpty()) return;
        throw notSupported();
    }

    private static AwsException notSupported() {
        return AwsException.badRequest("AccessControlListNotSupported", "The bucket does not allow ACLs");
    }

    private static List<Grant> grants(S3Request request) {
        var grants = new ArrayList<Grant>();
        for (var header : Header.values()) {
            var grantees = request.header(header.headerName).orElse("");
            if (grantees.isBlank()) continue;
            for (var grantee : grantees.split(",")) grants.add(grant(header, grantee));
        }
        return grants;
    }

    private static Grant grant(Header header, String grantee) {
        var matcher = GRANTEE.matcher(grantee);
        if (!matcher.matches()) {
            throw S3Errors.invalidArgument(header.headerName, grantee, "Argument format not recognized");
        }
        var name = matcher.group(2);
        return switch (matcher.group(1)) {
            case "id" -> {
                if (name.equals(Iam.ACCOUNT) || name.matches("[0-9a-f]{64}")) {
                    yield Grant.toAccount(name, header.permission);
                }
                throw S3Errors.invalidArgument("CanonicalUser/ID", name, "Invalid id");
            }
            case "uri" -> {
                if (List.of(ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY).contains(name)) {
                    yield Grant.toGroup(name, header.permission);
                }
                throw S3Errors.invalidArgument("Group/URI", name, "Invalid group uri");
            }
            default -> throw S3Errors.notImplemented("grantees by e-mail address");
        };
    }

    private static AccessControl canned(String name) {
        var owner = PRIVATE.grants().getFirst();
        return switch (name) {
            case "private", "bucket-owner-read", "bucket-owner-full-control" -> PRIVATE; // the owner is the bucket's
            case "public-read" -> new AccessControl(List.of(owner, Grant.toGroup(ALL_USERS, "READ")));
            case "authenticated-read" -> new AccessControl(List.of(owner, Grant.toGroup(AUTHENTICATED_USERS, "READ")));
            default -> throw S3Errors.notImplemented("the canned ACL " + name + " of an object");
        };
    }

    /** As GetObjectAcl and GetBucketAcl answer. */
    AwsResponse response() {
        var answer = XmlText.document("AccessControlPolicy");
        answer.open("Owner").put("ID", Iam.ACCOUNT).close("Owner").open("AccessControlList");
        for (var grant : grants) {
            answer.open("Grant").openTyped("Grantee", grant.type());
            answer.put(grant.type().equals("Group") ? "URI" : "ID", grant.grantee());
            answer.close("Grantee").put("Permission", grant.permission()).close("Grant");
        }
        return answer.close("AccessControlList").response();
    }
}
