package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * AWS managed policies that templates name, as AWS publishes them, and the stack's own.
 *
 * @see <a href="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html">AWS managed
 *     policies</a>
 */
final class ManagedPolicies {
    private static final Map<String, List<String>> ACTIONS = Map.of(
            "AWSLambdaBasicExecutionRole",
            List.of("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            "AWSLambdaSQSQueueExecutionRole",
            List.of(
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:PutLogEvents"),
            "AWSXRayDaemonWriteAccess",
            List.of(
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    "xray:GetSamplingStatisticSummaries"),
            "AmazonSSMManagedInstanceCore",
            List.of(
                    "ssm:DescribeAssociation",
                    "ssm:GetDeployablePatchSnapshotForInstance",
                    "ssm:GetDocument",
                    "ssm:DescribeDocument",
                    "ssm:GetManifest",
                    "ssm:GetParameter",
                    "ssm:GetParameters",
                    "ssm:ListAssociations",
                    "ssm:ListInstanceAssociations",
                    "ssm:PutInventory",
                    "ssm:PutComplianceItems",
                    "ssm:PutConfigurePackageResult",
                    "ssm:UpdateAssociationStatus",
                    "ssm:UpdateInstanceAssociationStatus",
                    "ssm:UpdateInstanceInformation",
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                    "ec2messages:AcknowledgeMessage",
                    "ec2messages:DeleteMessage",
                    "ec2messages:FailMessage",
                    "ec2messages:GetEndpoint",
                    "ec2messages:GetMessages",
                    "ec2messages:SendReply"));

    private final Map<String, PolicyDocument> own = new HashMap<>();

    void add(String arn, PolicyDocument document) {
        own.put(arn, document);
    }

    /** @param nameOrArn as SAM and IAM accept it; empty where the policy is not known here */
    Optional<PolicyDocument> find(String nameOrArn) {
        if (own.containsKey(nameOrArn)) return Optional.of(own.get(nameOrArn));
        var name = nameOrArn.substring(nameOrArn.lastIndexOf('/') + 1);
        if (nameOrArn.startsWith("arn:") && !nameOrArn.startsWith("arn:aws:iam::aws:policy/")) return Optional.empty();
        return Optional.ofNullable(ACTIONS.get(name)).map(actions -> {
            var statement = Json.object().put("Effect", "Allow").put("Resource", "*");
            statement.set("Action", Json.MAPPER.valueToTree(actions));
            return PolicyDocument.parse(Json.object().set("Statement", statement));
        });
    }
}
