package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.bucket.BucketScope;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.cluster.OwnSecret;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.health.SelfHealing;
import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.keystore.KeyStores;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Execution;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Merges the execution input with what the deployment's earlier inputs have said, compares the whole with the account, and
 * reports everything that is wrong at once, before anything billable exists. Then it takes the deployment's lock, remembers
 * what is wanted, and plans.
 */
public final class Preflight extends StageHandler<Preflight.Input> {
    /**
     * @param execution ARN
     * @param request the execution input as it is; what it does not say stays as earlier inputs of the deployment have
     *     said it, and where none has, the default holds
     */
    public record Input(String execution, JsonNode request) {}

    /**
     * @param leftAlone why nothing is done, where the health check has started the execution; else ""
     * @param reason why the execution was started, for a person
     * @param healing whether the health check has started it
     * @param resumed whether the deployment was complete once and is brought back, as after a pause
     * @param client whether something needs the client: activation, or HSMs on which kmsuser is not proven
     */
    public record Found(String leftAlone, String reason, boolean healing, boolean resumed, boolean client) {}

    /** @param plan null where the deployment is left alone */
    public record Output(Found found, Plan plan) {}

    /** The services whose state is compared with the request; nothing is created in any of them. */
    public record Account(
            CloudHsmV2Client cloudHsm,
            Ec2Client ec2,
            KmsClient kms,
            S3Client s3,
            IamClient iam,
            SecretsManagerClient secretsManager) {}

    private final Account account;
    private final Clusters clusters;
    private final KeyStores keyStores;
    private final DeploymentLock lock;
    private final Deployments deployments;
    private final BucketScope bucketScope;
    private final SelfHealing selfHealing;
    private final Quotas quotas;
    private final LambdaConcurrency concurrency;
    private final Supplier<HsmPrice> prices;
    private final String awsRootCertificate;
    private final StageRuntime runtime;

    /** Called by Lambda, once per execution environment. */
    public Preflight() {
        this(
                new Account(Aws.cloudHsm(), Aws.ec2(), Aws.kms(), Aws.s3(), Aws.iam(), Aws.secretsManager()),
                Deployments.ofFunction(),
                BucketScope.ofFunction(),
                SelfHealing.ofFunction(StageRuntime.ofFunction()),
                Quotas.ofFunction(),
                LambdaConcurrency.ofFunction(),
                Preflight::priceNow,
                Aws.environment("AWS_ROOT_CERTIFICATE"),
                StageRuntime.ofFunction());
    }

    /**
     * @param prices asked once in each execution
     * @param awsRootCertificate PEM of the AWS CloudHSM roots, or "" for the pinned one
     */
    public Preflight(
            Account account,
            Deployments deployments,
            BucketScope bucketScope,
            SelfHealing selfHealing,
            Quotas quotas,
            LambdaConcurrency concurrency,
            Supplier<HsmPrice> prices,
            String awsRootCertificate,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.account = account;
        this.clusters = new Clusters(account.cloudHsm());
        this.keyStores = new KeyStores(account.kms());
        this.lock = runtime.lock();
        this.deployments = deployments;
        this.bucketScope = bucketScope;
        this.selfHealing = selfHealing;
        this.quotas = quotas;
        this.concurrency = concurrency;
        this.prices = prices;
        this.awsRootCertificate = awsRootCertificate;
        this.runtime = runtime;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var record = recordOf(input.request());
        var before = record.map(Deployment::wanted).orElseGet(JsonNodeFactory.instance::objectNode);
        var wanted = Wanted.of(before, input.request());
        var problems = new Problems(wanted::isRemembered);
        var execution = Execution.of(input.execution());
        var price = prices.get();
        var request = new RequestReader(execution, price, problems)
                .read(wanted.request(), record.map(Deployment::buckets).orElse(List.of()));
        var zones = new RegionCheck(account.ec2(), execution.region(), problems).zones();
        if (zones.isEmpty()) return invalid(problems);
        var healthCheck =
                Optional.ofNullable(input.request().path("healthCheck").textValue());
        // What is wrong with a remembered wish does not go before that: it is still there at the next health check.
        if (healthCheck.isPresent() && !problems.areNew()) {
            var leftAlone = selfHealing.begin(request.deployment(), input.execution());
            if (leftAlone.isPresent()) {
                return new Outcome.Done(
                        new Output(new Found(leftAlone.get(), healthCheck.get(), true, false, false), null));
            }
        }
        var all = clusters.all();
        var had = record.flatMap(known -> ownCluster(known, all));
        var adopted =
                new ClusterAdoption(account.secretsManager(), deployments, problems).choose(request, record, had, all);
        var unnamed = had.filter(cluster -> adopted.isEmpty() && !record.get().hasCluster(cluster.clusterId()));
        var own = had.or(() -> adopted.flatMap(cluster -> clusters.find(cluster.clusterId())));
        var source = problems.concern("cluster")
                ? Optional.<Backup>empty()
                : new SourceBackup(account.cloudHsm(), account.kms(), problems).choose(request, record, own);
        // The cluster that stays; none where one is made from a backup in its place.
        var kept = own.filter(cluster -> source.isEmpty());
        var network =
                new NetworkCheck(account.ec2(), execution.region(), problems).choose(request.network(), zones, kept);
        new AccountCheck(
                        account.kms(),
                        account.s3(),
                        account.iam(),
                        quotas,
                        deployments,
                        bucketScope,
                        execution,
                        problems)
                .check(request, record, all, kept, source.isPresent());
        var lambdaConcurrency = concurrency.check(problems);
        if (source.isEmpty()) {
            new TrustAnchorCheck(awsRootCertificate, runtime.clock(), problems).check(request.hsmIdentity(), kept);
        }
        if (!problems.concern("hsmIdentity")) {
            neverVerified(kept, source, request, record)
                    .ifPresent(problem -> problems.add("hsmIdentity.policy", problem));
        }
        if (!problems.isEmpty() || network.isEmpty()) return invalid(problems);
        var planted = OwnSecret.notOurs(account.secretsManager(), deployments, request.deployment());
        if (planted.isPresent()) return planted.get().failed();
        var holder = lock.take(request.deployment(), input.execution());
        if (holder.isPresent()) return locked(request.deployment(), holder.get());
        var plan = Plan.of(request, network.get(), source, price, lambdaConcurrency);
        var now = runtime.clock().instant();
        if (!deployments.provisioning(plan.deployment(), record, wanted.remembered(), plan, adopted, now)) {
            // The execution that had the lock until now wanted something else than this one has seen. Nobody has it
            // now.
            return run(input, awaited);
        }
        unnamed.ifPresent(cluster -> Clusters.remember(deployments, record.get(), cluster));
        var found = new Found(
                "",
                healthCheck.orElse("A person started it."),
                healthCheck.isPresent(),
                record.filter(Preflight::isToComeBack).isPresent(),
                needsClient(record, kept, plan.hsmCount()));
        return new Outcome.Done(new Output(found, plan));
    }

    private static HsmPrice priceNow() {
        return HsmPrice.ofFunction(() -> PriceList.ofFunction().hsmHour(Aws.environment("AWS_REGION")));
    }

    private static boolean isToComeBack(Deployment record) {
        return record.phase() != Phase.RUNNING && !record.resources().isEmpty();
    }

    /** Not where every HSM is one that had kmsuser, there are as many as are wanted, and KMS is logged in. */
    private boolean needsClient(Optional<Deployment> record, Optional<Cluster> own, int wanted) {
        if (record.isEmpty() || own.isEmpty()) return true;
        var hsms = Clusters.hsms(own.get());
        var proven = record.get().provenHsms();
        return hsms.size() < wanted
                || hsms.stream().anyMatch(hsm -> hsm.state() != HsmState.ACTIVE || !proven.contains(hsm.hsmId()))
                || record.get().made(Made.KEY_STORE).stream()
                        .flatMap(keyStoreId -> keyStores.find(keyStoreId).stream())
                        .noneMatch(store -> store.connectionState() == ConnectionStateType.CONNECTED
                                && own.get().clusterId().equals(store.cloudHsmClusterId()));
    }

    /** Empty for a new deployment, and where the input names none that there could be. */
    private Optional<Deployment> recordOf(JsonNode input) {
        var problems = new Problems();
        var name = Fields.of(input, problems).deployment().orElse(RequestReader.DEFAULT_DEPLOYMENT);
        return problems.isEmpty() ? deployments.find(name) : Optional.empty();
    }

    private static Optional<String> neverVerified(
            Optional<Cluster> cluster, Optional<Backup> source, ProvisionRequest request, Optional<Deployment> record) {
        var policy = VerifyHsmIdentity.Policy.valueOf(request.hsmIdentity().policy());
        return cluster.flatMap(known -> VerifyHsmIdentity.neverMet(policy, known, record))
                .or(() -> source.flatMap(backup -> VerifyHsmIdentity.neverMet(policy, backup, record)))
                .map(fact ->
                        fact + "; tear the deployment down and provision it anew with this policy, or ask for one that"
                                + " what is on record satisfies, if that is enough for you");
    }

    /**
     * The deployment's cluster. Where it is gone, the one that the deployment's key store is on: a person has made it from a
     * backup, for KMS lets a store change to such a cluster alone. In the place of an adopted one it has to be named.
     */
    private Optional<Cluster> ownCluster(Deployment record, List<Cluster> clusters) {
        return Clusters.ofDeployment(record, clusters).or(() -> replacedByHand(record, clusters));
    }

    private Optional<Cluster> replacedByHand(Deployment record, List<Cluster> clusters) {
        if (record.adoptedCluster().isPresent()) return Optional.empty();
        return record.made(Made.KEY_STORE).stream()
                .flatMap(keyStoreId -> keyStores.find(keyStoreId).stream())
                .flatMap(store ->
                        clusters.stream().filter(cluster -> cluster.clusterId().equals(store.cloudHsmClusterId())))
                .filter(cluster -> cluster.state() != ClusterState.DELETE_IN_PROGRESS)
                .findFirst();
    }

    private static Outcome invalid(Problems problems) {
        return problems.invalidInput("The execution input does not fit, or the account is not ready", "created");
    }

    private static Outcome locked(String deployment, String holder) {
        return new Outcome.Failed(
                DEPLOYMENT_LOCKED,
                "The deployment \"" + deployment + "\" is being worked on by " + holder
                        + ". Nothing was created. Next: wait for its end or stop it, then start a new execution; or"
                        + " choose another deployment name.");
    }
}
