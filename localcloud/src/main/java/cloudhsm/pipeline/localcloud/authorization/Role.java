package cloudhsm.pipeline.localcloud.authorization;

import java.util.LinkedHashMap;
import java.util.Map;

/** An IAM role: its trust policy, and its permission policies by name. */
public final class Role {
    private final String name;
    private final String arn;
    private final PolicyDocument trust;
    private final Map<String, PolicyDocument> policies = new LinkedHashMap<>();

    public Role(String name, String arn, PolicyDocument trust) {
        this.name = name;
        this.arn = arn;
        this.trust = trust;
    }

    public String name() {
        return name;
    }

    /** The unique id, by which STS knows the role's sessions. */
    public String id() {
        return Iam.uniqueId("AROA", name);
    }

    public String arn() {
        return arn;
    }

    public PolicyDocument trust() {
        return trust;
    }

    /** By policy name; the live map. */
    public Map<String, PolicyDocument> policies() {
        return policies;
    }
}
