package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/** What the account has room for: quotas beside what is used of them, and names that are taken. */
final class Room {
    /** Executions that the stages need beside the re-encryption: one works, another looks at what it waits for. */
    private static final int LEAST_FOR_STAGES = 2;

    private final Aws aws;
    private final Findings findings;
    private final Caller caller;
    private final Wanted wanted;
    private final boolean another;

    /** @param another whether there must be room for one more deployment */
    Room(Aws aws, Findings findings, Caller caller, Wanted wanted, boolean another) {
        this.aws = aws;
        this.findings = findings;
        this.caller = caller;
        this.wanted = wanted;
        this.another = another;
    }

    /** @param forUploads executions that the re-encryption may take at a time */
    void check(int forUploads) {
        findings.look("CloudHSM clusters and HSMs", this::clusters);
        findings.look("custom key stores", this::keyStores);
        findings.look("key alias", this::alias);
        findings.look("Lambda concurrency", () -> concurrency(forUploads));
        for (var bucket : wanted.buckets()) findings.look("bucket name", () -> bucket(bucket));
    }

    /** What holds: the value that was applied to the account, else AWS's default. */
    private long quota(String service, String code) {
        var input = Json.object().put("ServiceCode", service).put("QuotaCode", code);
        try {
            return value(aws.json(Api.QUOTAS, "GetServiceQuota", input));
        } catch (AwsFailure notApplied) {
            if (!notApplied.code().equals("NoSuchResourceException")) throw notApplied;
            return value(aws.json(Api.QUOTAS, "GetAWSDefaultServiceQuota", input));
        }
    }

    private static long value(JsonNode answer) {
        return answer.path("Quota").path("Value").asLong();
    }

    private void clusters() {
        var clusters =
                aws
                        .pages(Api.CLOUDHSM, "DescribeClusters", Json.object(), "Clusters", "NextToken", "NextToken")
                        .stream()
                        .filter(cluster -> !cluster.path("State").asText().equals("DELETED"))
                        .toList();
        var most = quota("cloudhsm", "L-4B16B391");
        compare(
                "CloudHSM clusters",
                "cluster",
                clusters.size(),
                wanted.adoptsCluster() ? 0 : 1,
                most,
                "delete one that nobody needs, or have Service Quotas raise \"Clusters per Region\" (L-4B16B391) and"
                        + " deploy with the parameter ClusterQuota");
        var hsms = clusters.stream()
                .flatMap(cluster -> cluster.path("Hsms").valueStream())
                .filter(hsm -> !hsm.path("State").asText().equals("DELETED"))
                .count();
        compare(
                "HSMs",
                "HSM",
                hsms,
                wanted.hsms(),
                quota("cloudhsm", "L-95BA35D1"),
                "delete some, or have Service Quotas raise \"HSMs per Region\" (L-95BA35D1) and deploy with the"
                        + " parameter HsmQuota");
    }

    private void keyStores() {
        var stores =
                aws.pages(Api.KMS, "DescribeCustomKeyStores", Json.object(), "CustomKeyStores", "Marker", "NextMarker");
        compare(
                "custom key stores",
                "key store",
                stores.size(),
                1,
                quota("kms", "L-F33DCFEB"),
                "delete one; AWS does not raise this quota");
        stores.stream()
                .filter(store -> store.path("CustomKeyStoreName").asText().equals(wanted.keyStore()))
                .findFirst()
                .ifPresent(store -> findings.noted(
                        "key store name",
                        "\"" + wanted.keyStore() + "\" is the name of "
                                + store.path("CustomKeyStoreId").asText()
                                + "; provisioning takes it only if the deployment \"" + wanted.deployment()
                                + "\" has made it.",
                        "if it has not, give keyStore.name in the input"));
    }

    private void compare(String check, String what, long used, long needed, long most, String next) {
        var said = aws.region() + " has " + used + " " + what + (used == 1 ? "" : "s") + " of " + most;
        if (!another) findings.right(check, said + ".");
        else if (used + needed <= most) findings.right(check, said + ", and a new deployment needs " + needed + ".");
        else findings.wrong(check, said + ", and a new deployment needs " + needed + " more.", next);
    }

    private void alias() {
        try {
            var key = aws.json(Api.KMS, "DescribeKey", Json.object().put("KeyId", wanted.keyAlias()));
            findings.noted(
                    "key alias",
                    wanted.keyAlias() + " names key "
                            + key.path("KeyMetadata").path("KeyId").asText()
                            + "; provisioning takes it only if the deployment \"" + wanted.deployment()
                            + "\" has made it.",
                    "if it has not, give key.alias in the input");
        } catch (AwsFailure absent) {
            if (!absent.code().equals("NotFoundException")) throw absent;
            findings.right("key alias", wanted.keyAlias() + " is free.");
        }
    }

    private void concurrency(int forUploads) {
        var limit = aws.get("GetAccountSettings", "/2016-08-19/account-settings", Map.of())
                .path("AccountLimit");
        var unreserved = limit.path("UnreservedConcurrentExecutions").asInt();
        var said = "the account runs " + limit.path("ConcurrentExecutions").asInt() + " functions at a time (Service"
                + " Quotas says " + quota("lambda", "L-B99A9384") + "), " + unreserved
                + " of them unreserved; the re-encryption may take " + forUploads;
        var left = unreserved - forUploads;
        if (left >= LEAST_FOR_STAGES) {
            findings.right("Lambda concurrency", said + ", which leaves " + left + ".");
            return;
        }
        findings.wrong(
                "Lambda concurrency",
                said + ", and the stages need " + LEAST_FOR_STAGES + ".",
                "have Service Quotas raise \"Concurrent executions\" (L-B99A9384), which costs nothing, or deploy with"
                        + " a smaller ReencryptionConcurrency");
    }

    private void bucket(Wanted.Bucket bucket) {
        var name = wanted.nameOf(bucket, caller, aws.region());
        try {
            var region = aws.headBucket(name, caller.account()).orElse(aws.region());
            if (!region.equals(aws.region())) {
                elsewhere(name, region);
            } else if (bucket.adopt()) {
                findings.right("bucket name", name + " is there and will be adopted.");
            } else {
                findings.noted(
                        "bucket name",
                        name + " is there already; provisioning takes it only if the deployment \""
                                + wanted.deployment() + "\" has made it.",
                        "if it has not, choose another name, or give \"adopt\": true beside it");
            }
        } catch (AwsFailure failure) {
            switch (failure.code()) {
                case "404" -> findings.right("bucket name", name + " is free.");
                case "301" -> elsewhere(name, "another Region");
                case "403" ->
                    findings.wrong(
                            "bucket name",
                            name + " is another account's, or you may not see it (s3:ListBucket).",
                            "choose another name; if the bucket is this account's, look at its policy");
                default -> throw failure;
            }
        }
    }

    private void elsewhere(String name, String region) {
        findings.wrong(
                "bucket name",
                name + " is in " + region + "; key and bucket must both be in " + aws.region() + ".",
                "choose another name");
    }

    /** What a launch of the client takes from the account's defaults. */
    void defaults() {
        findings.look("instance metadata", this::metadata);
        findings.look("EBS encryption", this::volumes);
        for (var role : List.of(
                "AWSServiceRoleForCloudHSM cloudhsm.amazonaws.com",
                "AWSServiceRoleForKeyManagementServiceCustomKeyStores cks.kms.amazonaws.com")) {
            var name = role.split(" ")[0];
            findings.look("service-linked role", () -> serviceLinkedRole(name, role.split(" ")[1]));
        }
    }

    private void metadata() {
        var endpoint = aws.query(Api.EC2, "GetInstanceMetadataDefaults", Map.of())
                .child("accountLevel")
                .map(level -> Xml.text(level, "httpEndpoint"))
                .orElse("");
        if (endpoint.equals("disabled")) {
            findings.wrong(
                    "instance metadata",
                    "the account's default turns the metadata service of new instances off, and without it the client"
                            + " has no credentials.",
                    "set it with: aws ec2 modify-instance-metadata-defaults --http-endpoint enabled");
            return;
        }
        findings.right(
                "instance metadata", "new instances have the metadata service; the client asks for IMDSv2 itself.");
    }

    private void volumes() {
        var key = Xml.text(aws.query(Api.EC2, "GetEbsDefaultKmsKeyId", Map.of()), "kmsKeyId");
        var always = Xml.text(aws.query(Api.EC2, "GetEbsEncryptionByDefault", Map.of()), "ebsEncryptionByDefault")
                .equals("true");
        findings.right(
                "EBS encryption",
                "the default key is " + key + ", volumes are encrypted "
                        + (always ? "always" : "where a launch says so")
                        + "; the client's launch says so and names alias/aws/ebs.");
    }

    /** Which of the two is missing is made by the service, in the name of the stage that first needs it. */
    private void serviceLinkedRole(String name, String service) {
        try {
            aws.query(Api.IAM, "GetRole", Map.of("RoleName", name));
            findings.right("service-linked role", name + " is there.");
        } catch (AwsFailure absent) {
            if (!absent.code().equals("NoSuchEntity")) throw absent;
            findings.right(
                    "service-linked role",
                    name + " is not there; " + service + " makes it when it is first used, by the stage's own right.");
        }
    }
}
