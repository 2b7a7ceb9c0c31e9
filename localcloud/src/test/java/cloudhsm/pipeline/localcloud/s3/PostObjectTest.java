package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.net.URI;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/** Uploads by a form in a browser. */
class PostObjectTest {
    private static final String BUCKET = "quarterly-reports";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);
    private final URI url = cloud.uri().resolve("/" + BUCKET);
    private final Identity role = Clients.function(cloud, """
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::quarterly-reports/user/*"}
        """);

    @BeforeEach
    void createBucket() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    /** A policy of an hour for this bucket and keys under user/, with these further conditions, each with a comma. */
    private String policy(String conditions) {
        return """
            {"expiration": "%s", "conditions": [%s {"bucket": "quarterly-reports"}, ["starts-with", "$key", "user/"],
              ["starts-with", "$x-amz-credential", ""], {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
              ["starts-with", "$x-amz-date", ""]]}
            """.formatted(cloud.time().now().plus(Duration.ofHours(1)), conditions);
    }

    private Map<String, String> form(String key, String policy, Map<String, String> more) {
        var fields = new LinkedHashMap<>(more);
        fields.putAll(new SignedByHand(cloud, role, cloud.time().now()).form(key, policy));
        return fields;
    }

    private HttpResponse<String> post(Map<String, String> fields) {
        return SignedByHand.post(url, fields, "report.csv", "text");
    }

    private static void refused(int status, String code, String words, HttpResponse<String> answer) {
        assertEquals(status, answer.statusCode(), answer.body());
        assertTrue(answer.body().contains("<Code>" + code + "</Code>"), answer.body());
        assertTrue(answer.body().contains(words), answer.body());
    }

    @Test
    void formBecomesAnObjectWithItsFieldsAndItsEventSaysPost() {
        var queue = cloud.sqs().createQueue("uploads", Map.of("Policy", """
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
              "Resource": "*"}]}
            """));
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(
                        to -> to.queueArn(queue).events(Event.S3_OBJECT_CREATED_POST))));
        cloud.sqs().receive(queue, 10);

        var answer = post(form(
                "user/${filename}",
                policy("""
                    ["starts-with", "$Content-Type", "text/"], {"x-amz-meta-origin": "form"},
                    {"x-amz-server-side-encryption": "AES256"}, ["content-length-range", 1, 4],
                    """),
                Map.of(
                        "Content-Type", "text/csv",
                        "x-amz-meta-origin", "form",
                        "x-amz-server-side-encryption", "AES256",
                        "x-ignore-button", "pressed")));

        assertEquals(204, answer.statusCode(), answer.body());
        assertEquals(
                url + "/user%2Freport.csv",
                answer.headers().firstValue("location").orElseThrow());
        var head = s3.headObject(request -> request.bucket(BUCKET).key("user/report.csv"));
        assertEquals("text/csv", head.contentType());
        assertEquals(Map.of("origin", "form"), head.metadata());
        assertEquals(ServerSideEncryption.AES256, head.serverSideEncryption());
        assertEquals(4, head.contentLength());
        cloud.advance(Duration.ofSeconds(5));
        assertEquals(
                "ObjectCreated:Post",
                Json.parse(cloud.sqs().receive(queue, 10).getFirst().body())
                        .path("Records")
                        .path(0)
                        .path("eventName")
                        .asText());
    }

    @Test
    void answerIsWhatTheFormAsksFor() {
        var conditions = """
            ["starts-with", "$success_action_status", ""], ["starts-with", "$success_action_redirect", ""],
            """;
        var redirected = post(form(
                "user/a",
                policy(conditions),
                Map.of("success_action_status", "201", "success_action_redirect", "https://example.com/done")));
        assertEquals(303, redirected.statusCode());
        assertTrue(redirected
                .headers()
                .firstValue("location")
                .orElseThrow()
                .startsWith("https://example.com/done?bucket=quarterly-reports&key=user%2Fa&etag=%22"));
        var created = post(form("user/a", policy(conditions), Map.of("success_action_status", "201")));
        assertEquals(201, created.statusCode());
        assertTrue(created.body().contains("<Key>user/a</Key>"), created.body());
        assertEquals(
                204,
                post(form("user/a", policy(conditions), Map.of("success_action_status", "404")))
                        .statusCode());
    }

    @Test
    void whatThePolicyDoesNotAllowIsRefused() {
        refused(403, "AccessDenied", "Policy Condition failed", post(form("other/a", policy(""), Map.of())));
        refused(
                403,
                "AccessDenied",
                "Extra input fields: x-amz-meta-origin",
                post(form("user/a", policy(""), Map.of("x-amz-meta-origin", "form"))));
        refused(
                403,
                "AccessDenied",
                "Policy Condition failed",
                post(form("user/a", policy("{\"acl\": \"private\"},"), Map.of())));
        refused(
                400,
                "EntityTooLarge",
                "<MaxSizeAllowed>3</MaxSizeAllowed>",
                post(form("user/a", policy("[\"content-length-range\", 1, 3],"), Map.of())));
        refused(
                400,
                "EntityTooSmall",
                "<MinSizeAllowed>5</MinSizeAllowed>",
                post(form("user/a", policy("[\"content-length-range\", 5, 9],"), Map.of())));
        var anyBucket = policy("").replace("{\"bucket\": \"quarterly-reports\"},", "");
        refused(403, "AccessDenied", "Extra input fields: bucket", post(form("user/a", anyBucket, Map.of())));
        var late = form("user/a", policy(""), Map.of());
        cloud.advance(Duration.ofHours(1));
        refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.", post(late));
        assertThrows(
                NoSuchKeyException.class,
                () -> s3.headObject(request -> request.bucket(BUCKET).key("user/a")));
    }

    @Test
    void policyThatIsNoneIsRefused() {
        for (var policy : new String[] {
            "no JSON",
            "{\"conditions\": []}",
            "{\"expiration\": \"2026-12-01T00:00:00Z\"}",
            "{\"expiration\": \"tomorrow\", \"conditions\": []}",
            "{\"EXPIRATION\": \"2026-12-01T00:00:00Z\", \"conditions\": []}",
            policy("{},"),
            policy("{\"acl\": 1},"),
            policy("[\"content-length-range\", 0],"),
            policy("[\"content-length-range\", -1, 0],"),
        }) {
            refused(400, "InvalidPolicyDocument", "Invalid Policy", post(form("user/a", policy, Map.of())));
        }
    }

    @Test
    void policyMustBeSignedBySomebodyWhoMayUpload() {
        var changed = form("user/a", policy(""), Map.of());
        changed.put("X-Amz-Signature", "0".repeat(64));
        refused(403, "SignatureDoesNotMatch", "", post(changed));
        var unknown = form("user/a", policy(""), Map.of());
        unknown.computeIfPresent("x-amz-credential", (name, value) -> value.replace(role.accessKeyId(), "AKIAOTHER"));
        refused(403, "InvalidAccessKeyId", "", post(unknown));
        var unsigned = form("user/a", policy(""), Map.of());
        unsigned.remove("X-Amz-Signature");
        refused(400, "InvalidArgument", "x-amz-signature", post(unsigned));
        refused(403, "AccessDenied", "Access Denied", post(Map.of("key", "user/a")));
        var elsewhere = policy("").replace("\"user/\"", "\"\"");
        refused(403, "AccessDenied", "s3:PutObject", post(form("elsewhere", elsewhere, Map.of())));
    }

    @Test
    void formMustBeWholeAndNameItsKey() {
        var withoutKey = form("user/a", policy(""), Map.of());
        withoutKey.remove("key");
        refused(400, "InvalidArgument", "field named 'key'", post(withoutKey));
        refused(
                400,
                "MalformedPOSTRequest",
                "",
                SignedByHand.send(
                        "POST", url, "no form", Map.of("Content-Type", "multipart/form-data; boundary=boundary")));
        refused(
                400,
                "MaxPostPreDataLengthExceededError",
                "",
                post(form("user/a", policy(""), Map.of("x-ignore-much", "x".repeat(21_000)))));
        refused(
                400,
                "InvalidArgument",
                "exactly one file",
                SignedByHand.send(
                        "POST",
                        url,
                        "--boundary\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\n--boundary--\r\n",
                        Map.of("Content-Type", "multipart/form-data; boundary=boundary")));
    }
}
