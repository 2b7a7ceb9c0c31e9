package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.Optional;
import java.util.Set;

/** What can be set on a bucket: default encryption, versioning, policy, public access, ownership, lifecycle. */
final class BucketConfiguration {
    private static final Set<String> OWNERSHIPS = Set.of("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter");

    /** "Bucket policies are limited to 20 KB in size", BucketPolicy. */
    private static final int MOST_POLICY = 20 * 1024;

    /** The one encryption that a bucket can refuse. */
    private static final String CUSTOMER_KEYS = "SSE-C";

    private final Buckets buckets;

    BucketConfiguration(Buckets buckets) {
        this.buckets = buckets;
    }

    /** S3 does not check that the key exists. */
    AwsResponse putBucketEncryption(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutEncryptionConfiguration");
        Checksums.verify(request, request.body());
        var rules =
                Xml.parse(request.body(), "ServerSideEncryptionConfiguration").children("Rule");
        if (rules.size() != 1) throw Xml.malformed();
        var rule = rules.getFirst();
        rule.allowOnly("ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes");
        var encryption = rule.child("ApplyServerSideEncryptionByDefault")
                .map(standard -> defaultEncryption(standard, rule))
                .orElse(new Bucket.DefaultEncryption(Encryption.Type.SSE_S3, "", bucketKey(rule)));
        rule.child("BlockedEncryptionTypes")
                .ifPresent(blocked -> bucket.blocksCustomerKeys = blocked.children("EncryptionType").stream()
                        .anyMatch(type -> type.text().equals(CUSTOMER_KEYS)));
        bucket.encryption = encryption;
        return AwsResponse.empty(200);
    }

    private static Bucket.DefaultEncryption defaultEncryption(Xml standard, Xml rule) {
        standard.allowOnly("SSEAlgorithm", "KMSMasterKeyID");
        var type = switch (standard.required("SSEAlgorithm")) {
            case "AES256" -> Encryption.Type.SSE_S3;
            case "aws:kms" -> Encryption.Type.SSE_KMS;
            case "aws:kms:dsse" -> Encryption.Type.DSSE_KMS;
            default -> throw Xml.malformed();
        };
        var keyId = standard.text("KMSMasterKeyID").orElse("");
        if (!keyId.isEmpty() && !type.usesKms()) {
            throw S3Errors.invalidArgument(
                    "KMSMasterKeyID",
                    keyId,
                    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse");
        }
        if (type == Encryption.Type.DSSE_KMS && bucketKey(rule)) {
            throw S3Errors.invalidArgument(
                    "BucketKeyEnabled", "true", "Bucket Key is not supported with the encryption method specified");
        }
        return new Bucket.DefaultEncryption(type, keyId, bucketKey(rule));
    }

    private static boolean bucketKey(Xml rule) {
        return rule.text("BucketKeyEnabled").filter("true"::equals).isPresent();
    }

    AwsResponse getBucketEncryption(S3Request request) {
        var bucket = buckets.authorized(request, "s3:GetEncryptionConfiguration");
        var answer = XmlText.document("ServerSideEncryptionConfiguration").open("Rule");
        answer.open("ApplyServerSideEncryptionByDefault")
                .put("SSEAlgorithm", bucket.encryption.type().header());
        if (!bucket.encryption.keyId().isEmpty()) answer.put("KMSMasterKeyID", bucket.encryption.keyId());
        answer.close("ApplyServerSideEncryptionByDefault").put("BucketKeyEnabled", bucket.encryption.bucketKey());
        answer.open("BlockedEncryptionTypes")
                .put("EncryptionType", bucket.blocksCustomerKeys ? CUSTOMER_KEYS : "NONE")
                .close("BlockedEncryptionTypes");
        return answer.close("Rule").response();
    }

    /** Back to SSE-S3: a bucket is never without default encryption. */
    AwsResponse deleteBucketEncryption(S3Request request) {
        buckets.authorized(request, "s3:PutEncryptionConfiguration").encryption = Bucket.DefaultEncryption.SSE_S3;
        return AwsResponse.empty(204);
    }

    AwsResponse putBucketVersioning(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketVersioning");
        var configuration = Xml.parse(request.body(), "VersioningConfiguration");
        if (configuration.child("MfaDelete").isPresent()) throw S3Errors.notImplemented("MfaDelete");
        switch (configuration.required("Status")) {
            case "Enabled" -> bucket.versioning = Bucket.Versioning.ENABLED;
            case "Suspended" -> {
                if (bucket.objectLock) {
                    throw new AwsException(
                            "InvalidBucketState",
                            409,
                            "An Object Lock configuration is present on this bucket, so the versioning state cannot be"
                                    + " changed.");
                }
                bucket.versioning = Bucket.Versioning.SUSPENDED;
            }
            default -> throw Xml.malformed();
        }
        return AwsResponse.empty(200);
    }

    AwsResponse getBucketVersioning(S3Request request) {
        var bucket = buckets.authorized(request, "s3:GetBucketVersioning");
        var status = switch (bucket.versioning) {
            case NEVER_ENABLED -> null;
            case ENABLED -> "Enabled";
            case SUSPENDED -> "Suspended";
        };
        return XmlText.document("VersioningConfiguration").put("Status", status).response();
    }

    AwsResponse putPublicAccessBlock(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketPublicAccessBlock");
        var configuration = Xml.parse(request.body(), "PublicAccessBlockConfiguration");
        configuration.allowOnly("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets");
        bucket.publicAccessBlock = Optional.of(new Bucket.PublicAccessBlock(
                isTrue(configuration, "BlockPublicAcls"),
                isTrue(configuration, "IgnorePublicAcls"),
                isTrue(configuration, "BlockPublicPolicy"),
                isTrue(configuration, "RestrictPublicBuckets")));
        return AwsResponse.empty(200);
    }

    private static boolean isTrue(Xml configuration, String name) {
        return configuration.text(name).filter("true"::equalsIgnoreCase).isPresent();
    }

    AwsResponse getPublicAccessBlock(S3Request request) {
        var block = buckets.authorized(request, "s3:GetBucketPublicAccessBlock")
                .publicAccessBlock
                .orElseThrow(() -> new AwsException(
                        "NoSuchPublicAccessBlockConfiguration",
                        404,
                        "The public access block configuration was not found"));
        return XmlText.document("PublicAccessBlockConfiguration")
                .put("BlockPublicAcls", block.blockPublicAcls())
                .put("IgnorePublicAcls", block.ignorePublicAcls())
                .put("BlockPublicPolicy", block.blockPublicPolicy())
                .put("RestrictPublicBuckets", block.restrictPublicBuckets())
                .response();
    }

    AwsResponse deletePublicAccessBlock(S3Request request) {
        buckets.authorized(request, "s3:PutBucketPublicAccessBlock").publicAccessBlock = Optional.empty();
        return AwsResponse.empty(204);
    }

    AwsResponse putBucketPolicy(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketPolicy");
        if (request.body().length > MOST_POLICY) throw malformedPolicy("Policy exceeds the maximum size of 20 KB");
        var document = document(request.request().bodyText());
        for (var statement : document.statements()) {
            if (statement.principals().isEmpty()) throw malformedPolicy("Missing required field Principal");
            for (var resource : statement.resources()) {
                if (!resource.equals(request.bucketArn()) && !resource.startsWith(request.bucketArn() + "/")) {
                    throw malformedPolicy("Policy has invalid resource");
                }
            }
        }
        var blocksPublic = bucket.publicAccessBlock
                .filter(Bucket.PublicAccessBlock::blockPublicPolicy)
                .isPresent();
        if (blocksPublic && document.statements().stream().anyMatch(BucketConfiguration::isPublic)) {
            throw S3Errors.accessDenied("User: " + request.caller().arn()
                    + " is not authorized to perform: s3:PutBucketPolicy on resource: " + request.bucketArn()
                    + " because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public"
                    + " Access.");
        }
        bucket.policy = Optional.of(new Bucket.Policy(request.request().bodyText(), document));
        return AwsResponse.empty(204);
    }

    private static PolicyDocument document(String text) {
        try {
            return PolicyDocument.parse(Json.parse(text));
        } catch (AwsException notUnderstood) {
            throw malformedPolicy(notUnderstood.getMessage());
        }
    }

    /** Everybody, under no condition; with conditions AWS looks closer than the embedded AWS does. */
    private static boolean isPublic(PolicyDocument.Statement statement) {
        return statement.allow()
                && statement.principals().contains("*")
                && statement.conditions().isEmpty();
    }

    private static AwsException malformedPolicy(String why) {
        return AwsException.badRequest("MalformedPolicy", why);
    }

    AwsResponse getBucketPolicy(S3Request request) {
        var policy = buckets.authorized(request, "s3:GetBucketPolicy")
                .policy
                .orElseThrow(() -> new AwsException("NoSuchBucketPolicy", 404, "The bucket policy does not exist"));
        return AwsResponse.text(200, "application/json", policy.text());
    }

    AwsResponse deleteBucketPolicy(S3Request request) {
        buckets.authorized(request, "s3:DeleteBucketPolicy").policy = Optional.empty();
        return AwsResponse.empty(204);
    }

    AwsResponse putBucketOwnershipControls(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketOwnershipControls");
        var rule = Xml.parse(request.body(), "OwnershipControls").child("Rule").orElseThrow(Xml::malformed);
        bucket.objectOwnership = Optional.of(ownership(rule.required("ObjectOwnership")));
        return AwsResponse.empty(200);
    }

    static String ownership(String name) {
        if (!OWNERSHIPS.contains(name)) throw Xml.malformed();
        return name;
    }

    AwsResponse getBucketOwnershipControls(S3Request request) {
        var ownership = buckets.authorized(request, "s3:GetBucketOwnershipControls")
                .objectOwnership
                .orElseThrow(() -> new AwsException(
                        "OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"));
        return XmlText.document("OwnershipControls")
                .open("Rule")
                .put("ObjectOwnership", ownership)
                .close("Rule")
                .response();
    }

    AwsResponse deleteBucketOwnershipControls(S3Request request) {
        buckets.authorized(request, "s3:PutBucketOwnershipControls").objectOwnership = Optional.empty();
        return AwsResponse.empty(204);
    }

    /** Kept and given back; the embedded AWS expires nothing. */
    AwsResponse putBucketLifecycleConfiguration(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutLifecycleConfiguration");
        var rules = Xml.parse(request.body(), "LifecycleConfiguration").children("Rule");
        if (rules.isEmpty() || rules.size() > 1000) throw Xml.malformed();
        for (var rule : rules) {
            if (!Set.of("Enabled", "Disabled").contains(rule.required("Status"))) throw Xml.malformed();
        }
        bucket.lifecycle = Optional.of(request.request().bodyText());
        return AwsResponse.empty(200);
    }

    AwsResponse getBucketLifecycleConfiguration(S3Request request) {
        return AwsResponse.text(
                200,
                "application/xml",
                buckets.authorized(request, "s3:GetLifecycleConfiguration")
                        .lifecycle
                        .orElseThrow(() -> new AwsException(
                                "NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist")));
    }

    AwsResponse deleteBucketLifecycle(S3Request request) {
        buckets.authorized(request, "s3:PutLifecycleConfiguration").lifecycle = Optional.empty();
        return AwsResponse.empty(204);
    }
}
