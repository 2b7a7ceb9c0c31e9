package cloudhsm.pipeline.localcloud.authorization;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/** The account's roles and identities, and what they may do. Callers hold the lock of the simulated time. */
public final class Iam {
    /** The one account of the embedded AWS. */
    public static final String ACCOUNT = "111122223333";

    /** Allowed requests that are kept of one role and action; a bucket's objects are each a request of its own. */
    private static final int MOST_KEPT = 1_000;

    private static final int SECRET_LENGTH = 40;
    private static final String KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    private final SecureRandom random = new SecureRandom();
    private final Map<String, Identity> identities = new ConcurrentHashMap<>();
    private final Map<String, Role> roles = new LinkedHashMap<>();
    private final Map<String, String> usersByName = new LinkedHashMap<>();
    private final Set<Grant> used = new LinkedHashSet<>();
    private final Map<List<String>, Set<Request>> allowed = new LinkedHashMap<>();
    private final Identity administrator;
    private Optional<PolicyDocument> serviceControlPolicy = Optional.empty();

    /** One action that a role's policy grants. */
    public record Grant(String role, String policy, String sid, String action) implements Comparable<Grant> {
        @Override
        public int compareTo(Grant other) {
            return toString().compareTo(other.toString());
        }
    }

    /** What a caller was allowed to do by its role's policies. */
    public record Request(Identity caller, String action, String resource, Map<String, String> context) {
        public Request {
            context = Map.copyOf(context);
        }
    }

    /** @param secret of the administrator; empty for a random one */
    public Iam(Optional<String> secret) {
        administrator = new Identity(
                "test",
                secret.orElseGet(() -> randomText(SECRET_LENGTH)),
                "arn:aws:iam::" + ACCOUNT + ":user/administrator",
                Optional.empty(),
                Clock.systemUTC());
        identities.put(administrator.accessKeyId(), administrator);
        usersByName.put("administrator", administrator.arn());
    }

    /** Access key id {@code test}; may do everything in the account. */
    public Identity administrator() {
        return administrator;
    }

    /**
     * Puts the account into an organization that has this policy for it, beside which nothing allows anything: the
     * administrator, too, may do no more than it says.
     */
    public void serviceControlPolicy(PolicyDocument policy) {
        serviceControlPolicy = Optional.of(policy);
    }

    /** Null where there is none; needs no lock. */
    public Identity byAccessKeyId(String accessKeyId) {
        return identities.get(accessKeyId);
    }

    /** @throws AwsException EntityAlreadyExists */
    public Role createRole(String name, PolicyDocument trust) {
        if (roles.containsKey(name)) {
            throw new AwsException("EntityAlreadyExists", 409, "Role with name " + name + " already exists.");
        }
        var role = new Role(name, "arn:aws:iam::" + ACCOUNT + ":role/" + name, trust);
        roles.put(name, role);
        return role;
    }

    public Optional<Role> role(String name) {
        return Optional.ofNullable(roles.get(name));
    }

    public Collection<Role> roles() {
        return roles.values();
    }

    public void deleteRole(String name) {
        roles.remove(name);
        identities
                .values()
                .removeIf(identity ->
                        identity.role().map(role -> role.name().equals(name)).orElse(false));
    }

    /**
     * The unique id of a role or a user, of 21 characters; the same for the same name.
     *
     * @param prefix {@code AROA} or {@code AIDA}
     */
    public static String uniqueId(String prefix, String name) {
        var random = new Random(name.hashCode());
        var id = new StringBuilder(prefix);
        while (id.length() < 21) id.append(KEY_ALPHABET.charAt(random.nextInt(KEY_ALPHABET.length())));
        return id.toString();
    }

    /** Users by name → ARN; users exist to be named in policies and have no keys. */
    public Map<String, String> users() {
        return usersByName;
    }

    /** A new session of a role, with credentials of its own, for a client that reads the machine's clock. */
    public Identity session(Role role, String sessionName) {
        return session(role, sessionName, Clock.systemUTC());
    }

    /** The same for a client that reads another clock, as functions do. */
    public Identity session(Role role, String sessionName, Clock clock) {
        var identity = new Identity(
                "ASIA" + randomText(16),
                randomText(SECRET_LENGTH),
                "arn:aws:sts::" + ACCOUNT + ":assumed-role/" + role.name() + "/" + sessionName,
                Optional.of(role),
                clock);
        identities.put(identity.accessKeyId(), identity);
        return identity;
    }

    /** From now on nobody can sign with the session's credentials. */
    public void endSession(Identity session) {
        identities.remove(session.accessKeyId());
    }

    private String randomText(int length) {
        var text = new StringBuilder(length);
        for (int i = 0; i < length; i++) text.append(KEY_ALPHABET.charAt(random.nextInt(KEY_ALPHABET.length())));
        return text.toString();
    }

    /** Every name a resource-based policy may know the caller by. */
    public static Set<String> namesOf(Identity caller) {
        var names = new LinkedHashSet<String>();
        names.add(caller.arn());
        caller.role().ifPresent(role -> names.add(role.arn()));
        names.add("arn:aws:iam::" + ACCOUNT + ":root");
        names.add(ACCOUNT);
        return names;
    }

    /**
     * Whether a service of this account may act as the role. Services that AWS documents to name their source send the
     * two keys by which a trust policy keeps out what other accounts have set up; Lambda and EC2 send none.
     *
     * @param sourceArn what the service acts for; empty where the service does not say
     */
    public static boolean mayAssume(String service, Role role, Optional<String> sourceArn) {
        var context = sourceArn
                .map(arn -> Map.of("aws:SourceArn", arn, "aws:SourceAccount", ACCOUNT))
                .orElse(Map.of());
        return role.trust().decide(Set.of(service), "sts:AssumeRole", role.arn(), context)
                == PolicyDocument.Decision.ALLOWED;
    }

    /** {@link #authorize(Identity, String, String, Map)} without condition keys. */
    public void authorize(Identity caller, String action, String resource) {
        authorize(caller, action, resource, Map.of());
    }

    /**
     * @param action IAM's name of the action, for example {@code kms:CreateKey}
     * @param resource the resource's ARN, or "*" where the action has no resource-level rights
     * @throws AwsException AccessDeniedException, in AWS's words, unless an identity-based policy allows it
     */
    public void authorize(Identity caller, String action, String resource, Map<String, String> context) {
        var decision = decide(caller, action, resource, context);
        if (decision == PolicyDocument.Decision.ALLOWED) return;
        if (!organizationAllows(action, resource, context)) {
            throw denied(caller, action, resource, "with an explicit deny in a service control policy");
        }
        throw denied(
                caller,
                action,
                resource,
                decision == PolicyDocument.Decision.DENIED
                        ? "with an explicit deny in an identity-based policy"
                        : "because no identity-based policy allows the " + action + " action");
    }

    /** What the caller's identity-based policies say; for services whose resources have policies of their own. */
    public PolicyDocument.Decision decide(
            Identity caller, String action, String resource, Map<String, String> context) {
        if (!organizationAllows(action, resource, context)) return PolicyDocument.Decision.DENIED;
        if (caller.role().isEmpty()) return PolicyDocument.Decision.ALLOWED;
        var role = caller.role().get();
        var decision = PolicyDocument.Decision.NOT_MENTIONED;
        for (var policy : role.policies().entrySet()) {
            for (var statement : policy.getValue().statements()) {
                var matched = statement.matching(Set.of(), action, resource, context);
                if (matched == null) continue;
                if (!statement.allow()) return PolicyDocument.Decision.DENIED;
                used.add(new Grant(role.name(), policy.getKey(), statement.sid(), matched));
                decision = PolicyDocument.Decision.ALLOWED;
            }
        }
        if (decision == PolicyDocument.Decision.ALLOWED) {
            var kept = allowed.computeIfAbsent(List.of(role.name(), action), any -> new LinkedHashSet<>());
            if (kept.size() < MOST_KEPT) kept.add(new Request(caller, action, resource, context));
        }
        return decision;
    }

    private boolean organizationAllows(String action, String resource, Map<String, String> context) {
        return serviceControlPolicy
                .map(policy -> policy.decide(Set.of(), action, resource, context) == PolicyDocument.Decision.ALLOWED)
                .orElse(true);
    }

    /**
     * What the policies would say of a request, without making it.
     *
     * @param matched names of the policies of which a statement applies
     * @param missing condition keys of statements that would apply, had the request named them
     * @param organization whether the service control policy allows it; empty where the account is in no organization
     */
    public record Simulation(
            PolicyDocument.Decision decision,
            Set<String> matched,
            Set<String> missing,
            Optional<Boolean> organization) {
        public Simulation {
            matched = Set.copyOf(matched);
            missing = Set.copyOf(missing);
        }
    }

    /**
     * As the policy simulator evaluates one action of a principal.
     *
     * @param role the principal, or empty for the administrator
     */
    public Simulation simulate(Optional<Role> role, String action, String resource, Map<String, String> context) {
        var organization = serviceControlPolicy.map(policy -> organizationAllows(action, resource, context));
        var matched = new LinkedHashSet<String>();
        var missing = new TreeSet<String>();
        var denied = false;
        var allowed = role.isEmpty();
        for (var policy : role.map(Role::policies).orElse(Map.of()).entrySet()) {
            for (var statement : policy.getValue().statements()) {
                if (!statement.covers(action, resource)) continue;
                missing.addAll(statement.keysWithoutValue(context));
                if (statement.matching(Set.of(), action, resource, context) == null) continue;
                matched.add(policy.getKey());
                if (statement.allow()) allowed = true;
                else denied = true;
            }
        }
        var byPolicies = denied
                ? PolicyDocument.Decision.DENIED
                : allowed ? PolicyDocument.Decision.ALLOWED : PolicyDocument.Decision.NOT_MENTIONED;
        var decision = organization.orElse(true) || byPolicies == PolicyDocument.Decision.DENIED
                ? byPolicies
                : PolicyDocument.Decision.NOT_MENTIONED;
        return new Simulation(decision, matched, missing, organization);
    }

    /** The different requests that a role's policies let through: of each role and action the first thousand. */
    public Set<Request> allowed() {
        var all = new LinkedHashSet<Request>();
        allowed.values().forEach(all::addAll);
        return all;
    }

    public static AwsException denied(Identity caller, String action, String resource, String because) {
        return AwsException.badRequest(
                "AccessDeniedException",
                "User: " + caller.arn() + " is not authorized to perform: " + action + " on resource: " + resource + " "
                        + because);
    }

    /** Every action that some role is granted. */
    public Set<Grant> granted() {
        var granted = new TreeSet<Grant>();
        for (var role : roles.values()) {
            role.policies()
                    .forEach((name, document) -> document.statements().stream()
                            .filter(PolicyDocument.Statement::allow)
                            .forEach(statement -> statement
                                    .actions()
                                    .forEach(action ->
                                            granted.add(new Grant(role.name(), name, statement.sid(), action)))));
        }
        return granted;
    }

    /** Those grants that have let a call through. */
    public Set<Grant> used() {
        return new TreeSet<>(used);
    }
}
