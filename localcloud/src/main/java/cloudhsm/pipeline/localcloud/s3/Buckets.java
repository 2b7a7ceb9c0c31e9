package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The account's buckets, and who may do what with them. */
final class Buckets {
    /** The condition key that sees the key an upload will really be encrypted with, default encryption included. */
    static final String KMS_KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id";

    private final Account account;
    private final Map<String, Bucket> byName = new TreeMap<>();

    Buckets(Account account) {
        this.account = account;
    }

    /** us-east-1 was S3's only Region once: its buckets have no location, and making one's own again is no error. */
    boolean areGlobal() {
        return account.region().equals("us-east-1");
    }

    Map<String, Bucket> byName() {
        return byName;
    }

    /** @throws AwsException NoSuchBucket; AccessDenied where x-amz-expected-bucket-owner is someone else */
    Bucket find(S3Request request) {
        var bucket = byName.get(request.bucket());
        if (bucket == null) throw S3Errors.noSuchBucket(request.bucket());
        request.header("x-amz-expected-bucket-owner")
                .filter(owner -> !owner.equals(Iam.ACCOUNT))
                .ifPresent(stranger -> {
                    throw S3Errors.accessDenied("Access Denied");
                });
        return bucket;
    }

    /** The bucket, if the caller may do this with it. */
    Bucket authorized(S3Request request, String action) {
        var bucket = find(request);
        authorize(request, action, request.bucketArn());
        return bucket;
    }

    /** {@link #authorize(S3Request, String, String, Map)} without condition keys of the operation's own. */
    void authorize(S3Request request, String action, String resource) {
        authorize(request, action, resource, Map.of());
    }

    /**
     * Asks the caller's policies and the bucket's; either may allow, either may deny.
     *
     * @throws AwsException AccessDenied
     */
    void authorize(S3Request request, String action, String resource, Map<String, String> conditions) {
        var context = new HashMap<>(conditions);
        context.putAll(callersContext(request.caller()));
        var byIdentity = account.iam().decide(request.caller(), action, resource, context);
        if (byIdentity == Decision.DENIED) {
            throw denied(request, action, resource, "with an explicit deny in an identity-based policy");
        }
        var byBucket = Optional.ofNullable(byName.get(request.bucket()))
                .flatMap(bucket -> bucket.policy)
                .map(policy -> policy.document().decide(Iam.namesOf(request.caller()), action, resource, context))
                .orElse(Decision.NOT_MENTIONED);
        if (byBucket == Decision.DENIED) {
            throw denied(request, action, resource, "with an explicit deny in a resource-based policy");
        }
        if (byIdentity != Decision.ALLOWED && byBucket != Decision.ALLOWED) {
            throw denied(
                    request, action, resource, "because no identity-based policy allows the " + action + " action");
        }
    }

    boolean allows(S3Request request, String action, String resource) {
        try {
            authorize(request, action, resource);
            return true;
        } catch (AwsException denied) {
            return false;
        }
    }

    /** Who may not list the bucket does not learn whether an object exists. */
    AwsException missing(S3Request request, AwsException notFound) {
        return allows(request, "s3:ListBucket", request.bucketArn())
                ? notFound
                : denied(
                        request,
                        "s3:ListBucket",
                        request.bucketArn(),
                        "because no identity-based policy allows the s3:ListBucket action");
    }

    /** The embedded endpoint stands for AWS's TLS endpoint, so every request counts as sent over TLS. */
    private static Map<String, String> callersContext(Identity caller) {
        return Map.of(
                "aws:SecureTransport",
                "true",
                "aws:PrincipalAccount",
                Iam.ACCOUNT,
                "aws:PrincipalArn",
                caller.role().map(role -> role.arn()).orElse(caller.arn()),
                "aws:PrincipalIsAWSService",
                "false",
                "s3:ResourceAccount",
                Iam.ACCOUNT);
    }

    private static AwsException denied(S3Request request, String action, String resource, String because) {
        return S3Errors.accessDenied(
                Iam.denied(request.caller(), action, resource, because).getMessage());
    }
}
