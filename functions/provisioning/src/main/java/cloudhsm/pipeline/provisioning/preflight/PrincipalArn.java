package cloudhsm.pipeline.provisioning.preflight;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A role or user of IAM, as key policies name it.
 *
 * @param name without the path
 */
record PrincipalArn(String arn, String account, Kind kind, String name) {
    enum Kind {
        ROLE,
        USER
    }

    private static final Pattern ARN =
            Pattern.compile("arn:aws[a-z-]*:iam::([0-9]{12}):(role|user)/(?:[\\x21-\\x7e]*/)?([\\w+=,.@-]{1,64})");

    /** Empty if the text is not the ARN of a role or of a user. */
    static Optional<PrincipalArn> parse(String text) {
        var matcher = ARN.matcher(text);
        if (!matcher.matches()) return Optional.empty();
        var kind = matcher.group(2).equals("role") ? Kind.ROLE : Kind.USER;
        return Optional.of(new PrincipalArn(text, matcher.group(1), kind, matcher.group(3)));
    }
}
