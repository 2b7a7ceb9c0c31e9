package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService.Received;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;

/** Messages handed to a function together, and what its answer says of them. */
record SqsBatch(String queueArn, List<Received> messages) {
    /** More bytes than a message's ids and attributes take in the event. */
    private static final int ENVELOPE = 1_500;

    SqsBatch {
        messages = List.copyOf(messages);
    }

    /** As many of the messages, in their order, as an event of so many bytes holds; at least one. */
    static SqsBatch first(String queueArn, List<Received> messages, int mostBytes) {
        long bytes = 0;
        int count = 0;
        for (var message : messages) {
            bytes += Json.text(Json.object().put("body", message.body())).length() + ENVELOPE;
            if (count > 0 && bytes > mostBytes) break;
            count++;
        }
        return new SqsBatch(queueArn, messages.subList(0, count));
    }

    /** The event as Lambda's SQS poller sends it. */
    ObjectNode event() {
        var region = queueArn.split(":")[3];
        var event = Json.object();
        var records = event.putArray("Records");
        for (var message : messages) {
            var entry = records.addObject()
                    .put("messageId", message.messageId())
                    .put("receiptHandle", message.receiptHandle())
                    .put("body", message.body());
            var attributes = entry.putObject("attributes");
            message.attributes().forEach(attributes::put);
            entry.putObject("messageAttributes");
            entry.put("md5OfBody", md5(message.body()))
                    .put("eventSource", "aws:sqs")
                    .put("eventSourceARN", queueArn)
                    .put("awsRegion", region);
        }
        return event;
    }

    /**
     * The messages that the answer counts as done. With ReportBatchItemFailures: no answer, no list and an empty list
     * mean all; an identifier that is empty, missing or of no message of the batch means none.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html">Handling errors for
     *     an SQS event source</a>
     */
    List<Received> succeeded(LambdaService.InvocationResult result, boolean reportBatchItemFailures) {
        if (!result.functionError().isEmpty()) return List.of();
        if (!reportBatchItemFailures) return messages;
        JsonNode answer;
        try {
            answer = Json.parse(result.payload());
        } catch (AwsException notJson) {
            return List.of();
        }
        var failures = answer.path("batchItemFailures");
        if (failures.isMissingNode() || failures.isNull()) return messages;
        if (!failures.isArray()) return List.of();
        var known = messages.stream().map(Received::messageId).collect(Collectors.toSet());
        var failed = new HashSet<String>();
        for (var failure : failures) {
            var identifier = failure.path("itemIdentifier").asText("");
            if (!known.contains(identifier)) return List.of();
            failed.add(identifier);
        }
        return messages.stream()
                .filter(message -> !failed.contains(message.messageId()))
                .toList();
    }

    private static String md5(String body) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("MD5").digest(body.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
