package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.bucket.BucketName;
import cloudhsm.pipeline.provisioning.cluster.OwnSecret;
import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.keystore.CreateKeyStore;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.Root;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Execution;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads the execution input. Every problem is reported; what has one falls back to its default. */
final class RequestReader {
    /** The name of the deployment that an input without one means. */
    static final String DEFAULT_DEPLOYMENT = "default";

    private static final Pattern VPC_ID = Pattern.compile("vpc-[0-9a-f]{8,17}");
    private static final Pattern SUBNET_ID = Pattern.compile("subnet-[0-9a-f]{8,17}");
    private static final Pattern INSTANCE_TYPE = Pattern.compile("[a-z][a-z0-9-]*\\.[a-z0-9-]+");
    private static final Pattern CLUSTER_ID = Pattern.compile("cluster-[2-7a-zA-Z]{11,16}");
    private static final Pattern BACKUP_ID = Pattern.compile("backup-[2-7a-zA-Z]{11,16}");
    private static final Pattern ALIAS = Pattern.compile("alias/[a-zA-Z0-9/_-]+");

    /** CreateCluster takes at most this many subnets. */
    private static final int MOST_SUBNETS = 10;

    /** Certificates in the chain that InitializeCluster takes for a trust anchor. */
    private static final int LONGEST_CHAIN = 4;

    /** A KMS key store needs HSMs in two zones. */
    private static final int FEWEST_HSMS = 2;

    /** As many as an account may have in a Region, unless Service Quotas has raised that. */
    private static final int MOST_HSMS = 6;

    /** BackupRetentionPolicy of CreateCluster. */
    private static final int SHORTEST_RETENTION = 7;

    private static final int LONGEST_RETENTION = 379;
    private static final Duration SHORTEST_VALIDITY = Duration.ofDays(30);

    /** Twenty years. */
    private static final Duration LONGEST_VALIDITY = Duration.ofDays(7304);

    /** CreateCustomKeyStore and CreateAlias. */
    private static final int LONGEST_KMS_NAME = 256;

    private static final int LONGEST_DESCRIPTION = 8192;

    /** CreateKey: 32 KB. */
    private static final int LARGEST_POLICY = 32 * 1024;

    /** Each is secured and proven for about a minute. */
    private static final int MOST_BUCKETS = 20;

    /** Why the health check started the execution: a few lines. */
    private static final int LONGEST_REASON = 2_000;

    private final Execution execution;
    private final HsmPrice price;
    private final Problems problems;

    RequestReader(Execution execution, HsmPrice price, Problems problems) {
        this.price = price;
        this.execution = execution;
        this.problems = problems;
    }

    /** @param had names of the buckets that the deployment has already */
    ProvisionRequest read(JsonNode input, List<String> had) {
        var fields = Fields.of(input, problems);
        var deployment = fields.deployment().orElse(DEFAULT_DEPLOYMENT);
        var network = network(fields.object("network"));
        var hsm = hsm(fields.object("hsm"));
        var request = new ProvisionRequest(
                deployment,
                network,
                hsm,
                hsmIdentity(fields.object("hsmIdentity")),
                clusterCertificate(fields.object("clusterCertificate")),
                client(fields.object("client")),
                keyStoreName(fields.object("keyStore"), "cloudhsm-" + deployment),
                key(fields.object("key"), deployment),
                buckets(fields, deployment, had),
                cluster(fields, deployment),
                backupId(fields.object("recovery")),
                LimitsReader.read(fields, price, hsm.count(), problems));
        if (!request.key().deletable() && request.limits().atLimit().equals("TEARDOWN")) {
            problems.add(
                    fields.path("atLimit"),
                    "TEARDOWN deletes the key, which \"key\": {\"deletable\": false} forbids; choose PAUSE, or give"
                            + " \"deletable\": true");
        }
        // For the report of this execution; it changes nothing here.
        fields.text("healthCheck")
                .filter(reason -> reason.length() > LONGEST_REASON)
                .ifPresent(reason -> problems.add(
                        fields.path("healthCheck"),
                        "must have at most " + LONGEST_REASON + " characters; it has " + reason.length()));
        fields.refuseOthers();
        return request;
    }

    private ProvisionRequest.Network network(Fields fields) {
        var vpcId = fields.text("vpcId");
        vpcId.filter(id -> !VPC_ID.matcher(id).matches())
                .ifPresent(id -> problems.add(
                        fields.path("vpcId"),
                        quoted(id) + " is not the id of a VPC, such as \"vpc-0a1b2c3d4e5f67890\""));
        var subnetIds = fields.texts("subnetIds");
        var path = fields.path("subnetIds");
        var seen = new HashSet<String>();
        for (var id : subnetIds) {
            if (!SUBNET_ID.matcher(id).matches()) {
                problems.add(path, quoted(id) + " is not the id of a subnet, such as \"subnet-0a1b2c3d4e5f67890\"");
            } else if (!seen.add(id)) {
                problems.add(path, quoted(id) + " is listed twice");
            }
        }
        if (subnetIds.size() == 1) {
            problems.add(
                    path, "one subnet is not enough: a KMS key store needs HSMs in two zones, so give two subnets");
        }
        if (subnetIds.size() > MOST_SUBNETS) {
            problems.add(path, "CloudHSM takes at most " + MOST_SUBNETS + " subnets; there are " + subnetIds.size());
        }
        fields.refuseOthers();
        return new ProvisionRequest.Network(vpcId, subnetIds);
    }

    private ProvisionRequest.Hsm hsm(Fields fields) {
        var type = fields.text("type").orElse("hsm2m.medium");
        if (type.equals("hsm1.medium")) {
            problems.add(
                    fields.path("type"),
                    "\"hsm1.medium\" cannot be used: no new clusters since April 2025, support ended on 31 March 2026;"
                            + " use \"hsm2m.medium\"");
        } else if (!type.equals("hsm2m.medium")) {
            problems.add(
                    fields.path("type"), quoted(type) + " is not an HSM type for new clusters; use \"hsm2m.medium\"");
        }
        var mode = choice(fields, "mode", List.of("FIPS", "NON_FIPS"));
        var count = hsmCount(fields);
        var days = fields.integer("backupRetentionDays").orElse(90);
        if (days < SHORTEST_RETENTION || days > LONGEST_RETENTION) {
            problems.add(
                    fields.path("backupRetentionDays"),
                    "must be from " + SHORTEST_RETENTION + " to " + LONGEST_RETENTION + ", not " + days);
        }
        fields.refuseOthers();
        return new ProvisionRequest.Hsm(type, mode, count, days);
    }

    private int hsmCount(Fields fields) {
        var count = fields.integer("count").orElse(FEWEST_HSMS);
        if (count >= FEWEST_HSMS && count <= MOST_HSMS) return count;
        problems.add(fields.path("count"), "must be from " + FEWEST_HSMS + " to " + MOST_HSMS + ", not " + count);
        return FEWEST_HSMS;
    }

    private ProvisionRequest.HsmIdentity hsmIdentity(Fields fields) {
        var policy = choice(fields, "policy", List.of("REQUIRE_AWS", "REQUIRE_BOTH", "SKIP"));
        var given = fields.text("manufacturerRootCertificate");
        if (policy.equals("REQUIRE_BOTH") && given.isEmpty()) {
            problems.add(
                    fields.path("policy"),
                    "REQUIRE_BOTH needs hsmIdentity.manufacturerRootCertificate; give it, or choose REQUIRE_AWS");
        }
        var root = given.flatMap(pem -> manufacturerRoot(fields.path("manufacturerRootCertificate"), pem));
        var expiredRoot = ExpiredRoot.valueOf(choice(fields, "expiredRoot", List.of("REFUSE", "ACCEPT_PINNED")));
        fields.refuseOthers();
        return new ProvisionRequest.HsmIdentity(policy, root.orElse(""), expiredRoot);
    }

    /** The root as a bare PEM block; empty if it cannot be one. Its lifetime is TrustAnchorCheck's to look at. */
    private Optional<String> manufacturerRoot(String path, String pem) {
        try {
            var certificate = Pem.certificate(pem);
            Root.given("manufacturer's root", certificate);
            return Optional.of(Pem.of(certificate));
        } catch (MalformedPemException malformed) {
            problems.add(path, malformed.getMessage());
            return Optional.empty();
        }
    }

    private ProvisionRequest.ClusterCertificate clusterCertificate(Fields fields) {
        var validity = fields.text("validity").orElse("P3652D");
        validityProblem(validity).ifPresent(problem -> problems.add(fields.path("validity"), problem));
        var caKey = choice(fields, "caKey", List.of("DISCARD", "KEEP"));
        fields.refuseOthers();
        return new ProvisionRequest.ClusterCertificate(validity, caKey);
    }

    private static Optional<String> validityProblem(String text) {
        Duration validity;
        try {
            validity = Duration.parse(text);
        } catch (DateTimeParseException malformed) {
            return Optional.of(quoted(text) + " is not an ISO-8601 duration in days, such as \"P3652D\"");
        }
        if (validity.compareTo(SHORTEST_VALIDITY) < 0 || validity.compareTo(LONGEST_VALIDITY) > 0) {
            return Optional.of("must be from P" + SHORTEST_VALIDITY.toDays() + "D to P" + LONGEST_VALIDITY.toDays()
                    + "D, not " + text);
        }
        return Optional.empty();
    }

    private ProvisionRequest.Client client(Fields fields) {
        var type = valid(
                fields, "instanceType", "t4g.small", INSTANCE_TYPE, "is not an instance type, such as \"t4g.small\"");
        var keep = fields.flag("keep").orElse(false);
        fields.refuseOthers();
        return new ProvisionRequest.Client(type, keep);
    }

    private String keyStoreName(Fields fields, String byDefault) {
        var name = fields.text("name").orElse(byDefault);
        if (name.isEmpty() || name.length() > LONGEST_KMS_NAME) {
            problems.add(
                    fields.path("name"), "must have 1 to " + LONGEST_KMS_NAME + " characters; it has " + name.length());
        }
        fields.refuseOthers();
        return name;
    }

    private ProvisionRequest.Key key(Fields fields, String deployment) {
        var alias = fields.text("alias").orElse("alias/cloudhsm-" + deployment);
        aliasProblem(alias).ifPresent(problem -> problems.add(fields.path("alias"), quoted(alias) + " " + problem));
        var description = fields.text("description")
                .orElse("S3 data of the deployment " + deployment + "; the key lives in the account's own HSMs");
        if (description.length() > LONGEST_DESCRIPTION) {
            problems.add(
                    fields.path("description"),
                    "must have at most " + LONGEST_DESCRIPTION + " characters; it has " + description.length());
        }
        var administrators = principals(fields, "administrators");
        var users = principals(fields, "users");
        var deletable = fields.flag("deletable").orElse(true);
        var policy = fields.json("policy");
        policy.ifPresent(given -> checkPolicy(fields, given, administrators.isEmpty() && users.isEmpty()));
        fields.refuseOthers();
        return new ProvisionRequest.Key(alias, description, administrators, users, deletable, policy);
    }

    private static Optional<String> aliasProblem(String alias) {
        if (alias.length() > LONGEST_KMS_NAME) {
            return Optional.of("has " + alias.length() + " characters; KMS takes at most " + LONGEST_KMS_NAME);
        }
        if (!ALIAS.matcher(alias).matches()) {
            return Optional.of("must be \"alias/\" followed by letters, digits, \"/\", \"_\" or \"-\"");
        }
        if (alias.startsWith("alias/aws/")) return Optional.of("is reserved: \"alias/aws/\" names AWS managed keys");
        return Optional.empty();
    }

    private List<PrincipalArn> principals(Fields fields, String name) {
        var principals = new ArrayList<PrincipalArn>();
        for (var text : fields.texts(name)) {
            var principal = PrincipalArn.parse(text);
            if (principal.isEmpty()) {
                problems.add(
                        fields.path(name),
                        quoted(text) + " is not the ARN of a role or user, such as \"arn:" + execution.partition()
                                + ":iam::" + execution.account() + ":role/KeyAdministrator\"");
            } else if (!principal.get().account().equals(execution.account())) {
                problems.add(
                        fields.path(name),
                        quoted(text) + " belongs to the account "
                                + principal.get().account() + ", not to " + execution.account()
                                + "; for other accounts give key.policy");
            } else {
                principals.add(principal.get());
            }
        }
        return principals;
    }

    private void checkPolicy(Fields fields, JsonNode policy, boolean alone) {
        if (!alone) {
            problems.add(
                    fields.path("policy"),
                    "replaces key.administrators and key.users; give either the policy or these, not both");
        }
        var bytes = policy.toString().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > LARGEST_POLICY) {
            problems.add(
                    fields.path("policy"), "has " + bytes + " bytes; KMS takes at most " + LARGEST_POLICY + " (32 KB)");
        }
        if (!policy.path("Statement").isArray() && !policy.path("Statement").isObject()) {
            problems.add(fields.path("policy"), "is not a key policy: it has no \"Statement\"");
        }
        GivenKeyPolicy.statementsForEverybody(policy)
                .forEach(statement -> problems.add(
                        fields.path("policy"),
                        statement + " is for everybody, in every account: name its principals, or add a condition such"
                                + " as {\"StringEquals\": {\"kms:CallerAccount\": \"" + execution.account() + "\"}}"));
    }

    /** Those of the input, and those that the deployment has: leaving a bucket out takes nothing away. */
    private List<ProvisionRequest.Bucket> buckets(Fields fields, String deployment, List<String> had) {
        var byDefault = "cloudhsm-" + deployment + "-" + execution.account() + "-" + execution.region();
        var buckets = new LinkedHashMap<String, ProvisionRequest.Bucket>();
        var given = new ArrayList<>(fields.objects("buckets"));
        var one = fields.object("bucket");
        if (!given.isEmpty() && fields.json("bucket").isPresent()) {
            problems.add(fields.path("bucket"), "is short for buckets with one in it; give either of them, not both");
        } else if (given.isEmpty() && (had.isEmpty() || fields.json("bucket").isPresent())) {
            given.add(one);
        }
        for (var bucket : given) {
            var said = bucket.text("name");
            var name = said.orElse(byDefault);
            BucketName.problem(name)
                    .ifPresent(problem -> problems.add(
                            bucket.path("name"),
                            (said.isPresent() ? "" : "the default ") + quoted(name) + " " + problem));
            var adopt = bucket.flag("adopt").orElse(false);
            bucket.refuseOthers();
            var wanted = new ProvisionRequest.Bucket(bucket.path("name"), name, adopt);
            if (buckets.putIfAbsent(name, wanted) != null) {
                problems.add(bucket.path("name"), quoted(name) + " is listed twice");
            }
        }
        had.forEach(
                name -> buckets.putIfAbsent(name, new ProvisionRequest.Bucket(fields.path("buckets"), name, false)));
        if (buckets.size() > MOST_BUCKETS && buckets.size() > had.size()) {
            problems.add(
                    fields.path("buckets"),
                    "a deployment has at most " + MOST_BUCKETS + " buckets, as they are proven one after the other;"
                            + " with those that it has already, these are " + buckets.size());
        }
        return List.copyOf(buckets.values());
    }

    private Optional<ProvisionRequest.AdoptCluster> cluster(Fields input, String deployment) {
        var given = input.json("cluster").isPresent();
        var fields = input.object("cluster");
        if (!given) return Optional.empty();
        var id = required(fields, "id");
        if (!id.isEmpty() && !CLUSTER_ID.matcher(id).matches()) {
            problems.add(
                    fields.path("id"), quoted(id) + " is not the id of a cluster, such as \"cluster-igklspoyj5v\"");
        }
        var trustAnchor = clusterTrustAnchor(fields.path("trustAnchor"), required(fields, "trustAnchor"));
        var secretArn = required(fields, "adminPasswordSecretArn");
        var name = OwnSecret.adopted(deployment);
        var arn = "arn:" + execution.partition() + ":secretsmanager:" + execution.region() + ":" + execution.account()
                + ":secret:" + name;
        if (!secretArn.isEmpty() && !secretArn.matches(Pattern.quote(arn) + "-[A-Za-z0-9]{6}")) {
            problems.add(
                    fields.path("adminPasswordSecretArn"),
                    quoted(secretArn) + " is not the ARN of a secret \"" + name + "\" of this account and Region, the"
                            + " only name whose secret the client may read; store the password of admin under it");
        }
        if (!fields.flag("adopt").orElse(false)) {
            problems.add(
                    fields.path("adopt"), "must be true: the cluster is put to the deployment's use, and stays yours");
        }
        fields.refuseOthers();
        return Optional.of(new ProvisionRequest.AdoptCluster(id, trustAnchor, secretArn))
                .filter(cluster -> !problems.concern("cluster"));
    }

    private String required(Fields fields, String name) {
        var text = fields.text(name).orElse("");
        if (text.isEmpty()) problems.add(fields.path(name), "is needed to adopt a cluster");
        return text;
    }

    /** Encoded anew; "" if it cannot be a trust anchor. Whether it is the cluster's is ClusterAdoption's to look at. */
    private String clusterTrustAnchor(String path, String pem) {
        if (pem.isEmpty()) return "";
        try {
            var chain = Pem.certificates(pem);
            var bare = Pem.bareChain(pem);
            if (chain.size() > LONGEST_CHAIN || bare.length() > CreateKeyStore.TRUST_ANCHOR_LENGTH) {
                problems.add(
                        path,
                        "has " + chain.size() + " certificates in " + bare.length() + " characters; CloudHSM takes at"
                                + " most " + LONGEST_CHAIN + ", KMS " + CreateKeyStore.TRUST_ANCHOR_LENGTH
                                + " characters");
            }
            return bare;
        } catch (MalformedPemException malformed) {
            problems.add(path, malformed.getMessage());
            return "";
        }
    }

    private Optional<String> backupId(Fields fields) {
        var id = fields.text("backupId");
        id.filter(given -> !BACKUP_ID.matcher(given).matches())
                .ifPresent(given -> problems.add(
                        fields.path("backupId"),
                        quoted(given) + " is not the id of a backup, such as \"backup-rtq2dwi2gq6\""));
        fields.refuseOthers();
        return id;
    }

    private String valid(Fields fields, String name, String byDefault, Pattern pattern, String rule) {
        var text = fields.text(name).orElse(byDefault);
        if (pattern.matcher(text).matches()) return text;
        problems.add(fields.path(name), quoted(text) + " " + rule);
        return byDefault;
    }

    /** @param values the first is the default */
    private String choice(Fields fields, String name, List<String> values) {
        var text = fields.text(name).orElse(values.getFirst());
        if (values.contains(text)) return text;
        problems.add(fields.path(name), "must be one of " + String.join(", ", values) + ", not " + quoted(text));
        return values.getFirst();
    }

    private static String quoted(String text) {
        return "\"" + (text.length() <= 100 ? text : text.substring(0, 100) + "…") + "\"";
    }
}
