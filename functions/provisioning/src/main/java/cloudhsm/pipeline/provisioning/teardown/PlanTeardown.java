package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.bucket.BucketSettings;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock.TakeOver;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Release;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Execution;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.KeyManagerType;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.NotFoundException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Reads the execution input, finds everything that belongs to the deployment, and refuses to take away what others use
 * as well. Then it takes the deployment's lock and plans. Nothing is removed here.
 */
public final class PlanTeardown extends StageHandler<PlanTeardown.Input> {
    /** KMS may delete a key this much later than its window ends. */
    private static final int HOURS_LATE = 24;

    private static final int HOURS_OF_DAY = 24;

    /**
     * @param execution ARN
     * @param request the execution input as it is
     */
    public record Input(String execution, JsonNode request) {}

    private final KmsClient kms;
    private final Buckets buckets;
    private final DeploymentSearch search;
    private final DeploymentLock lock;
    private final Deployments deployments;
    private final HsmPrice tablePrice;

    /** Called by Lambda, once per execution environment. */
    public PlanTeardown() {
        this(
                Aws.cloudHsm(),
                Aws.kms(),
                Aws.s3(),
                Deployments.ofFunction(),
                HsmPrice.ofFunction(),
                StageRuntime.ofFunction());
    }

    PlanTeardown(
            CloudHsmV2Client cloudHsm,
            KmsClient kms,
            S3Client s3,
            Deployments deployments,
            HsmPrice tablePrice,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.buckets = new Buckets(s3);
        this.search = new DeploymentSearch(cloudHsm, kms, buckets, deployments);
        this.lock = runtime.lock();
        this.deployments = deployments;
        this.tablePrice = tablePrice;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var problems = new Problems();
        var request = TeardownRequest.read(input.request(), this::hasAdopted, problems);
        if (problems.isEmpty()) checkReturnKey(request, problems);
        if (!problems.isEmpty()) return problems.invalidInput("The execution input does not fit", "removed");
        var staying = keysThatStay(request, input.execution());
        if (!staying.isEmpty()) return notDeletable(request.deployment(), staying);
        return switch (lock.takeOver(request.deployment(), input.execution(), request.interrupt())) {
            case TakeOver.Taken taken -> planOrRelease(request, input.execution());
            case TakeOver.Held(var holder) -> locked(request.deployment(), holder);
            case TakeOver.Stopping(var holder) -> stillRunning(request.deployment(), holder);
        };
    }

    private Outcome planOrRelease(TeardownRequest request, String execution) {
        var outcome = plan(request, execution);
        if (outcome instanceof Outcome.Failed) lock.release(request.deployment(), execution);
        return outcome;
    }

    private void checkReturnKey(TeardownRequest request, Problems problems) {
        if (request.returnTo().isEmpty()) return;
        try {
            var key = kms.describeKey(asked -> asked.keyId(request.returnTo())).keyMetadata();
            if (key.keyState() != KeyState.ENABLED) {
                problems.add("returnTo", "key " + key.keyId() + " is " + key.keyStateAsString() + ", not Enabled");
            }
        } catch (NotFoundException absent) {
            problems.add("returnTo", "there is no key " + request.returnTo());
        }
    }

    /** The keys that the last provisioning was told not to let go, where nobody has asked KMS to delete them. */
    private List<KeyMetadata> keysThatStay(TeardownRequest request, String execution) {
        var mayGo = deployments
                .find(request.deployment())
                .map(known -> known.plan().path("keyDeletable").asBoolean(true))
                .orElse(true);
        if (mayGo) return List.of();
        return search.find(request.deployment(), Execution.of(execution)).keys().stream()
                .filter(key -> key.keyState() != KeyState.PENDING_DELETION)
                .toList();
    }

    private Outcome plan(TeardownRequest request, String execution) {
        var found = search.find(request.deployment(), Execution.of(execution));
        if (found.isNothing()) return noSuchDeployment(request.deployment());
        if (found.keys().stream().anyMatch(key -> key.arn().equals(request.returnTo()))) {
            var problems = new Problems();
            problems.add("returnTo", "is a key of the deployment itself, which is going to be deleted");
            return problems.invalidInput("The execution input does not fit", "removed");
        }
        var shared = shared(found);
        var refusal = shared.isEmpty() || request.evenIfShared() ? "" : refusal(request.deployment(), shared);
        if (!refusal.isEmpty() && !request.interrupt()) return new Outcome.Failed("DEPLOYMENT_SHARED", refusal);
        var plan = planOf(request, found, shared, refusal);
        var returnTo = plan.buckets().stream()
                .collect(Collectors.toMap(TeardownPlan.Bucket::name, TeardownPlan.Bucket::returnTo));
        deployments.releasing(request.deployment(), new Release(execution, plan.keyIds(), returnTo));
        return new Outcome.Done(plan);
    }

    /** What others would lose. */
    private List<String> shared(DeploymentSearch.Found found) {
        var shared = new ArrayList<String>();
        found.othersKeys()
                .forEach(key -> shared.add("key " + key.keyId() + " is in key store "
                        + key.customKeyStoreId() + " as well and is not the deployment's; the store cannot go before"
                        + " it"));
        buckets.othersUnder(found.keys(), found.buckets())
                .forEach(name -> shared.add(
                        "s3://" + name + " is encrypted under the key, too, and would become" + " unreadable"));
        return shared;
    }

    private TeardownPlan planOf(
            TeardownRequest request, DeploymentSearch.Found found, List<String> shared, String refusal) {
        var record = found.record().orElseThrow();
        var all = found.clusters().stream()
                .flatMap(cluster -> Clusters.hsms(cluster).stream())
                .map(Hsm::hsmId)
                .toList();
        var adopted = record.adoptedCluster()
                .map(cluster -> new TeardownPlan.Adopted(cluster.clusterId(), cluster.hsmIds()))
                .orElse(new TeardownPlan.Adopted("", List.of()));
        var hsms = (int)
                all.stream().filter(id -> !adopted.ownersHsmIds().contains(id)).count();
        var price = tablePrice.agreed(record.plan());
        var cannotDeleteMaterial = cannotDeleteMaterial(found, all.size());
        var meter = request.meter() == TeardownRequest.Meter.DELETE_MATERIAL && cannotDeleteMaterial.isPresent()
                ? TeardownRequest.Meter.STOP_NOW
                : request.meter();
        return new TeardownPlan(
                request.deployment(),
                request.data().name(),
                request.previousVersionsMayGo(),
                request.pendingWindowInDays(),
                meter.name(),
                meter == request.meter() ? "" : cannotDeleteMaterial.get(),
                found.buckets().stream()
                        .map(name -> bucket(name, request, found))
                        .toList(),
                found.keyStore().map(store -> store.customKeyStoreId()).orElse(""),
                found.keys().stream().map(KeyMetadata::keyId).toList(),
                found.clusterIds(),
                adopted,
                hsms,
                price.perHour(),
                price.perHour(hsms),
                price.perHour(hsms + (hsms == 0 ? 0 : request.pendingWindowInDays() * HOURS_OF_DAY + HOURS_LATE)),
                price.basis(),
                found.leftAlone(),
                refusal.isEmpty() ? shared : List.of(),
                request.interrupt(),
                refusal);
    }

    /** Why KMS could not delete the key's material in the HSMs even if they stayed. */
    private static Optional<String> cannotDeleteMaterial(DeploymentSearch.Found found, int hsms) {
        if (found.keys().isEmpty()) return Optional.of("there is no key whose material could be deleted");
        if (hsms == 0) return Optional.of("there is no HSM any more in which material could be deleted");
        return found.keyStore()
                .filter(store -> store.connectionState() != ConnectionStateType.CONNECTED)
                .map(store -> "key store " + store.customKeyStoreId() + " is " + store.connectionStateAsString()
                        + ", so KMS cannot reach the material");
    }

    private boolean hasAdopted(String deployment) {
        // Empty where the input names none, which is told.
        return !deployment.isEmpty()
                && deployments
                        .find(deployment)
                        .filter(record -> !record.adoptedBuckets().isEmpty())
                        .isPresent();
    }

    /** An adopted bucket's objects stay readable, whatever becomes of those that the pipeline made. */
    private TeardownPlan.Bucket bucket(String name, TeardownRequest request, DeploymentSearch.Found found) {
        if (!found.record().orElseThrow().adoptedBuckets().contains(name)) {
            return new TeardownPlan.Bucket(name, false, request.data().name(), request.returnTo());
        }
        var former = request.returnTo().isEmpty()
                ? BucketSettings.formerKey(deployments.found(request.deployment(), name))
                        .flatMap(this::customerKey)
                        .filter(key ->
                                found.keys().stream().noneMatch(own -> own.arn().equals(key)))
                        .orElse("")
                : request.returnTo();
        return new TeardownPlan.Bucket(name, true, TeardownRequest.Data.KEEP_READABLE.name(), former);
    }

    /** The ARN of the bucket's former key where objects can go under it again; else they go under SSE-S3. */
    private Optional<String> customerKey(String keyId) {
        try {
            return Optional.of(kms.describeKey(asked -> asked.keyId(keyId)).keyMetadata())
                    .filter(key -> key.keyState() == KeyState.ENABLED && key.keyManager() == KeyManagerType.CUSTOMER)
                    .map(KeyMetadata::arn);
        } catch (KmsException refused) {
            if (Aws.mayPass(refused)) throw refused;
            return Optional.empty();
        }
    }

    private static Outcome notDeletable(String deployment, List<KeyMetadata> keys) {
        return new Outcome.Failed(
                "KEY_NOT_DELETABLE",
                "A teardown deletes key "
                        + String.join(
                                ", ", keys.stream().map(KeyMetadata::keyId).toList())
                        + ", but \"" + deployment + "\" was provisioned with \"key\": {\"deletable\": false}. Nothing"
                        + " was changed. Next: to stop the meter and keep the key, pause the"
                        + " deployment; if the key may go after all, start a provisioning"
                        + " with the deployment's name and \"key\": {\"deletable\": true}, then this teardown"
                        + " again.");
    }

    private static Outcome locked(String deployment, String holder) {
        return new Outcome.Failed(
                "DEPLOYMENT_LOCKED",
                "The deployment \"" + deployment + "\" is being worked on by " + holder
                        + ". Nothing was removed. Next: wait for its end or stop it, then start a new execution.");
    }

    private static Outcome stillRunning(String deployment, String holder) {
        return new Outcome.Failed(
                TRANSIENT,
                "Execution " + holder + " holds the deployment \"" + deployment + "\" and was told to stop, but still"
                        + " runs. Nothing was removed. Next: look again a little later.");
    }

    private Outcome noSuchDeployment(String deployment) {
        var known = deployments.all().stream()
                .map(other -> "\"" + other.name() + "\"")
                .toList();
        return new Outcome.Failed(
                "NO_SUCH_DEPLOYMENT",
                "This stack has no record of a deployment \"" + deployment
                        + "\", and takes nothing for its tag or name."
                        + " Known are "
                        + (known.isEmpty() ? "none" : String.join(", ", known))
                        + ". Nothing was removed. Next: check the name, the Region and the stack.");
    }

    private static String refusal(String deployment, List<String> shared) {
        return "Others use what belongs to \"" + deployment
                + "\". Nothing was removed. Next: move them away, or start a new execution with"
                + " \"evenIfShared\": true.\n- " + String.join("\n- ", shared);
    }
}
