package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.stage.Outcome;

/** A secret has the name of one of the deployment's, and somebody else has stored it. */
public final class SecretNotOursException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SecretNotOursException(String deployment, String name, String arn) {
        super("The secret " + name + " (" + arn + ") has a name that the pipeline uses, but the record of the"
                + " deployment \"" + deployment + "\" does not know it: somebody else has stored it. What it holds was"
                + " not read, and nothing was changed; HSMs that exist bill on. Next: see in CloudTrail who called"
                + " CreateSecret; if somebody needs the value, store it under another name; delete the secret; then"
                + " start a new execution, which makes its own secret and continues from here.");
    }

    /** How a stage that meets one ends. */
    public Outcome failed() {
        return new Outcome.Failed("SECRET_NOT_OURS", getMessage());
    }
}
