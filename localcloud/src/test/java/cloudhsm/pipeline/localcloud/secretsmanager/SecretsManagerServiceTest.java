package cloudhsm.pipeline.localcloud.secretsmanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.FilterNameStringType;
import software.amazon.awssdk.services.secretsmanager.model.InvalidParameterException;
import software.amazon.awssdk.services.secretsmanager.model.InvalidRequestException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceExistsException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.SecretListEntry;
import software.amazon.awssdk.services.secretsmanager.model.SecretsManagerException;

class SecretsManagerServiceTest {
    private static final String TOKEN = "00000000-0000-4000-8000-000000000001";
    private static final String OTHER_TOKEN = "00000000-0000-4000-8000-000000000002";

    private final LocalCloud cloud = LocalCloud.start();
    private final SecretsManagerClient secrets = client(cloud.iam().administrator());

    @AfterEach
    void close() {
        secrets.close();
        cloud.close();
    }

    private SecretsManagerClient client(Identity caller) {
        return SecretsManagerClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey())))
                .overrideConfiguration(overrides -> overrides.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .httpClient(UrlConnectionHttpClient.create())
                .build();
    }

    private SecretsManagerClient roleWith(String statement) {
        var trust = """
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}\
            """;
        var role = cloud.iam().createRole("caller", policy(trust));
        role.policies().put("rights", policy(statement));
        return client(cloud.iam().session(role, "test"));
    }

    private static PolicyDocument policy(String statement) {
        return PolicyDocument.parse(Json.parse("{\"Statement\": [" + statement + "]}"));
    }

    private String create(String name, String value) {
        return secrets.createSecret(secret -> secret.name(name).secretString(value))
                .arn();
    }

    private String valueOf(String secretId) {
        return secrets.getSecretValue(request -> request.secretId(secretId)).secretString();
    }

    @Test
    void secretIsReadByNameArnAndPartialArn() {
        var arn = create("pipeline/kmsuser", "correct horse");
        assertTrue(arn.matches("arn:aws:secretsmanager:eu-central-1:111122223333:secret:pipeline/kmsuser-\\w{6}"), arn);
        for (var id : List.of("pipeline/kmsuser", arn, arn.substring(0, arn.length() - 7))) {
            assertEquals("correct horse", valueOf(id), id);
        }
    }

    @Test
    void binaryValueComesBackAsBinary() {
        secrets.createSecret(secret -> secret.name("key").secretBinary(SdkBytes.fromByteArray(new byte[] {0, 1, 2})));
        var value = secrets.getSecretValue(request -> request.secretId("key"));
        assertEquals(SdkBytes.fromByteArray(new byte[] {0, 1, 2}), value.secretBinary());
        assertEquals(null, value.secretString());
    }

    @Test
    void repeatedCreationWithTheSameTokenIsTheSameSecret() {
        var first = secrets.createSecret(
                secret -> secret.name("a").secretString("value").clientRequestToken(TOKEN));
        var again = secrets.createSecret(
                secret -> secret.name("a").secretString("value").clientRequestToken(TOKEN));
        assertEquals(first.arn(), again.arn());
        assertEquals(TOKEN, again.versionId());
        assertThrows(
                ResourceExistsException.class,
                () -> secrets.createSecret(
                        secret -> secret.name("a").secretString("value").clientRequestToken(OTHER_TOKEN)));
    }

    @Test
    void errorsDoNotRepeatTheValue() {
        create("a", "first-password");
        var exists = assertThrows(
                ResourceExistsException.class,
                () -> secrets.createSecret(secret -> secret.name("a").secretString("second-password")));
        assertFalse(exists.getMessage().contains("password"), exists.getMessage());
        var both = assertThrows(
                InvalidParameterException.class,
                () -> secrets.createSecret(secret ->
                        secret.name("b").secretString("third-password").secretBinary(SdkBytes.fromUtf8String("x"))));
        assertFalse(both.getMessage().contains("password"), both.getMessage());
    }

    @Test
    void newValueBecomesCurrentAndTheOldOnePrevious() {
        create("a", "old");
        secrets.putSecretValue(request -> request.secretId("a").secretString("new"));
        assertEquals("new", valueOf("a"));
        var previous = secrets.getSecretValue(request -> request.secretId("a").versionStage("AWSPREVIOUS"));
        assertEquals("old", previous.secretString());
        assertEquals(
                "old",
                secrets.getSecretValue(request -> request.secretId("a").versionId(previous.versionId()))
                        .secretString());
        assertThrows(
                ResourceNotFoundException.class,
                () -> secrets.getSecretValue(request -> request.secretId("a").versionStage("AWSPENDING")));
    }

    @Test
    void tokenOfAPutNamesOneValue() {
        create("a", "old");
        secrets.putSecretValue(
                request -> request.secretId("a").secretString("new").clientRequestToken(TOKEN));
        secrets.putSecretValue(
                request -> request.secretId("a").secretString("new").clientRequestToken(TOKEN));
        assertEquals(
                "old",
                secrets.getSecretValue(request -> request.secretId("a").versionStage("AWSPREVIOUS"))
                        .secretString(),
                "a repeated request must not make another version");
        assertThrows(
                ResourceExistsException.class,
                () -> secrets.putSecretValue(
                        request -> request.secretId("a").secretString("other").clientRequestToken(TOKEN)));
        assertEquals("new", valueOf("a"));
    }

    @Test
    void secretWithoutAValueHasNothingToRead() {
        secrets.createSecret(secret -> secret.name("empty"));
        assertThrows(ResourceNotFoundException.class, () -> valueOf("empty"));
        secrets.updateSecret(request -> request.secretId("empty").secretString("value"));
        assertEquals("value", valueOf("empty"));
    }

    @Test
    void secretScheduledForDeletionIsOutOfUseUntilRestored() {
        create("a", "value");
        secrets.deleteSecret(request -> request.secretId("a").recoveryWindowInDays(7L));
        assertThrows(InvalidRequestException.class, () -> valueOf("a"));
        assertThrows(
                InvalidRequestException.class,
                () -> create("a", "value"),
                "the name is taken until the secret is really gone");
        assertTrue(secrets.listSecrets().secretList().isEmpty());
        secrets.restoreSecret(request -> request.secretId("a"));
        assertEquals("value", valueOf("a"));
        cloud.advance(Duration.ofDays(8));
        assertEquals("value", valueOf("a"), "a restored secret must not be deleted after all");
    }

    @Test
    void secretIsGoneAfterItsRecoveryWindowOrAtOnceByForce() {
        var first = create("a", "value");
        secrets.deleteSecret(request -> request.secretId("a").recoveryWindowInDays(7L));
        cloud.advance(Duration.ofDays(7));
        assertThrows(ResourceNotFoundException.class, () -> valueOf("a"));
        assertNotEquals(first, create("a", "value"), "a name used again gets another ARN");
        secrets.deleteSecret(request -> request.secretId("a").forceDeleteWithoutRecovery(true));
        assertThrows(ResourceNotFoundException.class, () -> valueOf("a"));
        create("b", "value");
        assertThrows(
                InvalidParameterException.class,
                () -> secrets.deleteSecret(request ->
                        request.secretId("b").forceDeleteWithoutRecovery(true).recoveryWindowInDays(7L)));
        assertThrows(
                InvalidParameterException.class,
                () -> secrets.deleteSecret(request -> request.secretId("b").recoveryWindowInDays(6L)));
    }

    @Test
    void listIsFilteredByNameAndTag() {
        create("pipeline/one", "1");
        create("pipeline/two", "2");
        create("other", "3");
        secrets.tagResource(request ->
                request.secretId("other").tags(tag -> tag.key("deployment").value("x")));
        var byName = secrets.listSecretsPaginator(request -> request.maxResults(1)
                .filters(filter -> filter.key(FilterNameStringType.NAME).values("pipeline/")));
        assertEquals(
                List.of("pipeline/one", "pipeline/two"),
                byName.stream()
                        .flatMap(page -> page.secretList().stream())
                        .map(SecretListEntry::name)
                        .toList());
        var byTag = secrets.listSecrets(request -> request.filters(
                filter -> filter.key(FilterNameStringType.TAG_KEY).values("deployment")));
        assertEquals("other", byTag.secretList().getFirst().name());
    }

    @Test
    void passwordHasOneCharacterOfEachIncludedType() {
        for (int i = 0; i < 20; i++) {
            var password = secrets.getRandomPassword(
                            request -> request.passwordLength(8L).excludePunctuation(true))
                    .randomPassword();
            assertTrue(password.matches("(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[a-zA-Z0-9]{8}"), "not as asked for");
        }
        assertEquals(32, secrets.getRandomPassword().randomPassword().length());
        var digits = secrets.getRandomPassword(request -> request.excludePunctuation(true)
                        .excludeLowercase(true)
                        .excludeUppercase(true)
                        .excludeCharacters("0123")
                        .passwordLength(100L))
                .randomPassword();
        assertTrue(digits.matches("[4-9]{100}"), "not as asked for");
    }

    @Test
    void impossiblePasswordIsRefused() {
        assertThrows(
                InvalidParameterException.class,
                () -> secrets.getRandomPassword(request -> request.passwordLength(3L)));
        assertThrows(
                InvalidParameterException.class,
                () -> secrets.getRandomPassword(request -> request.excludePunctuation(true)
                        .excludeLowercase(true)
                        .excludeUppercase(true)
                        .excludeNumbers(true)));
        var tooLong = assertThrows(
                SecretsManagerException.class,
                () -> secrets.getRandomPassword(request -> request.passwordLength(4097L)));
        assertEquals("ValidationException", tooLong.awsErrorDetails().errorCode());
    }

    @Test
    void creationIsAuthorizedOnTheNameWithSixMoreCharacters() {
        try (var caller = roleWith("""
            {"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret"],
             "Resource": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:pipeline/a-??????"}\
            """)) {
            assertThrows(
                    ResourceNotFoundException.class,
                    () -> caller.describeSecret(request -> request.secretId("pipeline/a")),
                    "who may read the secret learns that it is not there");
            caller.createSecret(secret -> secret.name("pipeline/a").secretString("value"));
            var refused = assertThrows(
                    SecretsManagerException.class,
                    () -> caller.createSecret(
                            secret -> secret.name("pipeline/b").secretString("value")));
            assertEquals("AccessDeniedException", refused.awsErrorDetails().errorCode());
            var unknown = assertThrows(
                    SecretsManagerException.class,
                    () -> caller.describeSecret(request -> request.secretId("pipeline/b")));
            assertEquals(
                    "AccessDeniedException",
                    unknown.awsErrorDetails().errorCode(),
                    "who may not read a secret does not learn whether it is there");
        }
    }

    @Test
    void tagsOfTheSecretDecideOnAccess() {
        create("mine", "value");
        create("foreign", "value");
        secrets.tagResource(
                request -> request.secretId("mine").tags(tag -> tag.key("team").value("a")));
        try (var caller = roleWith("""
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
             "Condition": {"StringEquals": {"aws:ResourceTag/team": "a", "secretsmanager:ResourceTag/team": "a"}}}\
            """)) {
            assertEquals(
                    "value",
                    caller.getSecretValue(request -> request.secretId("mine")).secretString());
            assertThrows(
                    SecretsManagerException.class, () -> caller.getSecretValue(request -> request.secretId("foreign")));
        }
    }

    @Test
    void tagsOfTheRequestDecideOnCreation() {
        try (var caller = roleWith("""
            {"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
             "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/team": "a"}}}\
            """)) {
            assertThrows(
                    SecretsManagerException.class,
                    () -> caller.createSecret(secret -> secret.name("untagged").secretString("value")));
            caller.createSecret(secret -> secret.name("tagged")
                    .secretString("value")
                    .tags(tag -> tag.key("team").value("a")));
        }
    }

    @Test
    void customerKeyIsRefusedRatherThanIgnored() {
        assertThrows(
                InvalidParameterException.class,
                () -> secrets.createSecret(
                        secret -> secret.name("a").secretString("value").kmsKeyId("alias/mine")));
    }
}
