package cloudhsm.pipeline.provisioning.report;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/**
 * Where the evidence of each execution lies: JSON for programs, and beside it the same as a page for people. Both under
 * SSE-S3: they must be readable when the key they speak of is not.
 *
 * @param name of the bucket
 */
public record EvidenceBucket(S3Client s3, String name) {
    /** From the function's environment: EVIDENCE_BUCKET. */
    public static EvidenceBucket ofFunction() {
        return new EvidenceBucket(Aws.s3(), Aws.environment("EVIDENCE_BUCKET"));
    }

    /** Of an execution's evidence, without {@code .json} or {@code .html}. */
    public static String key(String deployment, String executionArn) {
        return deployment + "/" + executionArn.substring(executionArn.lastIndexOf(':') + 1);
    }

    /**
     * Writes both.
     *
     * @param key as {@link #key} has made it
     * @param evidence a record
     * @param page the whole HTML document
     */
    public void write(String key, Object evidence, String page) {
        put(key + ".json", "application/json", json(evidence));
        put(key + ".html", "text/html; charset=utf-8", page);
    }

    private void put(String key, String contentType, String content) {
        s3.putObject(
                request -> request.bucket(name)
                        .key(key)
                        .contentType(contentType)
                        .serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromString(content));
    }

    private static String json(Object evidence) {
        try {
            return Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(evidence);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
