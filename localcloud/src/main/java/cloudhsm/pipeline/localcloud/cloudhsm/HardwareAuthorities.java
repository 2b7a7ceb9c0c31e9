package cloudhsm.pipeline.localcloud.cloudhsm;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * The two roots that vouch for HSM hardware, AWS's and the manufacturer's, and what they issue. One hardware key has a
 * certificate under each root, so the HSM's own certificate is valid under both [HSM:verify-hsm-identity]. The keys are
 * made when the first certificate is asked for; all accounts of a JVM have their hardware from the same vendors, and
 * keys are dear, so after {@value #PARTITIONS} partitions the first one's key is taken again.
 */
final class HardwareAuthorities {
    /** Wide, and no simulated time: a certificate that runs out would make tests fail on some future day. */
    private static final Date NOT_BEFORE = Date.from(Instant.parse("2017-04-28T08:37:46Z"));

    private static final Date NOT_AFTER = Date.from(Instant.parse("2057-04-26T08:37:46Z"));

    /** The real root's name [HSM:verify-hsm-identity]; its key is of course another. */
    private static final X500Name AWS_ROOT =
            new X500Name("C=US,ST=Virginia,L=Herndon,O=Amazon Web Services INC.,OU=CloudHSM,CN=AWS CloudHSM Root G1");

    /** The issuer's common name was seen on hsm2m hardware [LAB]. */
    private static final X500Name MANUFACTURER_ROOT =
            new X500Name("C=US,ST=CA,L=SanJose,O=Marvell,OU=LS2,CN=mrvl-ls2-root-AR-v1");

    private static final String SIGNATURE = "SHA256withRSA";

    /** More than one account ever has. */
    private static final int PARTITIONS = 32;

    private final SecureRandom random = new SecureRandom();
    private final List<KeyPair> partitionKeys = new ArrayList<>();
    private int partitions;
    private Authorities authorities;

    private record Authorities(
            String hardwareSerial,
            PrivateKey hardwareKey,
            X509CertificateHolder awsRoot,
            X509CertificateHolder manufacturerRoot,
            Map<Says, Hardware> hardware) {
        @Override
        public String toString() {
            return "Authorities[" + hardwareSerial + "]";
        }
    }

    /** One hardware key, certified by both vendors. */
    private record Hardware(X509CertificateHolder aws, X509CertificateHolder manufacturer) {}

    String awsRootPem() {
        return pem(authorities().awsRoot());
    }

    String manufacturerRootPem() {
        return pem(authorities().manufacturerRoot());
    }

    /** A new key pair in a new HSM partition, with its CSR and certificates. */
    HsmIdentity newIdentity(String mode, HsmHardware kind) {
        var authorities = authorities();
        var hardware = authorities
                .hardware()
                .get(
                        switch (kind) {
                            case WITHOUT_EXTENSIONS -> Says.NOTHING;
                            case NO_AUTHORITY -> Says.NO_AUTHORITY;
                            case SOUND, CSR_SIGNED_WITH_SHA1, CSR_SIGNED_BY_ANOTHER_KEY, FORGED -> Says.AUTHORITY;
                        });
        var subject = partitionName(authorities.hardwareSerial(), 1 + random.nextInt(32), mode);
        var keys = partitionKey();
        try {
            var csr = new JcaPKCS10CertificationRequestBuilder(subject, keys.getPublic())
                    .build(
                            switch (kind) {
                                case CSR_SIGNED_WITH_SHA1 -> signer("SHA1withRSA", keys.getPrivate());
                                case CSR_SIGNED_BY_ANOTHER_KEY -> signer(SIGNATURE, authorities.hardwareKey());
                                case SOUND, WITHOUT_EXTENSIONS, NO_AUTHORITY, FORGED ->
                                    signer(SIGNATURE, keys.getPrivate());
                            });
            var certificate = issue(
                    hardware.aws().getSubject(),
                    kind == HsmHardware.FORGED ? keys.getPrivate() : authorities.hardwareKey(),
                    subject,
                    keys.getPublic(),
                    Says.NOTHING);
            return new HsmIdentity(pem(csr), pem(certificate), pem(hardware.aws()), pem(hardware.manufacturer()));
        } catch (OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** As hsm2m names it: five attributes in one multi-valued RDN, then a common name with colons and a comma [QIN]. */
    private static X500Name partitionName(String serial, int partition, String mode) {
        return new X500NameBuilder(BCStyle.INSTANCE)
                .addMultiValuedRDN(
                        new ASN1ObjectIdentifier[] {BCStyle.C, BCStyle.ST, BCStyle.OU, BCStyle.L, BCStyle.O},
                        new String[] {"US", "CA", "LS2", "SanJose", "Marvell"})
                .addRDN(
                        BCStyle.CN,
                        "HSM:" + serial + ":PARTN:" + partition + ", for " + (mode.equals("FIPS") ? "FIPS" : "non-FIPS")
                                + " mode")
                .build();
    }

    private synchronized Authorities authorities() {
        if (authorities == null) authorities = create();
        return authorities;
    }

    private Authorities create() {
        var serial = "4.0G" + (1000 + random.nextInt(9000)) + "-ICM" + (100_000 + random.nextInt(900_000));
        var hardwareName = new X500Name("C=US,ST=CA,L=SanJose,O=Marvell,OU=LS2,CN=HSM:" + serial);
        var aws = keyPair();
        var manufacturer = keyPair();
        var hardware = keyPair();
        try {
            return new Authorities(
                    serial,
                    hardware.getPrivate(),
                    issue(AWS_ROOT, aws.getPrivate(), AWS_ROOT, aws.getPublic(), Says.ROOT),
                    issue(
                            MANUFACTURER_ROOT,
                            manufacturer.getPrivate(),
                            MANUFACTURER_ROOT,
                            manufacturer.getPublic(),
                            Says.ROOT),
                    Map.of(
                            Says.AUTHORITY,
                            hardware(aws, manufacturer, hardwareName, hardware.getPublic(), Says.AUTHORITY),
                            Says.NO_AUTHORITY,
                            hardware(aws, manufacturer, hardwareName, hardware.getPublic(), Says.NO_AUTHORITY),
                            Says.NOTHING,
                            hardware(aws, manufacturer, hardwareName, hardware.getPublic(), Says.NOTHING)));
        } catch (OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private Hardware hardware(KeyPair aws, KeyPair manufacturer, X500Name name, PublicKey key, Says says)
            throws OperatorCreationException {
        return new Hardware(
                issue(AWS_ROOT, aws.getPrivate(), name, key, says),
                issue(MANUFACTURER_ROOT, manufacturer.getPrivate(), name, key, says));
    }

    /** What a certificate says of itself in its extensions. */
    private enum Says {
        NOTHING,
        /** As an intermediate does. */
        AUTHORITY,
        NO_AUTHORITY,
        /** As the real AWS root does: that it is an authority, not critical. */
        ROOT
    }

    private X509CertificateHolder issue(
            X500Name issuer, PrivateKey issuerKey, X500Name subject, PublicKey subjectKey, Says says)
            throws OperatorCreationException {
        var builder = new JcaX509v3CertificateBuilder(
                issuer, new BigInteger(63, random).setBit(62), NOT_BEFORE, NOT_AFTER, subject, subjectKey);
        try {
            switch (says) {
                case NOTHING -> {}
                case AUTHORITY -> {
                    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
                    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
                }
                case NO_AUTHORITY ->
                    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
                case ROOT -> {
                    var identifiers = new JcaX509ExtensionUtils();
                    builder.addExtension(
                            Extension.subjectKeyIdentifier, false, identifiers.createSubjectKeyIdentifier(subjectKey));
                    builder.addExtension(
                            Extension.authorityKeyIdentifier,
                            false,
                            identifiers.createAuthorityKeyIdentifier(subjectKey));
                    builder.addExtension(Extension.basicConstraints, false, new BasicConstraints(true));
                }
            }
        } catch (IOException | NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
        return builder.build(signer(SIGNATURE, issuerKey));
    }

    private static ContentSigner signer(String algorithm, PrivateKey key) throws OperatorCreationException {
        return new JcaContentSignerBuilder(algorithm).build(key);
    }

    private synchronized KeyPair partitionKey() {
        if (partitionKeys.size() < PARTITIONS) partitionKeys.add(keyPair());
        return partitionKeys.get(partitions++ % PARTITIONS);
    }

    private KeyPair keyPair() {
        try {
            var generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048, random);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String pem(Object encodable) {
        var text = new StringWriter();
        try (var writer = new JcaPEMWriter(text)) {
            writer.writeObject(encodable);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return text.toString();
    }
}
