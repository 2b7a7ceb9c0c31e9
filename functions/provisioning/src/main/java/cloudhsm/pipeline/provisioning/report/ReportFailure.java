package cloudhsm.pipeline.provisioning.report;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.SettledQuestions;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;

/** Says why an execution failed and which HSMs it leaves billing, to whoever has subscribed to the topic. */
public final class ReportFailure extends JsonHandler<ReportFailure.Input, ReportFailure.Output> {
    /** What Step Functions hands to a Catch; with JSONata it may add members. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Failure(
            @JsonProperty("Error") String error,
            @JsonProperty("Cause") String cause) {
        public Failure {
            error = Objects.requireNonNullElse(error, "UNKNOWN");
            cause = Objects.requireNonNullElse(cause, "");
        }
    }

    /**
     * @param execution ARN of the execution
     * @param deployment null if the execution failed before it had one; then every deployment's HSMs are named
     */
    public record Input(String execution, String stateMachine, Failure failure, String deployment) {
        public Input {
            Objects.requireNonNull(execution, "execution");
            Objects.requireNonNull(stateMachine, "stateMachine");
            Objects.requireNonNull(failure, "failure");
        }
    }

    /**
     * @param leftBilling one sentence for each HSM; none if nothing bills by the hour
     * @param observations what the execution has settled of the questions in docs/limits.md
     */
    public record Output(String error, String cause, List<String> leftBilling, List<Settled> observations) {
        public Output {
            leftBilling = List.copyOf(leftBilling);
            observations = List.copyOf(observations);
        }
    }

    private final CloudHsmV2Client cloudHsm;
    private final Deployments deployments;
    private final Notifications notifications;
    private final HsmPrice price;
    private final SettledQuestions questions;

    /** Called by Lambda, once per execution environment. */
    public ReportFailure() {
        this(
                Aws.cloudHsm(),
                Deployments.ofFunction(),
                Notifications.ofFunction(),
                HsmPrice.ofFunction(),
                SettledQuestions.ofFunction());
    }

    ReportFailure(
            CloudHsmV2Client cloudHsm,
            Deployments deployments,
            Notifications notifications,
            HsmPrice price,
            SettledQuestions questions) {
        super(Input.class);
        this.cloudHsm = cloudHsm;
        this.deployments = deployments;
        this.notifications = notifications;
        this.price = price;
        this.questions = questions;
    }

    @Override
    protected Output handle(Input input) {
        var output = new Output(
                input.failure().error(),
                input.failure().cause(),
                leftBilling(Optional.ofNullable(input.deployment())),
                questions.of(input.execution()));
        notifications.publish("CloudHSM pipeline failed: " + output.error(), message(input, output));
        return output;
    }

    private List<String> leftBilling(Optional<String> deployment) {
        try {
            var clusters = new Clusters(cloudHsm).all();
            return deployments.all().stream()
                    .filter(known -> deployment.isEmpty() || deployment.get().equals(known.name()))
                    .flatMap(known -> Clusters.allOfDeployment(known, clusters).stream())
                    .flatMap(this::billing)
                    .toList();
        } catch (SdkException failure) {
            // Whoever reads this must not take "nothing found" for "nothing left".
            return List.of("Unknown, as AWS could not be asked: " + failure.getMessage()
                    + ". Look for HSMs in the CloudHSM console; a Region that has no CloudHSM has none.");
        }
    }

    private Stream<String> billing(Cluster cluster) {
        return Clusters.hsms(cluster).stream().map(hsm -> sentence(cluster, hsm));
    }

    private String sentence(Cluster cluster, Hsm hsm) {
        return String.format(
                Locale.ROOT,
                "HSM %s (%s, %s) of cluster %s: %s an hour",
                hsm.hsmId(),
                hsm.availabilityZone(),
                hsm.stateAsString(),
                cluster.clusterId(),
                Words.usd(price.perHour(1)));
    }

    private String message(Input input, Output output) {
        var billing = output.leftBilling().isEmpty()
                ? "No HSM is left, so nothing bills by the hour."
                : "Left billing, until it is deleted (the teardown does it):\n- "
                        + String.join("\n- ", output.leftBilling()) + "\n" + price.basis();
        var settled = output.observations().stream()
                .map(one -> "- " + one.question() + ": " + one.answer() + "\n")
                .collect(Collectors.joining("", "What this run settled of the questions in docs/limits.md:\n", "\n"));
        return """
            %s

            %s

            %s

            %sExecution: %s
            State machine: %s
            """.formatted(
                        output.error(),
                        output.cause(),
                        billing,
                        output.observations().isEmpty() ? "" : settled,
                        input.execution(),
                        input.stateMachine());
    }
}
