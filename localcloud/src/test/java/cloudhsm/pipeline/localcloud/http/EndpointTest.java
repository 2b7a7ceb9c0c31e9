package cloudhsm.pipeline.localcloud.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Regions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.SdkHttpFullRequest;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;

/** Who gets in: requests as a program on this machine could make them, valid ones and others. */
class EndpointTest {
    /** Headers that the HTTP client sets by itself. */
    private static final Set<String> BY_THE_CLIENT = Set.of("host", "content-length", "connection");

    private final LocalCloud cloud = LocalCloud.start();
    private final HttpClient http = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        http.close();
        cloud.close();
    }

    @Test
    void eachStartHasASecretOfItsOwn() {
        try (var other = LocalCloud.start()) {
            assertNotEquals(secret(), other.iam().administrator().secretAccessKey());
            assertTrue(secret().length() >= 40, "as long as AWS's");
        }
    }

    @Test
    void aSecretThatIsGivenIsTheSecret() throws Exception {
        try (var given = LocalCloud.start(Regions.DEFAULT, 0, 1, Optional.of("of a script"))) {
            assertEquals("of a script", given.iam().administrator().secretAccessKey());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"s3", "kms"})
    void whoeverDoesNotKnowTheSecretIsRefused(String service) throws Exception {
        var answer = send(new Request(service, "test", Clock.systemUTC()), "{}");
        assertEquals(403, answer.statusCode());
        assertTrue(
                answer.body().contains(service.equals("s3") ? "SignatureDoesNotMatch" : "InvalidSignatureException"),
                answer::body);
    }

    @Test
    void aBodyThatS3WasNotToldOfIsRefused() throws Exception {
        var answer = send(new Request("s3", secret(), Clock.systemUTC()), "another body");
        assertEquals(400, answer.statusCode());
        assertTrue(answer.body().contains("XAmzContentSHA256Mismatch"), answer::body);
    }

    @Test
    void aBodyThatWasNotSignedIsRefused() throws Exception {
        var answer = send(new Request("kms", secret(), Clock.systemUTC()), "{ }");
        assertEquals(403, answer.statusCode());
        assertTrue(answer.body().contains("InvalidSignatureException"), answer::body);
    }

    @ParameterizedTest
    @ValueSource(longs = {-16, 16})
    void aRequestThatIsDatedFarFromNowIsRefused(long minutes) throws Exception {
        var clock = Clock.offset(Clock.systemUTC(), Duration.ofMinutes(minutes));
        var json = send(new Request("kms", secret(), clock), "{}");
        assertEquals(403, json.statusCode());
        assertTrue(json.body().contains("InvalidSignatureException"), json::body);
        var xml = send(new Request("s3", secret(), clock), "{}");
        assertEquals(403, xml.statusCode());
        assertTrue(xml.body().contains("RequestTimeTooSkewed"), xml::body);
    }

    @ParameterizedTest
    @ValueSource(longs = {-14, 0, 14})
    void aClockThatIsMinutesWrongIsGoodEnough(long minutes) throws Exception {
        var clock = Clock.offset(Clock.systemUTC(), Duration.ofMinutes(minutes));
        assertEquals(200, send(new Request("kms", secret(), clock), "{}").statusCode());
    }

    @Test
    void moreThanAnyServiceTakesIsNotRead() throws Exception {
        var large = "x".repeat((16 << 20) + 1);
        var answer = send(new Request("kms", secret(), Clock.systemUTC()), large);
        assertEquals(413, answer.statusCode());
    }

    /** Else anyone on this machine could fill its memory. */
    @Test
    void aStrangerIsAnsweredBeforeItsBodyComes() throws IOException {
        try (var socket =
                new Socket(InetAddress.getLoopbackAddress(), cloud.uri().getPort())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write("""
                PUT /bucket/key HTTP/1.1\r
                Host: 127.0.0.1\r
                Authorization: AWS4-HMAC-SHA256 Credential=nobody/20261102/eu-central-1/s3/aws4_request, \
                SignedHeaders=host, Signature=00\r
                Content-Length: 1000000000\r
                \r
                """.getBytes(StandardCharsets.US_ASCII));
            var answer = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            assertEquals("HTTP/1.1 403 Forbidden", answer.readLine());
        }
    }

    private String secret() {
        return cloud.iam().administrator().secretAccessKey();
    }

    private record Request(String service, String secret, Clock clock) {}

    /** Signs the body "{}", and sends another one if that is asked for. */
    private HttpResponse<String> send(Request request, String body) throws IOException, InterruptedException {
        var signer = AwsV4HttpSigner.create();
        var signed = signer.sign(sign -> sign.identity(AwsBasicCredentials.create("test", request.secret()))
                        .request(unsigned(request.service()))
                        .payload(ContentStreamProvider.fromUtf8String("{}"))
                        .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, request.service())
                        .putProperty(AwsV4HttpSigner.REGION_NAME, "eu-central-1")
                        .putProperty(AwsV4HttpSigner.SIGNING_CLOCK, request.clock()))
                .request();
        var sent = HttpRequest.newBuilder(signed.getUri())
                .method(signed.method().name(), HttpRequest.BodyPublishers.ofString(body));
        signed.forEachHeader((name, values) -> {
            if (!BY_THE_CLIENT.contains(name.toLowerCase(Locale.ROOT)))
                values.forEach(value -> sent.header(name, value));
        });
        return http.send(sent.build(), HttpResponse.BodyHandlers.ofString());
    }

    private SdkHttpFullRequest unsigned(String service) {
        var request = SdkHttpFullRequest.builder().uri(cloud.uri());
        return service.equals("s3")
                ? request.method(SdkHttpMethod.PUT).encodedPath("/bucket/key").build()
                : request.method(SdkHttpMethod.POST)
                        .encodedPath("/")
                        .putHeader("X-Amz-Target", "TrentService.ListKeys")
                        .putHeader("Content-Type", "application/x-amz-json-1.1")
                        .build();
    }
}
