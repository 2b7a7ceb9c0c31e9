package cloudhsm.pipeline.localcloud.wire;

import java.util.Optional;

/** The member of an error that carries its text: services write {@code message} or {@code Message}. */
public final class ErrorText {
    private ErrorText() {}

    /**
     * @param signingName of the service
     * @param code the error's name; one that the model lacks has {@code message}, as most have
     */
    public static String member(String signingName, String code) {
        return of(ServiceModel.of(signingName).error(code)).orElse("message");
    }

    /** Empty where the shape says nothing of a text, which AWS sends all the same. */
    static Optional<String> of(Optional<Shape> error) {
        return error.flatMap(shape -> shape.members().keySet().stream()
                .filter(member -> member.equalsIgnoreCase("message"))
                .findFirst());
    }
}
