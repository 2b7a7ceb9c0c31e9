package cloudhsm.pipeline.localcloud.template;

/** A template that CloudFormation would not deploy, or that the embedded AWS does not understand whole. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TemplateException(String message) {
        super(message);
    }

    TemplateException(String message, Throwable cause) {
        super(message, cause);
    }
}
