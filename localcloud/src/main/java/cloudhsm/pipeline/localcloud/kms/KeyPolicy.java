package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The policy of one key.
 *
 * @param text as it was put; GetKeyPolicy returns it unchanged
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html">Key policies in AWS KMS</a>
 */
record KeyPolicy(String text, PolicyDocument document) {
    /** Bytes; the request's member may be longer, but the service refuses. */
    private static final int MAXIMUM_SIZE = 32 * 1024;

    /** What CreateKey gives a key without a policy: the account decides by identity-based policies. */
    static KeyPolicy byDefault() {
        return trusted("""
            {
              "Version" : "2012-10-17",
              "Id" : "key-default-1",
              "Statement" : [ {
                "Sid" : "Enable IAM User Permissions",
                "Effect" : "Allow",
                "Principal" : { "AWS" : "arn:aws:iam::%s:root" },
                "Action" : "kms:*",
                "Resource" : "*"
              } ]
            }\
            """.formatted(Iam.ACCOUNT));
    }

    /**
     * What AWS gives its managed key of a service: everybody in the account, through that service only.
     *
     * @param service for example {@code s3}
     */
    static KeyPolicy ofAwsManagedKey(String service, Account account) {
        return trusted("""
            {
              "Version" : "2012-10-17",
              "Id" : "auto-%1$s-1",
              "Statement" : [ {
                "Sid" : "Allow access through the service for all principals in the account that are authorized to use it",
                "Effect" : "Allow",
                "Principal" : { "AWS" : "*" },
                "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey" ],
                "Resource" : "*",
                "Condition" : { "StringEquals" : {
                  "kms:CallerAccount" : "%2$s",
                  "kms:ViaService" : "%3$s"
                } }
              }, {
                "Sid" : "Allow direct access to key metadata to the account",
                "Effect" : "Allow",
                "Principal" : { "AWS" : "arn:aws:iam::%2$s:root" },
                "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*" ],
                "Resource" : "*"
              } ]
            }\
            """.formatted(service, Iam.ACCOUNT, account.host(service)));
    }

    private static KeyPolicy trusted(String text) {
        return new KeyPolicy(text, PolicyDocument.parse(Json.parse(text)));
    }

    /** @throws AwsException MalformedPolicyDocumentException or LimitExceededException */
    static KeyPolicy parse(String text, Iam iam) {
        if (text.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_SIZE) {
            throw AwsException.badRequest(
                    "LimitExceededException", "The key policy is longer than " + MAXIMUM_SIZE + " bytes.");
        }
        try {
            var json = Json.parse(text);
            var document = PolicyDocument.parse(json);
            for (var statement : listed(json.path("Statement"))) {
                if (statement.path("Resource").isMissingNode())
                    throw malformed("Policy statement must contain resources.");
                requireKnownPrincipals(statement.path("Principal"), iam);
            }
            return new KeyPolicy(text, document);
        } catch (AwsException refused) {
            if (refused.code().equals("MalformedPolicyDocumentException")) throw refused;
            throw malformed(refused.getMessage());
        }
    }

    static AwsException malformed(String why) {
        return AwsException.badRequest("MalformedPolicyDocumentException", why);
    }

    private static List<JsonNode> listed(JsonNode node) {
        var nodes = new ArrayList<JsonNode>();
        if (node.isArray()) node.forEach(nodes::add);
        else nodes.add(node);
        return nodes;
    }

    private static void requireKnownPrincipals(JsonNode principal, Iam iam) {
        if (principal.isTextual() && principal.asText().equals("*")) return;
        if (!principal.isObject() || principal.isEmpty()) throw malformed("Policy statement must contain principals.");
        principal.properties().forEach(byKind -> {
            for (var name : listed(byKind.getValue())) {
                var known = switch (byKind.getKey()) {
                    case "AWS" -> isKnown(name.asText(), iam);
                    case "Service" -> name.asText().endsWith(".amazonaws.com");
                    default -> false;
                };
                if (!known) throw malformed("Policy contains a statement with one or more invalid principals.");
            }
        });
    }

    private static boolean isKnown(String principal, Iam iam) {
        if (principal.equals("*") || principal.equals(Iam.ACCOUNT) || principal.equals(Access.ACCOUNT_ROOT))
            return true;
        if (iam.users().containsValue(principal)) return true;
        if (iam.roles().stream().anyMatch(role -> role.arn().equals(principal))) return true;
        return iam.roles().stream()
                .anyMatch(role -> principal.matches(
                        "\\Qarn:aws:sts::" + Iam.ACCOUNT + ":assumed-role/" + role.name() + "/\\E[\\w+=,.@-]{2,64}"));
    }
}
