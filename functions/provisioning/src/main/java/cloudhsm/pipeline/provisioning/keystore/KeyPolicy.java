package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Objects;

/**
 * The policy of a key. The account itself keeps all rights, so that IAM policies count and the key can never become
 * unmanageable; administrators manage the key, its policy too, and cannot use it by that policy; users and the re-encryptor use it through S3 only.
 *
 * @param region where S3 must act for the users, as in eu-central-1
 * @param reencryptionRoleArn the role of the function that re-encrypts uploads; names partition and account, too
 * @param administrators ARNs of roles and users; may be empty
 * @param users ARNs of roles and users; may be empty
 * @param deletable whether the administrators may schedule the key's deletion
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html">Default key policy</a>
 */
record KeyPolicy(
        String region, String reencryptionRoleArn, List<String> administrators, List<String> users, boolean deletable) {
    /** What the console's default key policy lets administrators do, but the deletion and grants to themselves. */
    private static final List<String> ADMINISTRATION = List.of(
            "kms:CancelKeyDeletion",
            "kms:CreateAlias",
            "kms:Delete*",
            "kms:Describe*",
            "kms:Disable*",
            "kms:Enable*",
            "kms:Get*",
            "kms:List*",
            "kms:Put*",
            "kms:Revoke*",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:Update*");

    /** What S3 does on a caller's behalf: upload, download, multipart upload, change of an object's encryption. */
    private static final List<String> USE =
            List.of("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*");

    KeyPolicy {
        Objects.requireNonNull(region, "region");
        Objects.requireNonNull(reencryptionRoleArn, "reencryptionRoleArn");
        administrators = List.copyOf(administrators);
        users = List.copyOf(users);
    }

    /** The policy document. */
    String json() {
        var policy = Json.MAPPER.createObjectNode().put("Version", "2012-10-17");
        var statements = policy.putArray("Statement");
        statements.add(allow("AccountDelegatesToIam", List.of(accountRoot()), List.of("kms:*")));
        if (!administrators.isEmpty()) {
            statements.add(allow("KeyAdministrators", administrators, ADMINISTRATION));
            var grants = allow("KeyAdministratorsGrantToServices", administrators, List.of("kms:CreateGrant"));
            grants.putObject("Condition").putObject("Bool").put("kms:GrantIsForAWSResource", "true");
            statements.add(grants);
            if (deletable) {
                statements.add(allow("KeyAdministratorsMayDelete", administrators, List.of("kms:ScheduleKeyDeletion")));
            }
        }
        if (!users.isEmpty()) statements.add(throughS3("KeyUsersThroughS3", users));
        statements.add(throughS3("ReencryptionThroughS3", List.of(reencryptionRoleArn)));
        return policy.toString();
    }

    private ObjectNode throughS3(String sid, List<String> principals) {
        var statement = allow(sid, principals, USE);
        statement
                .putObject("Condition")
                .putObject("StringEquals")
                .put("kms:ViaService", "s3." + region + ".amazonaws.com");
        return statement;
    }

    private static ObjectNode allow(String sid, List<String> principals, List<String> actions) {
        var statement = Json.MAPPER.createObjectNode().put("Sid", sid).put("Effect", "Allow");
        principals.forEach(statement.putObject("Principal").putArray("AWS")::add);
        actions.forEach(statement.putArray("Action")::add);
        return statement.put("Resource", "*");
    }

    private String accountRoot() {
        var arn = reencryptionRoleArn.split(":", 6);
        return "arn:" + arn[1] + ":iam::" + arn[4] + ":root";
    }
}
