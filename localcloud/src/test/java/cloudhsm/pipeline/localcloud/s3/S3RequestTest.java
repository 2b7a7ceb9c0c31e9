package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class S3RequestTest {
    private static S3Request request(String host, String path) {
        return S3Request.of(new AwsRequest(
                "s3",
                "GET",
                path,
                Map.of(),
                Map.of("host", List.of(host)),
                new byte[0],
                new Iam(Optional.empty()).administrator(),
                "1"));
    }

    @Test
    void bucketIsInThePathOrInTheHostName() {
        var byPath = request("127.0.0.1:4566", "/reports/2026/Q3+Q4%20final.csv");
        var byHost = request("reports.localhost:4566", "/2026/Q3+Q4%20final.csv");
        for (var request : List.of(byPath, byHost)) {
            assertEquals("reports", request.bucket());
            assertEquals("2026/Q3+Q4 final.csv", request.key(), "a plus sign in a path is a plus sign");
            assertEquals("GET object ", request.route());
        }
    }

    @Test
    void keyMayNotLeadOutOfTheBucket() {
        assertEquals(
                "videos/2014/../../video1.wmv",
                request("127.0.0.1:4566", "/reports/videos/2014/../../video1.wmv")
                        .key());
        assertEquals("..hidden", request("127.0.0.1:4566", "/reports/..hidden").key());
        for (var key : List.of("../k", "videos/../../k", "./../k", "videos/%2E%2E/../k")) {
            var refused = assertThrows(AwsException.class, () -> request("127.0.0.1:4566", "/reports/" + key));
            assertEquals(400, refused.status(), key);
            assertThrows(AwsException.class, () -> request("reports.localhost:4566", "/" + key));
        }
    }

    @Test
    void requestWithoutBucketIsForTheService() {
        assertEquals("GET service ", request("localhost:4566", "/").route());
        assertEquals("GET bucket ", request("localhost:4566", "/reports/").route());
    }
}
