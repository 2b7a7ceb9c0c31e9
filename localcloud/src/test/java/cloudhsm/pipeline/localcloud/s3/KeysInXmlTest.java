package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Keys that XML 1.0 cannot hold, and those that only look hard. */
class KeysInXmlTest {
    private static final String BUCKET = "photos";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);

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

    private void put(String key) {
        s3.putObject(request -> request.bucket(BUCKET).key(key), RequestBody.fromString("x"));
    }

    private List<String> keys() {
        return s3.listObjectsV2(request -> request.bucket(BUCKET).encodingType(EncodingType.URL)).contents().stream()
                .map(object -> object.key())
                .toList();
    }

    private static Stream<String> notInXml10() {
        var controls = IntStream.range(0, 0x20).filter(c -> c != '\t' && c != '\n' && c != '\r');
        return IntStream.concat(controls, IntStream.of(0xFFFE, 0xFFFF)).mapToObj(Character::toString);
    }

    @Test
    void aKeyThatXmlCannotHoldIsListedWholeWhereUrlEncodingIsAsked() {
        notInXml10().forEach(character -> put("Icon" + character + " +.jpg"));
        assertEquals(
                notInXml10().map(character -> "Icon" + character + " +.jpg").toList(), keys());
        put("z");
        s3.createMultipartUpload(request -> request.bucket(BUCKET).key("a+b c"));
        assertEquals(
                "a+b c",
                s3.listMultipartUploads(request -> request.bucket(BUCKET).encodingType(EncodingType.URL))
                        .uploads()
                        .getFirst()
                        .key());
        var versions = s3.listObjectVersionsPaginator(request ->
                        request.bucket(BUCKET).encodingType(EncodingType.URL).maxKeys(1))
                .versions();
        assertEquals(keys(), versions.stream().map(version -> version.key()).toList(), "markers are encoded, too");
    }

    @Test
    void withoutUrlEncodingItIsACharacterReferenceThatNoParserTakes() {
        put("Icon\u0003.jpg");
        var upload = assertThrows(
                SdkClientException.class,
                () -> s3.createMultipartUpload(request -> request.bucket(BUCKET).key("Icon\u0003.jpg")));
        for (var unreadable : List.of(
                upload,
                assertThrows(SdkClientException.class, () -> s3.listObjects(request -> request.bucket(BUCKET))),
                assertThrows(SdkClientException.class, () -> s3.listObjectsV2(request -> request.bucket(BUCKET))),
                assertThrows(SdkClientException.class, () -> s3.listObjectVersions(request -> request.bucket(BUCKET))),
                assertThrows(
                        SdkClientException.class, () -> s3.listMultipartUploads(request -> request.bucket(BUCKET))))) {
            var cause = unreadable.getCause().getMessage();
            assertTrue(cause.contains("Character reference \"&#x3\" is an invalid XML character"), cause);
        }
    }

    @Test
    void oneSuchKeyMakesTheWholeDeleteObjectsMalformed() {
        notInXml10().forEach(character -> {
            var key = "Icon" + character + ".jpg";
            put("a");
            put(key);
            var refused = assertThrows(
                    S3Exception.class,
                    () -> s3.deleteObjects(request -> request.bucket(BUCKET)
                            .delete(delete -> delete.objects(one -> one.key("a"), two -> two.key(key)))));
            assertEquals("MalformedXML", refused.awsErrorDetails().errorCode());
            assertTrue(keys().containsAll(List.of("a", key)), "nothing is deleted");
            assertEquals(
                    204,
                    s3.deleteObject(request -> request.bucket(BUCKET).key(key))
                            .sdkHttpResponse()
                            .statusCode());
            assertEquals(List.of("a"), keys());
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                " in front",
                "behind ",
                "\ttab\t",
                "line\r\nend\r",
                "<&>\"'",
                "100%",
                "a+b",
                "\uD83D\uDE00",
                "\uFFFD"
            })
    void whatXmlCanHoldIsListedAndDeletedExactly(String key) {
        put(key);
        assertEquals(List.of(key), keys());
        s3.deleteObjects(request -> request.bucket(BUCKET).delete(delete -> delete.objects(one -> one.key(key))));
        assertEquals(List.of(), keys());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/photos/%ED%A0%80", "/photos/%FF", "/photos/%C3", "/photos/100%"})
    void aKeyThatIsNoUtf8IsNoUri(String path) {
        var request = new AwsRequest(
                "s3",
                "GET",
                path,
                Map.of(),
                Map.of("host", List.of("127.0.0.1")),
                new byte[0],
                new Iam(Optional.empty()).administrator(),
                "1");
        assertEquals(
                "InvalidURI",
                assertThrows(AwsException.class, () -> S3Request.of(request)).code(),
                "surrogates included");
    }
}
