package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** What becomes of a complete deployment that loses HSMs ({@code --fault hsm:lost:MINUTES}), until it is healed. */
final class Healing {
    private static final Duration STEP = Duration.ofSeconds(15);

    /** After the last loss: a health check, and more than a healing takes. */
    private static final Duration LIMIT = Duration.ofHours(6);

    private final LocalDeployment deployment;
    private final LocalCloud cloud;
    private final String stateMachineArn;
    private final ProvisioningRun provisioning;
    private final String object;
    private final PrintWriter out;
    private final List<Hsm> serving = new ArrayList<>();
    private int mails;

    /** @param object key of an uploaded object, to be read again and again */
    Healing(LocalDeployment deployment, ProvisioningRun provisioning, String object, PrintWriter out) {
        this.deployment = deployment;
        this.cloud = deployment.cloud();
        this.stateMachineArn = deployment.stack().outputs().get("ProvisionStateMachineArn");
        this.provisioning = provisioning;
        this.object = object;
        this.out = out;
        this.mails = cloud.sns().published().size();
        serving.addAll(active());
    }

    /** @return whether two zones have ACTIVE HSMs again and the object can be read */
    boolean show() {
        out.printf("%nNobody does anything from now on.%n");
        var deadline = cloud.time().now().plus(LIMIT);
        var lost = false;
        while (cloud.time().now().isBefore(deadline)) {
            cloud.advance(STEP);
            lost |= tellLosses();
            var healing = running();
            if (healing.isEmpty()) continue;
            tellMails();
            var run = new ProvisioningRun(deployment, stateMachineArn, "", out);
            var succeeded = run.follow(healing.get());
            tellMails();
            if (lost && succeeded && run.output().has("keyArn")) return told();
        }
        out.printf("%nIt was not healed within %d hours.%n", LIMIT.toHours());
        return false;
    }

    private boolean tellLosses() {
        var now = active();
        var gone = serving.stream().filter(hsm -> !now.contains(hsm)).toList();
        gone.forEach(hsm -> out.printf(
                "%nAt %s HSM %s (%s) is lost: somebody deleted it. s3://%s/%s %s.%n",
                time(), hsm.hsmId(), hsm.availabilityZone(), provisioning.bucket(), object, readable()));
        serving.clear();
        serving.addAll(now);
        return !gone.isEmpty();
    }

    private boolean told() {
        var zones =
                active().stream().map(Hsm::availabilityZone).distinct().sorted().toList();
        var readable = readable();
        out.printf(
                "%nAt %s HSMs are ACTIVE in %s, and s3://%s/%s %s.%n",
                time(), String.join(" and ", zones), provisioning.bucket(), object, readable);
        out.flush();
        return zones.size() == 2 && readable.equals("can be read");
    }

    private void tellMails() {
        var published = cloud.sns().published();
        published
                .subList(mails, published.size())
                .forEach(mail -> out.printf(
                        "%nMail at %s: %s%n%s%n",
                        mail.at().truncatedTo(ChronoUnit.SECONDS), mail.subject(), indented(mail.message())));
        mails = published.size();
    }

    private static String indented(String message) {
        return message.strip().indent(2).stripTrailing();
    }

    private List<Hsm> active() {
        return cloud.cloudHsm().everCreated().stream().filter(Hsm::active).toList();
    }

    private String readable() {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            s3.getObjectAsBytes(get -> get.bucket(provisioning.bucket()).key(object));
            return "can be read";
        } catch (S3Exception refused) {
            return "cannot be read: " + refused.awsErrorDetails().errorCode();
        }
    }

    /** ARN of the healing that runs; health checks start others meanwhile, which end at once. */
    private Optional<String> running() {
        var answer = cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "states",
                        "ListExecutions",
                        Json.object().put("stateMachineArn", stateMachineArn).put("statusFilter", "RUNNING"));
        return StreamSupport.stream(answer.path("executions").spliterator(), false)
                .map(execution -> execution.path("executionArn").asText())
                .findFirst();
    }

    private Instant time() {
        return cloud.time().now().truncatedTo(ChronoUnit.SECONDS);
    }
}
