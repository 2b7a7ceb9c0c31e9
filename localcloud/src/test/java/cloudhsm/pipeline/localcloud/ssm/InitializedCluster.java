package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;

/** A cluster with one HSM, initialized and not yet activated. */
final class InitializedCluster {
    private static final X500Name ROOT = new X500Name("CN=Root of the test");

    private final LocalCloud aws;
    private final CloudHsmV2Client cloudHsm;
    final String clusterId;
    final String trustAnchor;

    InitializedCluster(LocalCloud aws) throws IOException, GeneralSecurityException, OperatorCreationException {
        this.aws = aws;
        cloudHsm = ClientInstance.client(aws, CloudHsmV2Client.builder());
        var subnets = aws.ec2().subnets();
        clusterId = cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(subnets.get(0).subnetId(), subnets.get(1).subnetId()))
                .cluster()
                .clusterId();
        aws.advance(Duration.ofMinutes(30));
        addHsm("eu-central-1a");

        var generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        var keys = generator.generateKeyPair();
        var signer = new JcaContentSignerBuilder("SHA256withRSA").build(keys.getPrivate());
        var from = Date.from(aws.time().now().minus(Duration.ofDays(1)));
        var until = Date.from(aws.time().now().plus(Duration.ofDays(3650)));
        var rootKey = SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded());
        trustAnchor =
                pem(new X509v3CertificateBuilder(ROOT, BigInteger.ONE, from, until, ROOT, rootKey).build(signer));
        PKCS10CertificationRequest csr;
        try (var parser = new PEMParser(new StringReader(describe().certificates().clusterCsr()))) {
            csr = (PKCS10CertificationRequest) parser.readObject();
        }
        var certificate = pem(new X509v3CertificateBuilder(
                        ROOT, BigInteger.TWO, from, until, csr.getSubject(), csr.getSubjectPublicKeyInfo())
                .build(signer));
        cloudHsm.initializeCluster(
                request -> request.clusterId(clusterId).signedCert(certificate).trustAnchor(trustAnchor));
        aws.advance(Duration.ofMinutes(30));
    }

    private static String pem(Object certificate) throws IOException {
        var text = new StringWriter();
        try (var writer = new JcaPEMWriter(text)) {
            writer.writeObject(certificate);
        }
        return text.toString();
    }

    void addHsm(String availabilityZone) {
        cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(availabilityZone));
        aws.advance(Duration.ofMinutes(30));
    }

    Cluster describe() {
        return cloudHsm.describeClusters().clusters().getFirst();
    }

    String addresses() {
        return String.join(" ", describe().hsms().stream().map(Hsm::eniIp).toList());
    }
}
