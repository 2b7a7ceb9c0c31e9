package cloudhsm.pipeline.localcloud.iam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.iam.model.ContextEntry;
import software.amazon.awssdk.services.iam.model.EvaluationResult;
import software.amazon.awssdk.services.iam.model.IamException;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.SqsException;

class PolicySimulationTest {
    private static final String ADMINISTRATOR = "arn:aws:iam::111122223333:user/administrator";
    private static final String DEPLOYER = "arn:aws:iam::111122223333:role/deployer";

    private final LocalCloud cloud = LocalCloud.start();
    private final IamClient iam = cloud.client(IamClient.builder());

    @AfterEach
    void close() {
        cloud.close();
    }

    private static PolicyDocument policy(String statements) {
        return PolicyDocument.parse(Json.parse("{\"Statement\": [" + statements.replace('\'', '"') + "]}"));
    }

    private void deployer(String statements) {
        var trust = policy(
                "{'Effect': 'Allow', 'Principal': {'Service': 'ec2.amazonaws.com'}, 'Action': 'sts:AssumeRole'}");
        cloud.iam().createRole("deployer", trust).policies().put("deploy", policy(statements));
    }

    private EvaluationResult simulate(String principal, String action, String resource, ContextEntry... context) {
        return iam.simulatePrincipalPolicy(request -> request.policySourceArn(principal)
                        .actionNames(action)
                        .resourceArns(resource)
                        .contextEntries(context))
                .evaluationResults()
                .getFirst();
    }

    @Test
    void anActionIsAllowedDeniedOrNotMentioned() {
        deployer("{'Effect': 'Allow', 'Action': 's3:*', 'Resource': '*'},"
                + " {'Effect': 'Deny', 'Action': 's3:DeleteBucket', 'Resource': '*'}");
        assertEquals("allowed", simulate(DEPLOYER, "s3:CreateBucket", "*").evalDecisionAsString());
        assertEquals("explicitDeny", simulate(DEPLOYER, "s3:DeleteBucket", "*").evalDecisionAsString());
        assertEquals("implicitDeny", simulate(DEPLOYER, "sqs:CreateQueue", "*").evalDecisionAsString());
        assertEquals(
                "deploy",
                simulate(DEPLOYER, "s3:CreateBucket", "*")
                        .matchedStatements()
                        .getFirst()
                        .sourcePolicyId());
    }

    @Test
    void aRightOnOneResourceIsNoneOnAll() {
        deployer("{'Effect': 'Allow', 'Action': 'sqs:CreateQueue', 'Resource': 'arn:aws:sqs:*:*:mine-*'}");
        assertEquals("implicitDeny", simulate(DEPLOYER, "sqs:CreateQueue", "*").evalDecisionAsString());
        var mine = "arn:aws:sqs:eu-central-1:111122223333:mine-1";
        assertEquals("allowed", simulate(DEPLOYER, "sqs:CreateQueue", mine).evalDecisionAsString());
    }

    @Test
    void aConditionWithoutItsKeyFailsAndTheKeyIsNamed() {
        deployer("{'Effect': 'Allow', 'Action': 'iam:PassRole', 'Resource': '*', 'Condition':"
                + " {'StringEquals': {'iam:PassedToService': 'lambda.amazonaws.com'}}}");
        var without = simulate(DEPLOYER, "iam:PassRole", "*");
        assertEquals("implicitDeny", without.evalDecisionAsString());
        assertEquals(List.of("iam:PassedToService"), without.missingContextValues());
        var toLambda = ContextEntry.builder()
                .contextKeyName("iam:PassedToService")
                .contextKeyType("string")
                .contextKeyValues("lambda.amazonaws.com")
                .build();
        assertEquals(
                "allowed", simulate(DEPLOYER, "iam:PassRole", "*", toLambda).evalDecisionAsString());
    }

    @Test
    void whatTheOrganizationForbidsNobodyMay() {
        cloud.iam()
                .serviceControlPolicy(policy("{'Effect': 'Allow', 'Action': '*', 'Resource': '*'},"
                        + " {'Effect': 'Deny', 'Action': 'sqs:CreateQueue', 'Resource': '*'}"));
        var simulated = simulate(ADMINISTRATOR, "sqs:CreateQueue", "*");
        assertEquals("implicitDeny", simulated.evalDecisionAsString());
        assertEquals(false, simulated.organizationsDecisionDetail().allowedByOrganizations());
        assertEquals("allowed", simulate(ADMINISTRATOR, "s3:CreateBucket", "*").evalDecisionAsString());
        var refused = assertThrows(
                SqsException.class, () -> cloud.client(SqsClient.builder()).createQueue(queue -> queue.queueName("q")));
        assertTrue(refused.getMessage().contains("not authorized"), refused::getMessage);
    }

    @Test
    void anAccountOfNoOrganizationIsToldOfNone() {
        assertNull(simulate(ADMINISTRATOR, "s3:CreateBucket", "*").organizationsDecisionDetail());
    }

    @Test
    void aSessionIsNoPrincipal() {
        var refused = assertThrows(
                IamException.class,
                () -> simulate("arn:aws:sts::111122223333:assumed-role/deployer/x", "s3:CreateBucket", "*"));
        assertEquals("InvalidInput", refused.awsErrorDetails().errorCode());
        var unknown = assertThrows(IamException.class, () -> simulate(DEPLOYER, "s3:CreateBucket", "*"));
        assertEquals("NoSuchEntity", unknown.awsErrorDetails().errorCode());
    }

    @Test
    void resultsComeInPages() {
        var first = iam.simulatePrincipalPolicy(request -> request.policySourceArn(ADMINISTRATOR)
                .actionNames("s3:CreateBucket", "s3:DeleteBucket")
                .maxItems(1));
        assertTrue(first.isTruncated());
        var second = iam.simulatePrincipalPolicy(request -> request.policySourceArn(ADMINISTRATOR)
                .actionNames("s3:CreateBucket", "s3:DeleteBucket")
                .marker(first.marker())
                .maxItems(1));
        assertEquals("s3:DeleteBucket", second.evaluationResults().getFirst().evalActionName());
    }

    @Test
    void nothingIsDone() {
        simulate(ADMINISTRATOR, "sqs:CreateQueue", "*");
        assertEquals(0, cloud.calls("CreateQueue"));
    }
}
