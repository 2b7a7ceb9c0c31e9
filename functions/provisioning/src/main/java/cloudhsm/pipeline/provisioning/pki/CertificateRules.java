package cloudhsm.pipeline.provisioning.pki;

import cloudhsm.pipeline.provisioning.pki.Finding.Kind;
import java.io.IOException;
import java.math.BigInteger;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.bouncycastle.asn1.pkcs.RSASSAPSSparams;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.ECNamedCurveTable;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.operator.DefaultAlgorithmNameFinder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * What no verifier should accept of a certificate, whoever issued it. What a certificate does not say is accepted,
 * because vendor certificates lack extensions; what it says against its place in a chain is not.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc5280#section-6.1">RFC 5280, section 6.1</a>
 */
final class CertificateRules {
    private static final int RSA_BITS = 2048;
    private static final int EC_BITS = 256;

    /** FIPS 186-5, A.1.1: the public exponent is greater than 2^16, and odd. */
    private static final BigInteger RSA_EXPONENT = BigInteger.ONE.shiftLeft(16);

    private static final Set<ASN1ObjectIdentifier> RSA =
            Set.of(PKCSObjectIdentifiers.rsaEncryption, PKCSObjectIdentifiers.id_RSASSA_PSS);

    /** The weakest first. */
    private static final List<ASN1ObjectIdentifier> DIGESTS = List.of(
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

    /** Critical extensions that are checked here, or that forbid nothing that a hardware chain is used for. */
    private static final Set<String> UNDERSTOOD = Stream.of(
                    Extension.basicConstraints,
                    Extension.keyUsage,
                    Extension.extendedKeyUsage,
                    Extension.certificatePolicies,
                    Extension.subjectAlternativeName)
            .map(ASN1ObjectIdentifier::getId)
            .collect(Collectors.toUnmodifiableSet());

    /** In the order of their bits, RFC 5280 §4.2.1.3. */
    private static final List<String> KEY_USAGES = List.of(
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
            "decipherOnly");

    private static final int KEY_CERT_SIGN = KEY_USAGES.indexOf("keyCertSign");

    /** @param predicate what the certificate does, such as "has an RSA key of 1024 bits, ...": no subject, no full stop */
    record Breach(Kind kind, String predicate) {
        Finding of(String subject) {
            return new Finding(kind, subject + " " + predicate + ".");
        }
    }

    private CertificateRules() {}

    /** What is wrong with the certificate in any place of a chain. */
    static List<Breach> of(X509Certificate certificate) {
        var encoded = Certificate.getInstance(Encoded.of(certificate));
        var breaches = new ArrayList<>(of(encoded.getSignatureAlgorithm(), encoded.getSubjectPublicKeyInfo()));
        var critical = certificate.getCriticalExtensionOIDs();
        var unknown = new TreeSet<>(critical == null ? Set.of() : critical);
        unknown.removeAll(UNDERSTOOD);
        for (var extension : unknown) {
            breaches.add(new Breach(
                    Kind.UNKNOWN_CRITICAL_EXTENSION,
                    "has the critical extension " + extension + ", which is not understood here"));
        }
        return breaches;
    }

    /**
     * What is wrong with the certificate as the issuer of others.
     *
     * @param below how many authorities a chain has under it
     */
    static List<Breach> ofIssuer(X509Certificate certificate, int below) {
        var breaches = new ArrayList<Breach>();
        if (certificate.getExtensionValue(Extension.basicConstraints.getId()) != null) {
            var most = certificate.getBasicConstraints();
            if (most < 0) {
                breaches.add(new Breach(
                        Kind.NOT_AN_AUTHORITY, "says in its basic constraints that it is no authority (CA:FALSE)"));
            } else if (most < below) {
                breaches.add(new Breach(
                        Kind.NOT_AN_AUTHORITY,
                        "allows " + most + " authorities under it (pathLenConstraint), where the chain has " + below));
            }
        }
        var usage = certificate.getKeyUsage();
        if (usage != null && !usage[KEY_CERT_SIGN]) {
            breaches.add(new Breach(
                    Kind.NOT_AN_AUTHORITY, "has the key usage " + inWords(usage) + ", which excludes keyCertSign"));
        }
        return breaches;
    }

    /** What is wrong with the CSR's signature algorithm and key. */
    static List<Breach> of(PKCS10CertificationRequest csr) {
        return of(csr.getSignatureAlgorithm(), csr.getSubjectPublicKeyInfo());
    }

    private static List<Breach> of(AlgorithmIdentifier signature, SubjectPublicKeyInfo key) {
        return Stream.of(weakness(signature), weakness(key))
                .flatMap(Optional::stream)
                .toList();
    }

    private static Optional<Breach> weakness(AlgorithmIdentifier signature) {
        var algorithm = signature.getAlgorithm();
        if (SIGNATURES.contains(algorithm)) return Optional.empty();
        return (algorithm.equals(PKCSObjectIdentifiers.id_RSASSA_PSS)
                        ? weakPss(signature)
                        : Optional.of(named(signature)))
                .map(seen -> new Breach(
                        Kind.WEAK_SIGNATURE,
                        "is signed with " + seen + "; accepted are RSA, RSASSA-PSS and ECDSA with SHA-224, SHA-256,"
                                + " SHA-384 or SHA-512"));
    }

    /**
     * What an RSASSA-PSS signature is, if it is weak: by its digest, or by a digest of its mask generation function
     * MGF1 that is weaker than that. Either is SHA-1 where it is absent.
     *
     * @see <a href="https://www.rfc-editor.org/rfc/rfc4055#section-3.1">RFC 4055, section 3.1</a>
     */
    private static Optional<String> weakPss(AlgorithmIdentifier signature) {
        var parameters = Optional.ofNullable(RSASSAPSSparams.getInstance(signature.getParameters()))
                .orElseGet(RSASSAPSSparams::new);
        var digest = parameters.getHashAlgorithm();
        var strength = DIGESTS.indexOf(digest.getAlgorithm());
        var seen = "RSASSA-PSS (" + signature.getAlgorithm() + ") over the digest " + named(digest);
        if (strength < 0) return Optional.of(seen);
        var mask = parameters.getMaskGenAlgorithm();
        var maskDigest = AlgorithmIdentifier.getInstance(mask.getParameters());
        if (!mask.getAlgorithm().equals(PKCSObjectIdentifiers.id_mgf1) || maskDigest == null) {
            return Optional.of(
                    seen + " with the mask generation function " + mask.getAlgorithm() + " in place of MGF1");
        }
        return DIGESTS.indexOf(maskDigest.getAlgorithm()) >= strength
                ? Optional.empty()
                : Optional.of(seen + " with MGF1 over the weaker digest " + named(maskDigest));
    }

    private static String named(AlgorithmIdentifier algorithm) {
        return new DefaultAlgorithmNameFinder().getAlgorithmName(algorithm) + " (" + algorithm.getAlgorithm() + ")";
    }

    private static Optional<Breach> weakness(SubjectPublicKeyInfo key) {
        var algorithm = key.getAlgorithm().getAlgorithm();
        return weakKey(key)
                .map(seen -> new Breach(
                        Kind.WEAK_KEY,
                        "has " + seen + " (" + algorithm + "); accepted are RSA of at least " + RSA_BITS
                                + " bits with an odd exponent above 65536, and EC on a named curve of at least "
                                + EC_BITS + " bits"));
    }

    /** What the key is, if it is weak or not understood. */
    private static Optional<String> weakKey(SubjectPublicKeyInfo key) {
        var algorithm = key.getAlgorithm().getAlgorithm();
        if (algorithm.equals(X9ObjectIdentifiers.id_ecPublicKey)) return weakCurve(key);
        if (!RSA.contains(algorithm)) {
            return Optional.of(
                    "a key of the algorithm " + new DefaultAlgorithmNameFinder().getAlgorithmName(algorithm));
        }
        RSAPublicKey rsa;
        try {
            rsa = RSAPublicKey.getInstance(key.parsePublicKey());
        } catch (IOException | IllegalArgumentException unreadable) {
            return Optional.of("an RSA key that cannot be read");
        }
        var bits = rsa.getModulus().bitLength();
        var exponent = rsa.getPublicExponent();
        return bits >= RSA_BITS && exponent.compareTo(RSA_EXPONENT) > 0 && exponent.testBit(0)
                ? Optional.empty()
                : Optional.of("an RSA key of " + bits + " bits with the public exponent " + exponent);
    }

    private static Optional<String> weakCurve(SubjectPublicKeyInfo key) {
        if (!(key.getAlgorithm().getParameters() instanceof ASN1ObjectIdentifier oid)) {
            return Optional.of("an EC key on a curve without a name");
        }
        var curve = ECNamedCurveTable.getByOID(oid);
        if (curve == null) return Optional.of("an EC key on the unknown curve " + oid);
        var bits = curve.getN().bitLength();
        return bits >= EC_BITS
                ? Optional.empty()
                : Optional.of("an EC key of " + bits + " bits on the curve " + ECNamedCurveTable.getName(oid));
    }

    private static String inWords(boolean[] usage) {
        return IntStream.range(0, Math.min(usage.length, KEY_USAGES.size()))
                .filter(bit -> usage[bit])
                .mapToObj(KEY_USAGES::get)
                .collect(Collectors.joining(", "));
    }
}
