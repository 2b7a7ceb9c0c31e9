package cloudhsm.pipeline.localcloud.sts;

import static cloudhsm.pipeline.localcloud.wire.QueryProtocol.element;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.QueryProtocol;
import cloudhsm.pipeline.localcloud.wire.Service;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** AWS STS: who am I, and being someone else. Sessions do not expire here. */
public final class StsService implements Service {
    private static final QueryProtocol PROTOCOL = new QueryProtocol("https://sts.amazonaws.com/doc/2011-06-15/");

    /** AssumeRole's DurationSeconds: 15 minutes to 12 hours, one hour by default. */
    private static final long SHORTEST_SESSION = 900;

    private static final long LONGEST_SESSION = 43_200;
    private static final String DEFAULT_SESSION = "3600";

    private final Account account;

    public StsService(Account account) {
        this.account = account;
    }

    @Override
    public String signingName() {
        return "sts";
    }

    @Override
    public Set<String> operations() {
        return Set.of("GetCallerIdentity", "AssumeRole");
    }

    @Override
    public String operation(AwsRequest request) {
        return PROTOCOL.operation(request);
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        return AwsException.badRequest("ValidationError", Violation.message(violations));
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        return PROTOCOL.error(error, request);
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode typedInput, AwsRequest request) {
        var answer = switch (operation) {
            // No permission is needed, and none can forbid it [API:sts:GetCallerIdentity].
            case "GetCallerIdentity" ->
                element("Arn", request.caller().arn())
                        + element("UserId", userId(request.caller()))
                        + element("Account", Iam.ACCOUNT);
            case "AssumeRole" -> assumeRole(QueryProtocol.parameters(request), request.caller());
            default -> throw QueryProtocol.unknown("sts", operation);
        };
        return PROTOCOL.answer(operation, answer, request);
    }

    private static String userId(Identity caller) {
        return caller.role()
                .map(role -> role.id() + ":" + caller.arn().replaceFirst(".*/", ""))
                .orElse("AIDAADMINISTRATOR");
    }

    private String assumeRole(Map<String, String> input, Identity caller) {
        var arn = required(input, "RoleArn");
        var sessionName = required(input, "RoleSessionName");
        var seconds = input.getOrDefault("DurationSeconds", DEFAULT_SESSION);
        if (!seconds.matches("\\d{1,6}")
                || Long.parseLong(seconds) < SHORTEST_SESSION
                || Long.parseLong(seconds) > LONGEST_SESSION) {
            throw invalid("1 validation error detected: Value '" + seconds
                    + "' at 'durationSeconds' failed to satisfy constraint: Member must have value from 900 to 43200");
        }
        var role = account.iam()
                .role(arn.substring(arn.lastIndexOf('/') + 1))
                .filter(found -> found.arn().equals(arn) && mayAssume(caller, found))
                .orElseThrow(() -> new AwsException(
                        "AccessDenied",
                        403,
                        "User: " + caller.arn() + " is not authorized to perform: sts:AssumeRole on resource: " + arn));
        var session = account.iam().session(role, sessionName);
        var expires = account.time().now().plusSeconds(Long.parseLong(seconds));
        return "<Credentials>" + element("AccessKeyId", session.accessKeyId())
                + element("SecretAccessKey", session.secretAccessKey())
                + element("SessionToken", "session-" + session.accessKeyId())
                + element("Expiration", expires.toString()) + "</Credentials><AssumedRoleUser>"
                + element("Arn", session.arn()) + element("AssumedRoleId", userId(session)) + "</AssumedRoleUser>";
    }

    /** A trust policy that names the caller is enough; one that names the account leaves it to the caller's own. */
    private boolean mayAssume(Identity caller, Role role) {
        var own = account.iam().decide(caller, "sts:AssumeRole", role.arn(), Map.of());
        var named = new LinkedHashSet<>(Set.of(caller.arn()));
        caller.role().ifPresent(callers -> named.add(callers.arn()));
        var trusted = trust(role, Iam.namesOf(caller));
        if (own == Decision.DENIED || trusted != Decision.ALLOWED) return false;
        return own == Decision.ALLOWED || trust(role, named) == Decision.ALLOWED;
    }

    private static Decision trust(Role role, Set<String> names) {
        return role.trust().decide(names, "sts:AssumeRole", role.arn(), Map.of());
    }

    private static AwsException invalid(String message) {
        return AwsException.badRequest("ValidationError", message);
    }

    private static String required(Map<String, String> input, String name) {
        var value = input.get(name);
        if (value == null)
            throw invalid("1 validation error detected: Value null at '" + name + "' failed to satisfy"
                    + " constraint: Member must not be null");
        return value;
    }
}
