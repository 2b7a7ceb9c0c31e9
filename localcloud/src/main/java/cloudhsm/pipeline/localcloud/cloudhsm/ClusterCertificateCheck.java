package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Provider;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSASSAPSSparams;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMException;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.operator.DefaultAlgorithmNameFinder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * What InitializeCluster accepts [HSM:initialize-cluster]. AWS's own messages are not public; these name the rule that
 * was broken. Validity periods are not looked at.
 */
// Assumed: cluster-certificate
final class ClusterCertificateCheck {
    /** Verifies RSASSA-PSS as well; not registered, so that nothing else changes by it. */
    private static final Provider BOUNCY_CASTLE = new BouncyCastleProvider();

    private static final int MOST_CERTIFICATES = 4;
    private static final int MOST_BYTES = 16 * 1024;
    private static final Set<Integer> RSA_BITS = Set.of(2048, 3072, 4096);
    private static final Set<Integer> EC_BITS = Set.of(256, 384, 521);

    private static final Set<ASN1ObjectIdentifier> DIGESTS = Set.of(
            NISTObjectIdentifiers.id_sha224,
            NISTObjectIdentifiers.id_sha256,
            NISTObjectIdentifiers.id_sha384,
            NISTObjectIdentifiers.id_sha512);

    private static final Set<ASN1ObjectIdentifier> SIGNATURES = Set.of(
            PKCSObjectIdentifiers.sha224WithRSAEncryption,
            PKCSObjectIdentifiers.sha256WithRSAEncryption,
            PKCSObjectIdentifiers.sha384WithRSAEncryption,
            PKCSObjectIdentifiers.sha512WithRSAEncryption,
            X9ObjectIdentifiers.ecdsa_with_SHA224,
            X9ObjectIdentifiers.ecdsa_with_SHA256,
            X9ObjectIdentifiers.ecdsa_with_SHA384,
            X9ObjectIdentifiers.ecdsa_with_SHA512);

    private ClusterCertificateCheck() {}

    /**
     * @param clusterCsr the CSR that the cluster offers now
     * @throws AwsException CloudHsmInvalidRequestException naming the first rule that is broken
     */
    static void check(String signedCertPem, String trustAnchorPem, String clusterCsr) {
        var signed = certificates(signedCertPem, "SignedCert");
        if (signed.size() != 1) {
            throw Input.invalid("SignedCert must hold exactly one certificate, not " + signed.size());
        }
        var leaf = signed.getFirst();
        var chain = certificates(trustAnchorPem, "TrustAnchor");
        checkChain(chain, trustAnchorPem);
        checkAlgorithms(leaf, "SignedCert");
        if (!issued(chain.getFirst(), leaf)) {
            throw Input.invalid("SignedCert was not issued by the TrustAnchor's first certificate");
        }
        if (!Arrays.equals(publicKey(leaf), csrPublicKey(clusterCsr))) {
            throw Input.invalid(
                    "The public key of SignedCert is not that of the cluster's certificate signing request");
        }
    }

    private static void checkChain(List<X509CertificateHolder> chain, String pem) {
        if (chain.size() > MOST_CERTIFICATES) {
            throw Input.invalid("TrustAnchor holds " + chain.size() + " certificates; at most " + MOST_CERTIFICATES
                    + " are allowed");
        }
        if (chain.size() > 1 && pem.getBytes(StandardCharsets.UTF_8).length > MOST_BYTES) {
            throw Input.invalid("A TrustAnchor chain may have at most 16 kB");
        }
        for (int i = 0; i < chain.size(); i++) {
            var certificate = chain.get(i);
            checkAlgorithms(certificate, "TrustAnchor");
            checkExtensions(certificate, i);
            var root = i == chain.size() - 1;
            if (root && !issued(certificate, certificate)) {
                throw Input.invalid("TrustAnchor must end with a self-signed root certificate");
            }
            if (!root && issued(certificate, certificate)) {
                throw Input.invalid("Only the last certificate of TrustAnchor may be self-signed");
            }
            if (!root && !issued(chain.get(i + 1), certificate)) {
                throw Input.invalid("TrustAnchor must be ordered from the issuer of SignedCert up to the root");
            }
        }
    }

    /** @param below how many authorities stand between this one and the certificate of the cluster */
    private static void checkExtensions(X509CertificateHolder certificate, int below) {
        if (!certificate.hasExtensions()) return;
        var constraints = BasicConstraints.fromExtensions(certificate.getExtensions());
        if (constraints == null) {
            throw Input.invalid("A TrustAnchor certificate with extensions must have Basic Constraints");
        }
        var usage = KeyUsage.fromExtensions(certificate.getExtensions());
        if (!constraints.isCA() || (usage != null && !usage.hasUsages(KeyUsage.keyCertSign))) {
            throw Input.invalid("The extensions of a TrustAnchor certificate contradict its use as an authority");
        }
        var pathLength = constraints.getPathLenConstraint();
        if (pathLength != null && pathLength.intValueExact() < below) {
            throw Input.invalid(
                    "A TrustAnchor certificate allows " + pathLength + " authorities below it, not " + below);
        }
    }

    private static void checkAlgorithms(X509CertificateHolder certificate, String member) {
        if (!acceptedKey(publicKeyOf(certificate, member))) {
            throw Input.invalid(member + " must have an RSA key of 2048, 3072 or 4096 bits or an elliptic curve key on"
                    + " P-256, P-384 or P-521");
        }
        var signature = certificate.getSignatureAlgorithm();
        var pss = signature.getAlgorithm().equals(PKCSObjectIdentifiers.id_RSASSA_PSS);
        if (pss ? !acceptedPss(signature) : !SIGNATURES.contains(signature.getAlgorithm())) {
            throw Input.invalid(
                    member + " must be signed with RSA, RSASSA-PSS or ECDSA and SHA-224, SHA-256, SHA-384 or"
                            + " SHA-512, not " + new DefaultAlgorithmNameFinder().getAlgorithmName(signature));
        }
    }

    /** By the digest, which is SHA-1 where the parameters do not name one (RFC 4055). */
    private static boolean acceptedPss(AlgorithmIdentifier signature) {
        var parameters = Objects.requireNonNullElseGet(
                RSASSAPSSparams.getInstance(signature.getParameters()), RSASSAPSSparams::new);
        return DIGESTS.contains(parameters.getHashAlgorithm().getAlgorithm());
    }

    private static boolean acceptedKey(PublicKey key) {
        return switch (key) {
            case RSAPublicKey rsa -> RSA_BITS.contains(rsa.getModulus().bitLength());
            case ECPublicKey ec -> EC_BITS.contains(ec.getParams().getOrder().bitLength());
            default -> false;
        };
    }

    private static PublicKey publicKeyOf(X509CertificateHolder certificate, String member) {
        try {
            return new JcaX509CertificateConverter().getCertificate(certificate).getPublicKey();
        } catch (GeneralSecurityException unusable) {
            throw Input.invalid(member + " is not a valid X.509 certificate");
        }
    }

    /** Whether the issuer's name and key are behind the certificate. */
    static boolean issued(X509CertificateHolder issuer, X509CertificateHolder certificate) {
        if (!issuer.getSubject().equals(certificate.getIssuer())) return false;
        try {
            return certificate.isSignatureValid(new JcaContentVerifierProviderBuilder()
                    .setProvider(BOUNCY_CASTLE)
                    .build(issuer));
        } catch (OperatorCreationException | CertException | java.security.cert.CertificateException unverifiable) {
            return false;
        }
    }

    /** All certificates of a PEM text. */
    static List<X509CertificateHolder> certificates(String pem, String member) {
        var certificates = new ArrayList<X509CertificateHolder>();
        try (var parser = new PEMParser(new StringReader(pem))) {
            for (var object = parser.readObject(); object != null; object = parser.readObject()) {
                if (!(object instanceof X509CertificateHolder certificate)) {
                    throw Input.invalid(member + " holds something other than certificates");
                }
                certificates.add(certificate);
            }
        } catch (IOException | IllegalArgumentException unreadable) {
            throw Input.invalid(member + " is not a valid PEM certificate");
        }
        if (certificates.isEmpty()) throw Input.invalid(member + " is not a valid PEM certificate");
        return certificates;
    }

    private static byte[] publicKey(X509CertificateHolder certificate) {
        try {
            return certificate.getSubjectPublicKeyInfo().getEncoded();
        } catch (IOException impossible) {
            throw new java.io.UncheckedIOException(impossible);
        }
    }

    private static byte[] csrPublicKey(String clusterCsr) {
        try (var parser = new PEMParser(new StringReader(clusterCsr))) {
            return ((PKCS10CertificationRequest) parser.readObject())
                    .getSubjectPublicKeyInfo()
                    .getEncoded();
        } catch (PEMException impossible) {
            throw new IllegalStateException(impossible);
        } catch (IOException impossible) {
            throw new java.io.UncheckedIOException(impossible);
        }
    }
}
