package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Who may do what with a key. The key's policy must allow it: either the caller by name, or the account, and then an
 * identity-based policy must allow it too. A deny anywhere wins.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html">Troubleshooting key
 *     access</a>
 */
final class Access {
    /** The principal by which a key policy delegates to identity-based policies. */
    static final String ACCOUNT_ROOT = "arn:aws:iam::" + Iam.ACCOUNT + ":root";

    private static final Set<String> ACCOUNT = Set.of(ACCOUNT_ROOT, Iam.ACCOUNT);

    private final Iam iam;
    private final Keys keys;

    Access(Iam iam, Keys keys) {
        this.iam = iam;
        this.keys = keys;
    }

    /** For actions without resource-level rights. */
    void requireAnywhere(Identity caller, String action) {
        iam.authorize(caller, action, "*", callerConditions(caller));
    }

    /** An alias has no policy of its own: the caller's identity-based policies decide. */
    void requireAlias(Identity caller, String action, String aliasArn) {
        iam.authorize(caller, action, aliasArn, callerConditions(caller));
    }

    /** @throws AwsException AccessDeniedException */
    void require(Identity caller, String action, KmsKey key) {
        require(caller, action, key, Map.of());
    }

    /**
     * @param conditions condition keys of the request, beside those of the caller and the key
     * @throws AwsException AccessDeniedException
     */
    void require(Identity caller, String action, KmsKey key, Map<String, String> conditions) {
        refusal(caller, action, key, key.policy(), conditions).ifPresent(because -> {
            throw Iam.denied(caller, action, key.arn(), because);
        });
    }

    /** Whether the caller could still change the policy of the key if it were this one. */
    boolean leavesPutKeyPolicy(Identity caller, KmsKey key, KeyPolicy policy) {
        return refusal(caller, "kms:PutKeyPolicy", key, policy, Map.of()).isEmpty();
    }

    /** Condition keys that tell who calls. */
    Map<String, String> callerConditions(Identity caller) {
        var conditions = new HashMap<String, String>();
        conditions.put("kms:CallerAccount", Iam.ACCOUNT);
        conditions.put("aws:PrincipalAccount", Iam.ACCOUNT);
        conditions.put("aws:PrincipalArn", caller.role().map(Role::arn).orElse(caller.arn()));
        return conditions;
    }

    /** Why the request is refused; empty where it is allowed. */
    private Optional<String> refusal(
            Identity caller, String action, KmsKey key, KeyPolicy policy, Map<String, String> conditions) {
        var refusals = new ArrayList<Optional<String>>();
        for (var context : contexts(caller, key, conditions))
            refusals.add(refusalIn(context, caller, action, key, policy));
        var denied = refusals.stream()
                .flatMap(Optional::stream)
                .filter(because -> because.contains("explicit deny"))
                .findFirst();
        if (denied.isPresent()) return denied;
        return refusals.stream().anyMatch(Optional::isEmpty) ? Optional.empty() : refusals.getFirst();
    }

    private Optional<String> refusalIn(
            Map<String, String> context, Identity caller, String action, KmsKey key, KeyPolicy policy) {
        var byName = policy.document().decide(directNames(caller), action, key.arn(), context);
        var byAccount = policy.document().decide(ACCOUNT, action, key.arn(), context);
        var byIdentity = iam.decide(caller, action, key.arn(), context);
        if (byName == Decision.DENIED || byAccount == Decision.DENIED) {
            return Optional.of("with an explicit deny in a resource-based policy");
        }
        if (byIdentity == Decision.DENIED) return Optional.of("with an explicit deny in an identity-based policy");
        if (byName == Decision.ALLOWED) return Optional.empty();
        if (byAccount != Decision.ALLOWED) {
            return Optional.of("because no resource-based policy allows the " + action + " action");
        }
        return byIdentity == Decision.ALLOWED
                ? Optional.empty()
                : Optional.of("because no identity-based policy allows the " + action + " action");
    }

    /** The names that mean this caller and nobody else of the account. */
    private static Set<String> directNames(Identity caller) {
        var names = new LinkedHashSet<>(Iam.namesOf(caller));
        names.removeAll(ACCOUNT);
        return names;
    }

    /** kms:ResourceAliases has as many values as the key has aliases: a rule holds if it holds for any of them. */
    private List<Map<String, String>> contexts(Identity caller, KmsKey key, Map<String, String> conditions) {
        var base = callerConditions(caller);
        base.putAll(conditions);
        key.tags().forEach((tag, value) -> base.put("aws:ResourceTag/" + tag, value));
        base.put("kms:KeyOrigin", key.store().isPresent() ? "AWS_CLOUDHSM" : "AWS_KMS");
        var aliases = keys.aliasesOf(key);
        if (aliases.isEmpty()) return List.of(base);
        return aliases.stream()
                .map(alias -> {
                    Map<String, String> context = new HashMap<>(base);
                    context.put("kms:ResourceAliases", alias.name());
                    return context;
                })
                .toList();
    }
}
