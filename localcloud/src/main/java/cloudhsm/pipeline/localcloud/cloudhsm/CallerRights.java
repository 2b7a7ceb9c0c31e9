package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the caller of CloudHSM must be allowed to do beside the CloudHSM action itself. */
final class CallerRights {
    /**
     * AWS names these together for creating clusters and HSMs and does not say which call needs which
     * [HSM:identity-access-management], so both need all.
     */
    // Assumed: rights-to-create
    private static final List<String> TO_CREATE = List.of(
            "ec2:DescribeVpcs",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeNetworkInterfaceAttribute",
            "ec2:CreateTags");

    private static final List<String> TO_DELETE = List.of(
            "ec2:DescribeNetworkInterfaces",
            "ec2:DetachNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeSecurityGroups",
            "ec2:DeleteSecurityGroup");

    private static final String SERVICE_LINKED_ROLE = "AWSServiceRoleForCloudHSM";
    private static final String SERVICE_LINKED_ROLE_ARN =
            "arn:aws:iam::" + Iam.ACCOUNT + ":role/aws-service-role/cloudhsm.amazonaws.com/" + SERVICE_LINKED_ROLE;

    private final Account account;
    private final Iam iam;

    CallerRights(Account account) {
        this.account = account;
        this.iam = account.iam();
    }

    /** For actions to which the Service Authorization Reference gives no resource type. */
    void require(Identity caller, String operation) {
        iam.authorize(caller, "cloudhsm:" + operation, "*");
    }

    /**
     * For actions to which the Service Authorization Reference gives a cluster or a backup.
     *
     * @param id of the cluster or backup; "cluster-*" for one that is being made
     * @param tags of the resource, none where it does not exist: then a statement that asks for a tag allows nothing
     */
    void requireOn(Identity caller, String operation, String id, Map<String, String> tags) {
        var context = new HashMap<String, String>();
        tags.forEach((key, value) -> context.put("aws:ResourceTag/" + key, value));
        iam.authorize(caller, "cloudhsm:" + operation, arn(id), context);
    }

    private String arn(String id) {
        var type = id.substring(0, id.indexOf('-'));
        return account.arn("cloudhsm", type + "/" + id);
    }

    void requireCreating(Identity caller) {
        requireEc2(caller, TO_CREATE);
    }

    void requireDeleting(Identity caller) {
        requireEc2(caller, TO_DELETE);
    }

    private void requireEc2(Identity caller, List<String> actions) {
        for (var action : actions) {
            if (iam.decide(caller, action, "*", Map.of()) != PolicyDocument.Decision.ALLOWED) {
                throw AwsException.badRequest(
                        "CloudHsmAccessDeniedException",
                        "User: " + caller.arn() + " is not authorized to perform: " + action + " on resource: *");
            }
        }
    }

    /** The first cluster of the account makes the role, under the caller's rights [HSM:service-linked-roles]. */
    void ensureServiceLinkedRole(Identity caller) {
        if (iam.role(SERVICE_LINKED_ROLE).isPresent()) return;
        var decision = iam.decide(
                caller,
                "iam:CreateServiceLinkedRole",
                SERVICE_LINKED_ROLE_ARN,
                Map.of("iam:AWSServiceName", "cloudhsm.amazonaws.com"));
        if (decision != PolicyDocument.Decision.ALLOWED) {
            throw AwsException.badRequest(
                    "CloudHsmAccessDeniedException",
                    "This operation requires that the caller have permission to call iam:CreateServiceLinkedRole to"
                            + " create the CloudHSM Service Linked Role.");
        }
        iam.createRole(
                SERVICE_LINKED_ROLE,
                new PolicyDocument(List.of(new PolicyDocument.Statement(
                        "",
                        true,
                        List.of("cloudhsm.amazonaws.com"),
                        List.of("sts:AssumeRole"),
                        List.of("*"),
                        Map.of()))));
    }
}
