package cloudhsm.pipeline.provisioning.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class ClientReportTest {
    @Test
    void reportIsTheLastLineWhateverStandsBefore() {
        var report = ClientReport.atEndOf("""
            Installing
            {"outcome":"CREATED","reason":"","message":"done","hsms":[{"address":"10.0.0.1","users":[\
            {"username":"kmsuser","role":"crypto-user","locked":"false","mfa":[],"quorum":[],"cluster-coverage":"full"}]}]}

            """);

        assertTrue(
                report.orElseThrow().userAt("10.0.0.1", "kmsuser").orElseThrow().isUsableCryptoUser(),
                "KMS logs in as this user");
    }

    @Test
    void outputWithoutReportIsNoReport() {
        assertEquals(Optional.empty(), ClientReport.atEndOf(""));
        assertEquals(Optional.empty(), ClientReport.atEndOf("{\"outcome\":\"CREAT"), "SSM cuts long outputs");
    }
}
