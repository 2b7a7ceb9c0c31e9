package cloudhsm.pipeline.runlocal.cli;

/**
 * One uploaded file and what became of it.
 *
 * @param before the encryption right after the upload: AES256, or a key's ARN
 * @param after the same once the re-encryptor was done
 * @param keyArn the key it lies under now; empty under SSE-S3
 */
record UploadedObject(String key, long bytes, String before, String after, String keyArn) {}
