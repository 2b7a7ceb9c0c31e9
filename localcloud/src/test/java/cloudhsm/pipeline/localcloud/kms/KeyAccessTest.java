package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.MalformedPolicyDocumentException;

/** A key's policy and the caller's own policies decide together. */
class KeyAccessTest {
    private static final Map<String, String> BUCKET = Map.of("aws:s3:arn", "arn:aws:s3:::reports");
    private static final String VIA_S3 = "s3.eu-central-1.amazonaws.com";
    private static final String ROOT = """
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}\
        """;

    private final LocalCloud cloud = LocalCloud.start();
    private final Callers callers = new Callers(cloud);
    private final KmsClient kms = callers.client(KmsClient.builder(), callers.administrator());

    @AfterEach
    void close() {
        kms.close();
        cloud.close();
    }

    private String createKey(String... statements) {
        return kms.createKey(key -> key.policy(policy(statements)))
                .keyMetadata()
                .arn();
    }

    private static String policy(String... statements) {
        return "{\"Version\": \"2012-10-17\", \"Statement\": [" + String.join(",", statements) + "]}";
    }

    private static String statement(String effect, String role, String action, String condition) {
        return """
            {"Effect": "%s", "Principal": {"AWS": "arn:aws:iam::111122223333:role/%s"}, "Action": "%s",
             "Resource": "*", "Condition": %s}\
            """.formatted(effect, role, action, condition);
    }

    private void describe(Identity caller, String key) {
        try (var client = callers.client(KmsClient.builder(), caller)) {
            client.describeKey(request -> request.keyId(key));
        }
    }

    private String refusalOfDescribe(Identity caller, String key) {
        var refused = assertThrows(KmsException.class, () -> describe(caller, key));
        assertEquals("AccessDeniedException", refused.awsErrorDetails().errorCode());
        return refused.awsErrorDetails().errorMessage();
    }

    @Test
    void accountPrincipalLeavesItToTheCallersPolicies() {
        var key = kms.createKey().keyMetadata().arn();
        describe(callers.roleWith("reader", Callers.allow("kms:DescribeKey", key)), key);
        var other = callers.roleWith("other", Callers.allow("kms:ListKeys", "*"));
        assertEquals(
                "User: " + other.arn() + " is not authorized to perform: kms:DescribeKey on resource: " + key
                        + " because no identity-based policy allows the kms:DescribeKey action",
                refusalOfDescribe(other, key));
    }

    @Test
    void callersPolicyAloneIsNotEnough() {
        var reader = callers.roleWith("reader", Callers.allow("kms:*", "*"));
        var key = createKey("""
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/administrator"},
             "Action": "kms:*", "Resource": "*"}\
            """);
        assertTrue(
                refusalOfDescribe(reader, key)
                        .endsWith("because no resource-based policy allows the kms:DescribeKey action"),
                "without the account as principal, identity-based policies have no say");
    }

    @Test
    void roleNamedInTheKeyPolicyNeedsNoOther() {
        var reader = callers.roleWith("reader", Callers.allow("kms:ListKeys", "*"));
        var key = createKey(ROOT, statement("Allow", "reader", "kms:DescribeKey", "{}"));
        describe(reader, key);
    }

    @Test
    void denyInTheKeyPolicyWins() {
        var reader = callers.roleWith("reader", Callers.allow("kms:*", "*"));
        var key = createKey(ROOT, statement("Deny", "reader", "kms:DescribeKey", "{}"));
        assertTrue(refusalOfDescribe(reader, key).endsWith("with an explicit deny in a resource-based policy"));
    }

    @Test
    void denyInTheCallersPolicyWinsOverTheKeyPolicy() {
        var reader = callers.roleWith("reader", """
            {"Effect": "Deny", "Action": "kms:DescribeKey", "Resource": "*"}\
            """);
        var key = createKey(ROOT, statement("Allow", "reader", "kms:DescribeKey", "{}"));
        assertTrue(refusalOfDescribe(reader, key).endsWith("with an explicit deny in an identity-based policy"));
    }

    @Test
    void viaServiceAndEncryptionContextLimitUse() {
        var writer = callers.roleWith("writer", Callers.allow("kms:ListKeys", "*"));
        var key = createKey(ROOT, statement("Allow", "writer", "kms:GenerateDataKey", """
            {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com",
                              "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::reports",
                              "kms:CallerAccount": "111122223333"}}\
            """));
        cloud.kms().generateDataKey(writer, key, BUCKET, VIA_S3);
        assertThrows(
                AwsException.class,
                () -> cloud.kms().generateDataKey(writer, key, Map.of("aws:s3:arn", "arn:aws:s3:::other"), VIA_S3));
        try (var direct = callers.client(KmsClient.builder(), writer)) {
            assertThrows(
                    KmsException.class,
                    () -> direct.generateDataKey(
                            request -> request.keyId(key).keySpec("AES_256").encryptionContext(BUCKET)),
                    "a direct call is not by way of S3");
        }
    }

    @Test
    void aliasConditionsSeeTheAlias() {
        var key = kms.createKey().keyMetadata().arn();
        kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(key));
        kms.createAlias(alias -> alias.aliasName("alias/zeta").targetKeyId(key));
        var byAlias = callers.roleWith("by-alias", """
            {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*",
             "Condition": {"StringEquals": {"kms:RequestAlias": "alias/reports"}}}\
            """);
        describe(byAlias, "alias/reports");
        refusalOfDescribe(byAlias, key);
        var ofAlias = callers.roleWith("of-alias", """
            {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*",
             "Condition": {"StringEquals": {"kms:ResourceAliases": "alias/reports"}}}\
            """);
        describe(ofAlias, key);
    }

    @Test
    void aliasNeedsTheRightOnAliasAndKey() {
        var key = kms.createKey().keyMetadata().arn();
        var alias = "arn:aws:kms:eu-central-1:111122223333:alias/reports";
        for (var resource : new String[] {key, alias}) {
            var half = callers.roleWith("half-" + resource.length(), Callers.allow("kms:CreateAlias", resource));
            try (var client = callers.client(KmsClient.builder(), half)) {
                assertThrows(
                        KmsException.class,
                        () -> client.createAlias(
                                request -> request.aliasName("alias/reports").targetKeyId(key)),
                        resource);
            }
        }
        var both = callers.roleWith(
                "both", Callers.allow("kms:CreateAlias", key) + "," + Callers.allow("kms:CreateAlias", alias));
        try (var client = callers.client(KmsClient.builder(), both)) {
            client.createAlias(request -> request.aliasName("alias/reports").targetKeyId(key));
        }
    }

    @Test
    void reEncryptionNeedsARightOnEachKey() {
        var source = kms.createKey().keyMetadata().arn();
        var destination = kms.createKey().keyMetadata().arn();
        var encrypted = cloud.kms()
                .generateDataKey(callers.administrator(), source, BUCKET, VIA_S3)
                .encrypted();
        var half = callers.roleWith("half", Callers.allow("kms:ReEncryptFrom", source));
        var refused = assertThrows(
                AwsException.class, () -> cloud.kms().reEncrypt(half, encrypted, BUCKET, destination, BUCKET, VIA_S3));
        assertTrue(refused.getMessage().contains("kms:ReEncryptTo on resource: " + destination), refused.getMessage());
    }

    @Test
    void taggingAtCreationNeedsItsOwnRight() {
        var creator = callers.roleWith("creator", Callers.allow("kms:CreateKey", "*"));
        try (var client = callers.client(KmsClient.builder(), creator)) {
            client.createKey();
            var refused = assertThrows(
                    KmsException.class,
                    () -> client.createKey(
                            key -> key.tags(tag -> tag.tagKey("a").tagValue("b"))));
            assertTrue(refused.getMessage().contains("kms:TagResource"), refused.getMessage());
        }
    }

    @Test
    void principalThatDoesNotExistIsRefused() {
        var refused = assertThrows(
                MalformedPolicyDocumentException.class,
                () -> createKey(ROOT, statement("Allow", "nobody", "kms:Decrypt", "{}")));
        assertEquals(
                "Policy contains a statement with one or more invalid principals.",
                refused.awsErrorDetails().errorMessage());
        assertTrue(kms.listKeys().keys().isEmpty(), "nothing may have been created");
    }

    @Test
    void policyThatLocksItsAuthorOutIsRefusedUnlessBypassed() {
        callers.roleWith("reader", Callers.allow("kms:*", "*"));
        var locking = policy(statement("Allow", "reader", "kms:*", "{}"));
        var refused =
                assertThrows(MalformedPolicyDocumentException.class, () -> kms.createKey(key -> key.policy(locking)));
        assertEquals(
                "The new key policy will not allow you to update the key policy in the future.",
                refused.awsErrorDetails().errorMessage());
        var key = kms.createKey().keyMetadata().arn();
        assertThrows(
                MalformedPolicyDocumentException.class,
                () -> kms.putKeyPolicy(request -> request.keyId(key).policy(locking)));
        kms.putKeyPolicy(request -> request.keyId(key).policy(locking).bypassPolicyLockoutSafetyCheck(true));
        assertThrows(KmsException.class, () -> kms.getKeyPolicy(request -> request.keyId(key)));
    }

    @Test
    void policyIsReturnedAsItWasPut() {
        var text = policy(ROOT);
        var key = kms.createKey().keyMetadata().arn();
        kms.putKeyPolicy(request -> request.keyId(key).policy(text));
        assertEquals(text, kms.getKeyPolicy(request -> request.keyId(key)).policy());
        assertThrows(
                MalformedPolicyDocumentException.class,
                () -> kms.putKeyPolicy(request -> request.keyId(key).policy("no JSON")));
        assertThrows(
                MalformedPolicyDocumentException.class,
                () -> kms.putKeyPolicy(request -> request.keyId(key).policy(policy("""
                    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*"}\
                    """))),
                "a key policy statement needs its Resource");
    }

    @Test
    void awsManagedKeyServesEverybodyThroughItsServiceOnly() {
        var key = cloud.kms().awsManagedKey("alias/aws/s3");
        assertEquals(key, cloud.kms().awsManagedKey("alias/aws/s3"), "one per account");
        var anybody = callers.roleWith("anybody", Callers.allow("s3:PutObject", "*"));
        cloud.kms().generateDataKey(anybody, "alias/aws/s3", BUCKET, VIA_S3);
        assertThrows(
                AwsException.class,
                () -> cloud.kms().generateDataKey(anybody, key, BUCKET, "secretsmanager.eu-central-1.amazonaws.com"));
        assertThrows(
                KmsException.class,
                () -> kms.scheduleKeyDeletion(request -> request.keyId(key)),
                "nobody deletes AWS's own key");
        assertEquals(
                "AWS",
                kms.describeKey(request -> request.keyId(key)).keyMetadata().keyManagerAsString());
    }
}
