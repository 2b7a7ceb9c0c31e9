package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.DataKeySpec;
import software.amazon.awssdk.services.kms.model.DependencyTimeoutException;
import software.amazon.awssdk.services.kms.model.KeyUnavailableException;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.KmsInvalidStateException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.DeleteMarkerEntry;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/**
 * Proves the whole path: uploads an object that asks for SSE-S3, waits until the re-encryptor has put it under the
 * key, reads it back, and removes every version of it. Where the deployment's record has that for these very HSMs, key
 * and bucket, it only asks KMS.
 */
public final class ProveEncryption extends StageHandler<ProveEncryption.Input> {
    /** S3's notification takes seconds, sometimes a minute; the rest is for a full queue, or a function that died. */
    private static final Duration BUDGET = Duration.ofMinutes(20);

    private static final String SSE_S3 = ServerSideEncryption.AES256.toString();

    /**
     * @param execution name or ARN of the execution; makes the probe's name
     * @param hsms ids of the cluster's ACTIVE HSMs
     * @param connected whether this execution had KMS log in to the HSMs
     */
    public record Input(
            String execution, String deployment, String bucket, String keyArn, List<String> hsms, boolean connected) {
        public Input {
            hsms = List.copyOf(hsms);
        }

        String probeKey() {
            return ".cloudhsm-pipeline/probe-" + execution.substring(execution.lastIndexOf(':') + 1);
        }
        /** Always the same bytes for an execution, so a run that did not upload them can still compare. */
        byte[] content() {
            return ("Probe of the CloudHSM pipeline, execution " + execution + "\n").getBytes(StandardCharsets.UTF_8);
        }
    }

    /**
     * @param before AES256, which the upload asked for
     * @param after ARN of the key the probe was found under
     * @param etagUnchanged true if S3 only wrapped the data key anew; false if the re-encryptor had to copy
     * @param versionsRemoved how many versions and delete markers of the probe were removed
     */
    public record Output(String probeKey, String before, String after, boolean etagUnchanged, int versionsRemoved) {}

    private final S3Client s3;
    private final KmsClient kms;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ProveEncryption() {
        this(Aws.s3(), Aws.kms(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    ProveEncryption(S3Client s3, KmsClient kms, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.kms = kms;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var unusable = whyUnusable(input);
        if (unusable.isPresent()) return unusable.get();
        var before = before(input);
        if (before.isPresent()) return new Outcome.Done(before.get());
        var probe = head(input);
        if (probe.isEmpty()) return absent(input, awaited);
        if (input.keyArn().equals(probe.get().ssekmsKeyId())) return proven(input, probe.get());
        if (probe.get().ssekmsKeyId() != null) {
            return failed(input, "it is under another key, " + probe.get().ssekmsKeyId());
        }
        if (isOverdue(probe.get())) {
            settle(Question.UPDATE_OBJECT_ENCRYPTION_WITH_A_CLOUDHSM_KEY, "not used: the probe stayed as it was");
            return failed(
                    input,
                    "it is still under " + probe.get().serverSideEncryptionAsString() + " " + BUDGET.toMinutes()
                            + " min after its upload");
        }
        return waiting(input);
    }

    /**
     * KMS can say that a key store is CONNECTED and yet not reach the HSMs: as far as anybody knows after a time without
     * any. Asked for a data key, it tells; the probe would only tell after its whole {@link #BUDGET}.
     */
    private Optional<Outcome> whyUnusable(Input input) {
        try {
            kms.generateDataKeyWithoutPlaintext(
                    request -> request.keyId(input.keyArn()).keySpec(DataKeySpec.AES_256));
            return Optional.empty();
        } catch (KmsInvalidStateException | KeyUnavailableException | DependencyTimeoutException refused) {
            settle(Question.KEYS_AFTER_HSMS_CAME_BACK, Settled.refused(refused));
            return Optional.of(new Outcome.Failed(
                    "KEY_UNUSABLE",
                    "KMS cannot use key " + input.keyArn() + " although its key store is CONNECTED. KMS says: \""
                            + refused.awsErrorDetails().errorMessage() + "\" Objects under it can be neither read nor"
                            + " written. Next: none as long as the execution runs: it disconnects the key store and"
                            + " connects it again, once. If the execution ended so, look at the cluster's HSMs and at"
                            + " the AWS Health Dashboard for KMS, then start a new one. If the cluster was made from a"
                            + " backup that is older than the key, the key's material is lost: schedule the key's"
                            + " deletion and delete its alias; a new execution then makes another key."));
        } catch (KmsException failure) {
            // A key policy of the user's own need not let this role ask; the probe tells as well, later.
            if ("AccessDeniedException".equals(failure.awsErrorDetails().errorCode())) return Optional.empty();
            throw failure;
        }
    }

    /** The proof of an earlier execution, where neither the HSMs nor the bucket have changed since. */
    private Optional<Output> before(Input input) {
        if (input.connected()) return Optional.empty();
        var record = deployments.find(input.deployment());
        if (record.filter(known -> haveAllChanged(known, input)).isPresent()) {
            settle(Question.KEYS_AFTER_HSMS_CAME_BACK, "KMS serves by itself");
        }
        return record.filter(known -> known.provenHsms().equals(Set.copyOf(input.hsms())))
                .flatMap(known -> known.proof(input.bucket()))
                .filter(proof -> input.keyArn().equals(proof.path("after").asText()))
                .map(proof -> Json.MAPPER.convertValue(proof, Output.class));
    }

    /** As after a time without any. */
    private static boolean haveAllChanged(Deployment known, Input input) {
        return !known.provenHsms().isEmpty() && Collections.disjoint(known.provenHsms(), input.hsms());
    }

    /**
     * Nothing left of the probe, not even a delete marker: it has not been uploaded yet, or an earlier run had its
     * proof and removed it, and died before it said so. Either way this run begins at the beginning.
     */
    private Outcome absent(Input input, Optional<Resource> awaited) {
        if (awaited.isPresent() && versionIds(input).findAny().isPresent()) {
            return failed(input, "it is gone: somebody deleted it");
        }
        s3.putObject(
                request -> request.bucket(input.bucket())
                        .key(input.probeKey())
                        .serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromBytes(input.content()));
        return waiting(input);
    }

    private static Outcome waiting(Input input) {
        return new Outcome.Waiting(Resource.object(input.bucket(), input.probeKey()), Set.of(SSE_S3), BUDGET);
    }

    private Optional<HeadObjectResponse> head(Input input) {
        try {
            return Optional.of(
                    s3.headObject(request -> request.bucket(input.bucket()).key(input.probeKey())));
        } catch (NoSuchKeyException absent) {
            return Optional.empty();
        }
    }

    private boolean isOverdue(HeadObjectResponse probe) {
        return clock.instant().isAfter(probe.lastModified().plus(BUDGET));
    }

    private Outcome proven(Input input, HeadObjectResponse probe) {
        var content = s3.getObjectAsBytes(
                        request -> request.bucket(input.bucket()).key(input.probeKey()))
                .asByteArray();
        if (!Arrays.equals(content, input.content())) return failed(input, "its content has changed");
        var etagUnchanged = probe.eTag().equals("\"" + md5(input.content()) + "\"");
        settle(
                Question.UPDATE_OBJECT_ENCRYPTION_WITH_A_CLOUDHSM_KEY,
                etagUnchanged ? "accepted: the probe's ETag is unchanged" : "not used: the probe was copied");
        var removed = removeVersions(input);
        return new Outcome.Done(new Output(input.probeKey(), SSE_S3, probe.ssekmsKeyId(), etagUnchanged, removed));
    }

    /** What S3 gives an SSE-S3 upload in one part as its ETag. */
    private static String md5(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(content));
        } catch (NoSuchAlgorithmException everyJavaHasIt) {
            throw new IllegalStateException(everyJavaHasIt);
        }
    }

    private int removeVersions(Input input) {
        var versionIds = versionIds(input).toList();
        versionIds.forEach(versionId -> s3.deleteObject(
                request -> request.bucket(input.bucket()).key(input.probeKey()).versionId(versionId)));
        return versionIds.size();
    }

    /** The prefix also finds keys that go on after the probe's; those are not ours. */
    private Stream<String> versionIds(Input input) {
        return s3
                .listObjectVersionsPaginator(request ->
                        request.bucket(input.bucket()).prefix(input.probeKey()).encodingType(EncodingType.URL))
                .stream()
                .flatMap(page -> Stream.concat(
                        page.versions().stream()
                                .filter(version -> input.probeKey().equals(version.key()))
                                .map(ObjectVersion::versionId),
                        page.deleteMarkers().stream()
                                .filter(marker -> input.probeKey().equals(marker.key()))
                                .map(DeleteMarkerEntry::versionId)));
    }

    private static Outcome failed(Input input, String seen) {
        return new Outcome.Failed(
                "PROOF_FAILED",
                "The probe s3://" + input.bucket() + "/" + input.probeKey() + ", uploaded with SSE-S3, should be"
                        + " under " + input.keyArn() + ", but " + seen + ". Uploads that ask for another encryption"
                        + " may not be reaching the key. The probe was left as it is. Next: start a provisioning"
                        + " execution with the deployment's name, which sets the bucket's default encryption and"
                        + " notification and tries with a new probe. If this was one, look at the re-encryptor's queue,"
                        + " its dead-letter queue and its log first.");
    }
}
