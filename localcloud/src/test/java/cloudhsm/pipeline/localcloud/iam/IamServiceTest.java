package cloudhsm.pipeline.localcloud.iam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.iam.model.NoSuchEntityException;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.StsException;

class IamServiceTest {
    private static final String TRUST = """
        {"Statement":{"Effect":"Allow","Principal":{"%s":"%s"},"Action":"sts:AssumeRole"}}\
        """;

    private final LocalCloud cloud = LocalCloud.start();
    private final IamClient iam = cloud.client(IamClient.builder());

    @AfterEach
    void close() {
        cloud.close();
    }

    private StsClient sts(String accessKeyId, String secretAccessKey) {
        return StsClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(
                        StaticCredentialsProvider.create(AwsBasicCredentials.create(accessKeyId, secretAccessKey)))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    @Test
    void unknownRoleAndUserAreNoSuchEntity() {
        assertThrows(NoSuchEntityException.class, () -> iam.getRole(get -> get.roleName("nobody")));
        assertThrows(NoSuchEntityException.class, () -> iam.getUser(get -> get.userName("nobody")));
        assertEquals("administrator", iam.getUser().user().userName());
    }

    @Test
    void createdRoleIsFoundWithItsPolicies() {
        iam.createRole(create ->
                create.roleName("reader").assumeRolePolicyDocument(TRUST.formatted("Service", "lambda.amazonaws.com")));
        iam.putRolePolicy(put -> put.roleName("reader").policyName("read").policyDocument("""
            {"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}\
            """));
        assertEquals(
                "arn:aws:iam::111122223333:role/reader",
                iam.getRole(get -> get.roleName("reader")).role().arn());
        assertEquals(
                java.util.List.of("read"),
                iam.listRolePolicies(list -> list.roleName("reader")).policyNames());
    }

    @Test
    void roleIsAssumedOnlyByWhomItTrusts() {
        var administrator = cloud.client(StsClient.builder());
        iam.createRole(create -> create.roleName("operator")
                .assumeRolePolicyDocument(TRUST.formatted("AWS", "arn:aws:iam::111122223333:root")));
        var credentials = administrator
                .assumeRole(assume -> assume.roleArn("arn:aws:iam::111122223333:role/operator")
                        .roleSessionName("me"))
                .credentials();
        var operator = sts(credentials.accessKeyId(), credentials.secretAccessKey());
        assertEquals(
                "arn:aws:sts::111122223333:assumed-role/operator/me",
                operator.getCallerIdentity().arn());
        iam.createRole(create ->
                create.roleName("machine").assumeRolePolicyDocument(TRUST.formatted("Service", "ec2.amazonaws.com")));
        assertThrows(
                StsException.class,
                () -> administrator.assumeRole(assume ->
                        assume.roleArn("arn:aws:iam::111122223333:role/machine").roleSessionName("me")),
                "even the administrator is not the service that the role trusts");
    }
}
