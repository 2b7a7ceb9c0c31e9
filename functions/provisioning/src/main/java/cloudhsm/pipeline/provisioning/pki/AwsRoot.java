package cloudhsm.pipeline.provisioning.pki;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import javax.security.auth.x500.X500Principal;

/**
 * The root of the AWS chain of every HSM, pinned as facts. It expires on 2027-04-26; others can be given beside it or
 * instead, see {@link AwsRoots}.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/verify-hsm-identity.html">Verify the identity of
 *     the HSM</a>
 */
public final class AwsRoot {
    static final String NAME = "AWS CloudHSM root";

    private static final X500Principal SUBJECT = new X500Principal(
            "CN=AWS CloudHSM Root G1,OU=CloudHSM,O=Amazon Web Services INC.,L=Herndon,ST=Virginia,C=US");

    /** RSA-2048; its modulus was compared with the one that the AWS CloudHSM user guide prints. */
    private static final String SUBJECT_PUBLIC_KEY_INFO = """
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyOP2KuAfHmZzAB5X3D5p
        8ZtzcyRYYIWARZmihT/n+WdBnznS6OGI7BgHXDiYJVpFXx/EYA4p5Kxl8LaSgzRi
        GufGrg9AZlK7C2rGeCdX1jI7bAqDfafpoWwQRid0LG6GOv1xGB+EjgCEuwDcV9hI
        lFwTev87N1JgzVpkVzWV32doOeL5ha1Z7qaal3U19OEyCNMOL7wzBPM06Mm1GP1p
        g+C3WrQ/zhwvtR4PTxXwJwAjZ9W4LMvW7+s0JYAoM/rmOjFYegv9T23THGQQR4xP
        q+NhDKKpCy3mWfQcLJIqpPmkgyE6ZtzHdQYV/oOd+CV/O2boqp/R5bodWsUuIe5S
        YQIDAQAB
        """;

    private static final String CERTIFICATE_SHA256 = "9c6958fcacbb6f0e36546be1f2ce59ad84ee206835e6977f697d30dce9a7b570";
    private static final Instant NOT_BEFORE = Instant.parse("2017-04-28T08:37:46Z");
    private static final Instant NOT_AFTER = Instant.parse("2027-04-26T08:37:46Z");

    private AwsRoot() {}

    /** AWS CloudHSM Root G1. */
    public static Root pinned() {
        return new Root(NAME, SUBJECT, key(), NOT_BEFORE, NOT_AFTER, CERTIFICATE_SHA256);
    }

    private static PublicKey key() {
        try {
            return KeyFactory.getInstance("RSA")
                    .generatePublic(
                            new X509EncodedKeySpec(Base64.getMimeDecoder().decode(SUBJECT_PUBLIC_KEY_INFO)));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
