package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * S3 as a state machine's role may use it, over HTTP like any client: without the lock of the simulated time. Every
 * method throws the SDK's exceptions.
 */
final class S3Objects implements AutoCloseable {
    private final S3Client s3;

    S3Objects(URI endpoint, String region, Identity caller) {
        s3 = S3Client.builder()
                .endpointOverride(endpoint)
                .region(Region.of(region))
                .forcePathStyle(true)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey())))
                .httpClient(UrlConnectionHttpClient.create())
                // The SDK would wait on the real clock.
                .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    /** At most this many objects, each as an item of a distributed Map shows it [SFN:input-output-itemreader]. */
    List<JsonNode> list(String bucket, String prefix, long maximum) {
        var items = new ArrayList<JsonNode>();
        s3
                .listObjectsV2Paginator(
                        list -> list.bucket(bucket).prefix(prefix).encodingType(EncodingType.URL))
                .contents()
                .stream()
                .limit(maximum)
                .forEach(object -> items.add(item(object)));
        return items;
    }

    private static JsonNode item(S3Object object) {
        return Json.object()
                .put("Etag", object.eTag())
                .put("Key", object.key())
                .put("LastModified", object.lastModified().getEpochSecond())
                .put("Size", object.size())
                .put("StorageClass", object.storageClassAsString());
    }

    /** @param versionId empty for the current version */
    byte[] get(String bucket, String key, String versionId) {
        var request = GetObjectRequest.builder().bucket(bucket).key(key);
        if (!versionId.isEmpty()) request.versionId(versionId);
        return s3.getObjectAsBytes(request.build()).asByteArray();
    }

    void put(String bucket, String key, byte[] content) {
        s3.putObject(put -> put.bucket(bucket).key(key), RequestBody.fromBytes(content));
    }

    @Override
    public void close() {
        s3.close();
    }
}
