package cloudhsm.pipeline.bench;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/**
 * Re-encrypts uploads in place with the same S3 requests as the pipeline's function, written without a thought of its
 * start: default client, Jackson, one shaded jar.
 */
public final class PlainHandler implements RequestHandler<SQSEvent, SQSBatchResponse> {
    private final S3Client s3 = S3Client.create();
    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public SQSBatchResponse handleRequest(SQSEvent batch, Context context) {
        for (var message : batch.getRecords()) {
            try {
                for (var event : mapper.readTree(message.getBody()).path("Records")) {
                    var uploaded = event.path("s3");
                    reencrypt(
                            uploaded.path("bucket").path("name").asText(),
                            URLDecoder.decode(
                                    uploaded.path("object").path("key").asText(), StandardCharsets.UTF_8),
                            context);
                }
            } catch (JsonProcessingException malformed) {
                throw new IllegalArgumentException("The message " + message.getMessageId() + " is not JSON", malformed);
            }
        }
        return new SQSBatchResponse(List.of());
    }

    private void reencrypt(String bucket, String key, Context context) {
        var target = s3.getBucketEncryption(get -> get.bucket(bucket))
                .serverSideEncryptionConfiguration()
                .rules()
                .getFirst()
                .applyServerSideEncryptionByDefault()
                .kmsMasterKeyID();
        HeadObjectResponse object = s3.headObject(head -> head.bucket(bucket).key(key));
        if (target.equals(object.ssekmsKeyId())) return;
        s3.updateObjectEncryption(update -> update.bucket(bucket)
                .key(key)
                .objectEncryption(encryption ->
                        encryption.ssekms(kms -> kms.kmsKeyArn(target).bucketKeyEnabled(true))));
        context.getLogger().log("re-encrypted s3://" + bucket + "/" + key);
    }
}
