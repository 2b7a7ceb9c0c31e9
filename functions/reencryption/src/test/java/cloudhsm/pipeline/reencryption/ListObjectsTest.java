package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;

/** What is listed into pages, from S3's listing and from inventories, and how what cannot be is refused. */
class ListObjectsTest {
    private static final String BUCKET = "photos";
    private static final String RESULTS = "evidence";
    private static final String MANIFEST = "s3://photos/inventory/manifest.json";
    private static final String NEXT =
            ". Nothing was changed. Next: ask for an inventory that S3 has delivered whole, or leave it away.";

    /** In the order of S3's listings. */
    private static final List<String> KEYS = List.of(
            "\u0001",
            " blank ",
            "%2F",
            "100%.txt",
            "Icon\u0003.jpg",
            "a+b c",
            "a/\u000B\u001F",
            "line\r\nend",
            "\u00e4&<>",
            "\u2028",
            "\uFFFE\uFFFF",
            "\uD83D\uDE00");

    /** Only there are buckets with names that S3 gives to nobody any more. */
    private final LocalCloud cloud = LocalCloud.start("us-east-1", 1);

    private final S3Client s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    private final ListObjects listObjects = new ListObjects(s3, RESULTS);

    @BeforeEach
    void createBuckets() {
        for (var bucket : List.of(BUCKET, RESULTS)) {
            s3.createBucket(request -> request.bucket(bucket));
        }
        s3.putBucketVersioning(request -> request.bucket(BUCKET)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private static Map<String, Object> input(String bucket, String versions, String inventory) {
        var request =
                Map.of("bucket", bucket, "prefix", "", "versions", versions, "inventory", inventory, "pageSize", 1);
        return Map.of("request", request, "folder", "run/", "pages", 0, "objects", 0, "position", "");
    }

    /** Round by round, as the state machine does. */
    private Map<String, Object> listed(Map<String, Object> input) {
        var next = new HashMap<>(input);
        do {
            var result = listObjects.handleRequest(next, new RecordedLog().context());
            if (result.containsKey("failed")) return result;
            next.putAll(result);
        } while (!next.get("position").equals(""));
        return next;
    }

    private List<String> keysInPages(Map<String, Object> listed) {
        var keys = new ArrayList<String>();
        for (int page = 0; page < (int) listed.get("pages"); page++) {
            Pages.read(s3, RESULTS, "run/pages/%09d.jsonl".formatted(page), BUCKET)
                    .forEach(object -> keys.add(object.key()));
        }
        return keys;
    }

    @SuppressWarnings("unchecked")
    private String refusal(Map<String, Object> input) {
        var failed = (Map<String, String>) listed(input).get("failed");
        return failed.get("error") + ": " + failed.get("cause");
    }

    @ParameterizedTest
    @ValueSource(strings = {"CURRENT", "ALL"})
    void everyKeyThatS3TakesIsListedAndReadBack(String versions) {
        KEYS.forEach(key -> s3.putObject(put -> put.bucket(BUCKET).key(key), RequestBody.empty()));
        assertEquals(KEYS, keysInPages(listed(input(BUCKET, versions, ""))));
    }

    private static byte[] packed(String rows) {
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            gzip.write(rows.getBytes(StandardCharsets.UTF_8));
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        return packed.toByteArray();
    }

    private static String row(String encodedKey) {
        return "\"photos\",\"" + encodedKey + "\"\n";
    }

    private void putManifest(String manifest) {
        s3.putObject(put -> put.bucket(BUCKET).key("inventory/manifest.json"), RequestBody.fromString(manifest));
    }

    private void putInventory(byte[] file) {
        s3.putObject(put -> put.bucket(BUCKET).key("data/1.csv.gz"), RequestBody.fromBytes(file));
        putManifest("""
            {"sourceBucket": "photos", "fileFormat": "CSV", "fileSchema": "Bucket, Key",
             "files": [{"key": "data/1.csv.gz"}]}\
            """);
    }

    @Test
    void everyKeyOfAnInventoryIsListedAndReadBack() {
        var rows = KEYS.stream()
                .map(key -> row(URLEncoder.encode(key, StandardCharsets.UTF_8)))
                .toList();
        putInventory(packed(String.join("", rows)));
        assertEquals(KEYS, keysInPages(listed(input(BUCKET, "CURRENT", MANIFEST))));
    }

    static Stream<Arguments> brokenFiles() {
        var whole = packed(row("a") + row("b").repeat(20));
        return Stream.of(
                Arguments.of(packed(row("a") + "\n" + row("b")), "Row 2 of it is not a row of quoted fields"),
                Arguments.of(packed("photos,a\n"), "Row 1 of it is not a row of quoted fields"),
                Arguments.of(packed(row("a") + row("b\",\"c")), "Row 2 of it has 3 fields, but the manifest names 2"),
                Arguments.of(packed(row("a") + row("100%.txt")), "Row 2 of it has a key that is not URL-encoded UTF-8"),
                Arguments.of(packed(row("%FF")), "Row 1 of it has a key that is not URL-encoded UTF-8"),
                Arguments.of(packed(row("")), "Row 1 of it has a key that is not URL-encoded UTF-8"),
                Arguments.of(
                        row("a").getBytes(StandardCharsets.UTF_8),
                        "It is no GZIP file of UTF-8 text, or is cut off: after row 0 it cannot be read"),
                Arguments.of(
                        new byte[0], "It is no GZIP file of UTF-8 text, or is cut off: after row 0 it cannot be read"),
                Arguments.of(
                        Arrays.copyOf(whole, whole.length - 4),
                        "It is no GZIP file of UTF-8 text, or is cut off: after row 21 it cannot be read"));
    }

    @ParameterizedTest
    @MethodSource("brokenFiles")
    void aBrokenFileOfAnInventoryIsNamedWithItsRow(byte[] file, String why) {
        putInventory(file);
        var expected = why.startsWith("It")
                ? why.replace("It is", "The inventory's file data/1.csv.gz is")
                : why.replace("of it", "of the inventory's file data/1.csv.gz");
        assertEquals("INVENTORY_UNUSABLE: " + expected + NEXT, refusal(input(BUCKET, "CURRENT", MANIFEST)));
    }

    private static final class Broken extends InputStream {
        @Override
        public int read() throws IOException {
            throw new SocketException("Connection reset");
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            return read();
        }
    }

    /** Breaks the connection in the middle of the answer to GetObject for such a key. */
    private record Interruption(String key) implements ExecutionInterceptor {
        @Override
        public Optional<InputStream> modifyHttpResponseContent(
                Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
            var asked = context.httpRequest().encodedPath().endsWith(key);
            if (!asked) return context.responseBody();
            return context.responseBody()
                    .map(body -> new SequenceInputStream(new ByteArrayInputStream(head(body)), new Broken()));
        }

        private static byte[] head(InputStream body) {
            try (body) {
                return body.readNBytes(20);
            } catch (IOException impossible) {
                throw new UncheckedIOException(impossible);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"data/1.csv.gz", "inventory/manifest.json"})
    void aConnectionThatBreaksWhileAnInventoryIsReadEndsUnderANameThatIsTriedAgain(String broken) {
        putInventory(packed(row("a").repeat(20)));
        var administrator = cloud.iam().administrator();
        var breaking = new ListObjects(
                S3Client.builder()
                        .forcePathStyle(true)
                        .endpointOverride(cloud.uri())
                        .region(Region.US_EAST_1)
                        .httpClient(UrlConnectionHttpClient.create())
                        .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(
                                administrator.accessKeyId(), administrator.secretAccessKey())))
                        .overrideConfiguration(client -> client.retryStrategy(AwsRetryStrategy.doNotRetry())
                                .addExecutionInterceptor(new Interruption(broken)))
                        .build(),
                RESULTS);
        var input = input(BUCKET, "CURRENT", MANIFEST);
        assertThrows(S3FailedException.class, () -> breaking.handleRequest(input, new RecordedLog().context()));
        assertEquals(20, listed(input).get("objects"), "the next time it is read whole");
    }

    @Test
    void aListingThatS3FailsEndsUnderThatNameToo() {
        for (var fault : List.of(Faults.Kind.THROTTLED, Faults.Kind.INTERNAL_ERROR)) {
            cloud.faults().add("s3", "ListObjectsV2", 1, fault);
            assertThrows(S3FailedException.class, () -> listed(input(BUCKET, "CURRENT", "")), fault::toString);
        }
        assertEquals(0, listed(input(BUCKET, "CURRENT", "")).get("objects"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "no JSON",
                "[]",
                "{}",
                "{\"sourceBucket\": \"photos\"",
                "{\"sourceBucket\": \"photos\", \"fileFormat\": \"CSV\", \"files\": 3}"
            })
    void whatIsNoManifestIsSaidToBeNone(String manifest) {
        putManifest(manifest);
        assertEquals(
                "INVENTORY_UNUSABLE: " + MANIFEST + " is no manifest of an S3 Inventory, or is cut off" + NEXT,
                refusal(input(BUCKET, "CURRENT", MANIFEST)));
    }

    @Test
    void whatAnInventoryLacksIsNamed() {
        assertEquals(
                "INVENTORY_UNUSABLE: There is no " + MANIFEST
                        + ". Nothing was changed. Next: check the inventory's URI.",
                refusal(input(BUCKET, "CURRENT", MANIFEST)));
        putManifest("""
            {"sourceBucket": "photos", "fileFormat": "CSV", "fileSchema": "Bucket, Size", "files": []}\
            """);
        assertTrue(refusal(input(BUCKET, "CURRENT", MANIFEST)).contains("names no column \"Key\""));
        putManifest("""
            {"sourceBucket": "photos", "fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "gone"}]}\
            """);
        assertEquals(
                "INVENTORY_UNUSABLE: The inventory's file gone is not in photos" + NEXT,
                refusal(input(BUCKET, "CURRENT", MANIFEST)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"project-an", "xn--reports"})
    void aBucketThatIsThereIsListedWithANameThatS3GivesToNobodyAnyMore(String name) {
        cloud.s3().addLegacyBucket(name);
        s3.putObject(put -> put.bucket(name).key("a"), RequestBody.empty());
        assertEquals(1, listed(input(name, "ALL", "")).get("objects"));
    }
}
