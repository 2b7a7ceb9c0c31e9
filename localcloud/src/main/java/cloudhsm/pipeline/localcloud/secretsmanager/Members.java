package cloudhsm.pipeline.localcloud.secretsmanager;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Reads the members that several operations share, within the bounds that Secrets Manager sets. */
final class Members {
    private Members() {}

    static String name(ObjectNode input) {
        var name = text(input, "Name").orElse("");
        if (name.isEmpty() || name.length() > 512 || !name.matches("[A-Za-z0-9/_+=.@!-]+")) {
            throw refused(
                    "ValidationException",
                    "Invalid name. Must be a valid name containing alphanumeric"
                            + " characters, or any of the following: -/_+=.@!");
        }
        return name;
    }

    /** The version's id to be; a random one where the caller gave none. */
    static String token(ObjectNode input) {
        var token = text(input, "ClientRequestToken")
                .orElseGet(() -> UUID.randomUUID().toString());
        if (token.length() < 32 || token.length() > 64) {
            throw refused("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.");
        }
        return token;
    }

    static Optional<SecretValue> value(ObjectNode input) {
        var string = text(input, "SecretString");
        var binary = text(input, "SecretBinary");
        if (string.isPresent() && binary.isPresent()) {
            throw refused(
                    "InvalidParameterException",
                    "You can't specify both a binary secret value and a string secret value.");
        }
        var content = string.or(() -> binary);
        if (content.isPresent() && (content.get().isEmpty() || content.get().length() > 65_536)) {
            throw refused(
                    "ValidationException",
                    "1 validation error detected: Value at 'secretString' failed to"
                            + " satisfy constraint: Member must have length between 1 and 65536");
        }
        return content.map(given -> new SecretValue(string.isPresent() ? "SecretString" : "SecretBinary", given));
    }

    static Map<String, String> tags(ObjectNode input) {
        var tags = new HashMap<String, String>();
        for (var tag : input.path("Tags")) {
            var key = text(tag, "Key")
                    .filter(given -> !given.isEmpty())
                    .orElseThrow(() -> refused("InvalidParameterException", "A tag needs a key."));
            if (key.startsWith("aws:")) {
                throw refused("InvalidParameterException", "Tag keys must not begin with aws:");
            }
            if (tags.put(key, tag.path("Value").asText("")) != null) {
                throw refused("InvalidParameterException", "Tag key " + key + " is given twice.");
            }
        }
        return tags;
    }

    static void requireManagedKey(ObjectNode input) {
        var keyId = text(input, "KmsKeyId").orElse("alias/aws/secretsmanager");
        if (keyId.endsWith("alias/aws/secretsmanager")) return;
        throw refused(
                "InvalidParameterException",
                "The embedded Secrets Manager encrypts under alias/aws/secretsmanager only, not under " + keyId + ".");
    }

    static void refuse(ObjectNode input, String member) {
        if (!input.has(member)) return;
        throw refused("InvalidParameterException", "The embedded Secrets Manager does not support " + member + ".");
    }

    private static AwsException refused(String code, String message) {
        return AwsException.badRequest(code, message);
    }

    private static Optional<String> text(JsonNode input, String member) {
        return input.hasNonNull(member) ? Optional.of(input.get(member).asText()) : Optional.empty();
    }
}
