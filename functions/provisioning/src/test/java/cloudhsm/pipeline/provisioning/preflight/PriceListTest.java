package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.math.BigDecimal;
import java.net.URI;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

/** AWS's price list on the embedded AWS, and what does not stand in the way. */
class PriceListTest {
    private static PriceList list(URI endpoint, String accessKeyId, String secret) {
        return new PriceList(
                endpoint,
                "us-east-1",
                StaticCredentialsProvider.create(AwsBasicCredentials.create(accessKeyId, secret)));
    }

    @Test
    void theRegionsPriceIsTheOneOfHsm2mByTheHour() {
        try (var cloud = LocalCloud.start()) {
            var caller = cloud.iam().administrator();
            var list = list(cloud.uri(), caller.accessKeyId(), caller.secretAccessKey());
            assertEquals(Optional.of(new BigDecimal("1.92")), list.hsmHour("eu-central-1"));
            assertEquals(Optional.of(new BigDecimal("2.00")), list.hsmHour("ca-central-1"));
            assertEquals(Optional.empty(), list.hsmHour("mx-central-1"), "the list has none");
            var refused = list(cloud.uri(), caller.accessKeyId(), "wrong");
            assertEquals(Optional.empty(), refused.hsmHour("eu-central-1"), "AWS refuses");
        }
        var nobody = list(URI.create("http://127.0.0.1:9"), "nobody", "any");
        assertEquals(Optional.empty(), nobody.hsmHour("eu-central-1"));
    }
}
