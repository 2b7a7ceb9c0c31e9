package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.LocalCloud;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sqs.SqsClient;

/** The samples of {@code events/}, through the handler: bytes in, bytes out. */
class SampleEventsTest {
    private static final Path EVENTS = Path.of(System.getProperty("project.root"), "events");

    @Test
    void uploadIsReadWithItsKeyDecoded() throws Exception {
        assertEquals(
                List.of(new ObjectReference(
                        "quarterly-reports",
                        "2026/Q3 results (final).csv",
                        Optional.of("096fKKXTRTtl3on89fVO.nfljtsv6qko"),
                        "d41d8cd98f00b204e9800998ecf8427e")),
                S3Message.uploads(Files.readString(EVENTS.resolve("s3-put.json"))).stream()
                        .map(S3Message.Upload::object)
                        .toList());
    }

    @Test
    void copyIsReadAsAnUpload() throws Exception {
        assertEquals(
                List.of("2026/Q3 results (final).csv"),
                S3Message.uploads(Files.readString(EVENTS.resolve("s3-copy.json"))).stream()
                        .map(upload -> upload.object().key())
                        .toList());
    }

    @Test
    void testEventMeansNoUpload() throws Exception {
        assertEquals(List.of(), S3Message.uploads(Files.readString(EVENTS.resolve("s3-test-event.json"))));
    }

    @Test
    void batchGoesThroughTheHandlerAsBytes() throws IOException {
        try (var cloud = LocalCloud.start()) {
            var s3 = S3Client.builder()
                    .endpointOverride(cloud.uri())
                    .region(Region.EU_CENTRAL_1)
                    .credentialsProvider(StaticCredentialsProvider.create(
                            AwsBasicCredentials.create("test", cloud.iam().administrator().secretAccessKey())))
                    .httpClient(UrlConnectionHttpClient.create())
                    .build();
            var log = new RecordedLog();
            var answer = new ByteArrayOutputStream();
            new ReencryptObjects(
                            s3,
                            new UploadsQueue(cloud.client(SqsClient.builder()), "uploads", "put-aside"),
                            Settings.DEFAULT,
                            line -> {},
                            cloud.time().clock())
                    .handleRequest(Files.newInputStream(EVENTS.resolve("sqs-s3-batch.json")), answer, log.context());
            assertEquals("{\"batchItemFailures\":[]}", answer.toString(StandardCharsets.UTF_8));
            assertEquals(
                    "{\"outcome\":\"GONE\",\"reason\":\"NOT_FOUND\",\"bucket\":\"quarterly-reports\",\"key\":\"2026/Q3"
                            + " results (final).csv\",\"versionId\":\"096fKKXTRTtl3on89fVO.nfljtsv6qko\"}",
                    log.only());
        }
    }

    @Test
    void failuresAreWrittenAsLambdaReadsThem() throws IOException {
        var written = new ByteArrayOutputStream();
        SqsEvents.write(new SQSBatchResponse(List.of(new SQSBatchResponse.BatchItemFailure("id-1"))), written);
        assertEquals(
                "{\"batchItemFailures\":[{\"itemIdentifier\":\"id-1\"}]}",
                written.toString(StandardCharsets.UTF_8),
                "any other name would make Lambda send the whole batch back");
    }
}
