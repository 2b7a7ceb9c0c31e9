package cloudhsm.pipeline.provisioning.keystore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KeyPolicyTest {
    private static final String REENCRYPTOR = "arn:aws:iam::111122223333:role/reencryptor";
    private static final String ADMINISTRATOR = "arn:aws:iam::111122223333:role/administrator";
    private static final String USER = "arn:aws:iam::111122223333:user/reader";

    @Test
    void administratorsManageAndUsersUseTheKeyThroughS3Only() throws JsonProcessingException {
        var policy = new KeyPolicy("eu-central-1", REENCRYPTOR, List.of(ADMINISTRATOR), List.of(USER), true);

        assertEquals(
                Json.MAPPER.readTree("""
                    {
                      "Version": "2012-10-17",
                      "Statement": [
                        {
                          "Sid": "AccountDelegatesToIam",
                          "Effect": "Allow",
                          "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]},
                          "Action": ["kms:*"],
                          "Resource": "*"
                        },
                        {
                          "Sid": "KeyAdministrators",
                          "Effect": "Allow",
                          "Principal": {"AWS": ["arn:aws:iam::111122223333:role/administrator"]},
                          "Action": [
                            "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:Delete*", "kms:Describe*",
                            "kms:Disable*", "kms:Enable*", "kms:Get*", "kms:List*", "kms:Put*", "kms:Revoke*",
                            "kms:TagResource", "kms:UntagResource", "kms:Update*"
                          ],
                          "Resource": "*"
                        },
                        {
                          "Sid": "KeyAdministratorsGrantToServices",
                          "Effect": "Allow",
                          "Principal": {"AWS": ["arn:aws:iam::111122223333:role/administrator"]},
                          "Action": ["kms:CreateGrant"],
                          "Resource": "*",
                          "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}
                        },
                        {
                          "Sid": "KeyAdministratorsMayDelete",
                          "Effect": "Allow",
                          "Principal": {"AWS": ["arn:aws:iam::111122223333:role/administrator"]},
                          "Action": ["kms:ScheduleKeyDeletion"],
                          "Resource": "*"
                        },
                        {
                          "Sid": "KeyUsersThroughS3",
                          "Effect": "Allow",
                          "Principal": {"AWS": ["arn:aws:iam::111122223333:user/reader"]},
                          "Action": [
                            "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*",
                            "kms:ReEncrypt*"
                          ],
                          "Resource": "*",
                          "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
                        },
                        {
                          "Sid": "ReencryptionThroughS3",
                          "Effect": "Allow",
                          "Principal": {"AWS": ["arn:aws:iam::111122223333:role/reencryptor"]},
                          "Action": [
                            "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*",
                            "kms:ReEncrypt*"
                          ],
                          "Resource": "*",
                          "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
                        }
                      ]
                    }
                    """),
                Json.MAPPER.readTree(policy.json()),
                "whoever can use the key can read the bucket");
    }

    @Test
    void administratorsOfAKeyThatIsNotDeletableMayNotScheduleItsDeletion() {
        var policy = new KeyPolicy("eu-central-1", REENCRYPTOR, List.of(ADMINISTRATOR), List.of(), false);

        assertFalse(policy.json().contains("ScheduleKeyDeletion"), "deleting the key destroys every object under it");
    }

    /** As IAM reads it: with CreateGrant alone an administrator could grant itself Decrypt. */
    @Test
    void anAdministratorCannotGrantItselfTheUseOfTheKey() throws JsonProcessingException {
        var policy = PolicyDocument.parse(Json.MAPPER.readTree(
                new KeyPolicy("eu-central-1", REENCRYPTOR, List.of(ADMINISTRATOR), List.of(), true).json()));
        var administrator = Set.of(ADMINISTRATOR);

        assertEquals(Decision.NOT_MENTIONED, policy.decide(administrator, "kms:CreateGrant", "*", Map.of()));
        assertEquals(
                Decision.NOT_MENTIONED,
                policy.decide(administrator, "kms:CreateGrant", "*", Map.of("kms:GrantIsForAWSResource", "false")));
        assertEquals(
                Decision.ALLOWED,
                policy.decide(administrator, "kms:CreateGrant", "*", Map.of("kms:GrantIsForAWSResource", "true")),
                "services that act for an administrator, such as EBS");
    }

    @Test
    void nobodyIsNamedWhereNobodyIsGiven() throws JsonProcessingException {
        var policy = new KeyPolicy("eu-central-1", REENCRYPTOR, List.of(), List.of(), true);

        assertEquals(
                List.of("AccountDelegatesToIam", "ReencryptionThroughS3"),
                Json.MAPPER.readTree(policy.json()).findValuesAsText("Sid"),
                "KMS refuses a statement without principals");
    }

    @Test
    void theAccountIsThatOfTheReencryptorInItsOwnPartition() {
        var policy = new KeyPolicy(
                "us-gov-west-1", "arn:aws-us-gov:iam::444455556666:role/reencryptor", List.of(), List.of(), true);

        assertEquals(
                1,
                policy.json().split("\"arn:aws-us-gov:iam::444455556666:root\"", -1).length - 1,
                "a foreign account's root would give the key away");
    }
}
