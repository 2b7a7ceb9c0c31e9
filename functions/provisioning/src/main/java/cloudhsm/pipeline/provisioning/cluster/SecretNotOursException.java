package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.List;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.secretsmanager.model.DescribeSecretResponse;

/** Secrets have names of the deployment's, and somebody else has stored them. */
public final class SecretNotOursException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SecretNotOursException(String deployment, List<DescribeSecretResponse> secrets) {
        super("The record of the deployment \"" + deployment + "\" does not know what somebody else has stored under"
                + " names that the pipeline uses: "
                + secrets.stream()
                        .map(secret -> "the secret " + secret.name() + " (" + secret.arn() + ")")
                        .collect(Collectors.joining(", "))
                + ". No value was read, and nothing was changed; HSMs that exist bill on. Next: see in CloudTrail who"
                + " called CreateSecret; if somebody needs a value, store it under another name; delete what is listed"
                + " here; then start a new execution, which makes its own secrets and continues from here.");
    }

    /** How a stage that meets one ends. */
    public Outcome failed() {
        return new Outcome.Failed("SECRET_NOT_OURS", getMessage());
    }
}
