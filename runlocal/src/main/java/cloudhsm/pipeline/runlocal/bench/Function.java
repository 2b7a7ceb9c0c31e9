package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.lambda.LambdaService.InvocationResult;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A function that takes S3's events from a queue.
 *
 * @param name in the embedded AWS
 * @param artifactBytes of the zip or jar
 */
record Function(String name, long artifactBytes) {
    /** Characters of an answer. */
    private static final int MOST_SHOWN = 500;

    /** The event that Lambda makes of the queue's messages. */
    static byte[] batch(List<String> messages) {
        var batch = Json.object();
        var records = batch.putArray("Records");
        for (int i = 0; i < messages.size(); i++) {
            var message = records.addObject()
                    .put("messageId", "00000000-0000-4000-a000-%012d".formatted(i))
                    .put("receiptHandle", "benchmark")
                    .put("body", messages.get(i))
                    .put("eventSource", "aws:sqs")
                    .put("eventSourceARN", "arn:aws:sqs:eu-central-1:111122223333:benchmark")
                    .put("awsRegion", "eu-central-1");
            message.putObject("attributes").put("ApproximateReceiveCount", "1");
            message.putObject("messageAttributes");
        }
        return Json.bytes(batch);
    }

    /** @throws IllegalStateException where the function failed or gave messages back */
    static void succeeded(InvocationResult result) {
        if (!answer(result).path("batchItemFailures").isEmpty()) throw failed(result);
    }

    /** @throws IllegalStateException where the function failed */
    static JsonNode answer(InvocationResult result) {
        if (!result.functionError().isEmpty()) throw failed(result);
        return Json.parse(result.payload());
    }

    private static IllegalStateException failed(InvocationResult result) {
        var answer = new String(result.payload(), StandardCharsets.UTF_8);
        return new IllegalStateException(
                "The function did not do its work: " + answer.substring(0, Math.min(answer.length(), MOST_SHOWN)));
    }
}
