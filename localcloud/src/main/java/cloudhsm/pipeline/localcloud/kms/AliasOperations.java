package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Gives keys further names. The caller needs the action on the alias and on every key concerned. */
final class AliasOperations {
    private final Account account;
    private final Keys keys;
    private final Access access;

    AliasOperations(Account account, Keys keys, Access access) {
        this.account = account;
        this.keys = keys;
        this.access = access;
    }

    JsonNode create(ObjectNode input, AwsRequest request) {
        var name = aliasName(input);
        var target = target(input);
        if (name.startsWith("alias/aws/")) {
            throw AwsException.badRequest(
                    "InvalidAliasNameException", "The prefix alias/aws/ is reserved for AWS managed keys.");
        }
        access.requireAlias(request.caller(), "kms:CreateAlias", keys.arn(name));
        access.require(request.caller(), "kms:CreateAlias", target);
        if (keys.aliases().containsKey(name)) {
            throw AwsException.badRequest(
                    "AlreadyExistsException", "An alias with the name " + keys.arn(name) + " already exists");
        }
        KeyOperations.requireNotPendingDeletion(target);
        var now = account.time().now();
        keys.aliases().put(name, new Alias(name, target, now, now));
        return Json.object();
    }

    JsonNode update(ObjectNode input, AwsRequest request) {
        var name = aliasName(input);
        var target = target(input);
        var alias = find(name);
        access.requireAlias(request.caller(), "kms:UpdateAlias", keys.arn(alias.name()));
        access.require(request.caller(), "kms:UpdateAlias", alias.target());
        access.require(request.caller(), "kms:UpdateAlias", target);
        KeyOperations.requireNotPendingDeletion(target);
        keys.aliases()
                .put(
                        name,
                        new Alias(
                                name,
                                target,
                                alias.creationDate(),
                                account.time().now()));
        return Json.object();
    }

    JsonNode delete(ObjectNode input, AwsRequest request) {
        var alias = find(aliasName(input));
        access.requireAlias(request.caller(), "kms:DeleteAlias", keys.arn(alias.name()));
        access.require(request.caller(), "kms:DeleteAlias", alias.target());
        keys.aliases().remove(alias.name());
        return Json.object();
    }

    JsonNode list(ObjectNode input, AwsRequest request) {
        var keyId = Members.text(input, "KeyId", 1, 2048);
        access.requireAnywhere(request.caller(), "kms:ListAliases");
        var aliases = keyId.map(id -> keys.aliasesOf(keys.findWithoutAlias(id)))
                .orElseGet(() -> List.copyOf(keys.aliases().values()));
        return Page.of(
                input,
                "Aliases",
                aliases,
                50,
                Alias::name,
                alias -> Json.object()
                        .put("AliasName", alias.name())
                        .put("AliasArn", keys.arn(alias.name()))
                        .put("TargetKeyId", alias.target().keyId())
                        .put("CreationDate", Json.epochSeconds(alias.creationDate()))
                        .put("LastUpdatedDate", Json.epochSeconds(alias.lastUpdatedDate())));
    }

    private KmsKey target(ObjectNode input) {
        return keys.findWithoutAlias(Members.required(input, "TargetKeyId", 1, 2048));
    }

    private Alias find(String name) {
        var alias = keys.aliases().get(name);
        if (alias == null)
            throw AwsException.badRequest("NotFoundException", "Alias " + keys.arn(name) + " is not found.");
        return alias;
    }

    private static String aliasName(ObjectNode input) {
        var name = Members.required(input, "AliasName", 1, 256);
        if (name.contains(":")) throw Members.invalid(name + " contains invalid characters for an alias");
        if (!name.startsWith("alias/") || name.equals("alias/")) throw Members.invalid("Invalid identifier");
        return name;
    }
}
