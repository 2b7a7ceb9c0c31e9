package cloudhsm.pipeline.localcloud.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.wire.Violation.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every constraint that AWS's models put on a request is broken once, alone, in a request that is valid otherwise: it is
 * refused as AWS refuses it. Generated from the models; nothing here knows of an operation by name but where a request
 * that lacks a part is a request of another operation.
 */
class ModelConstraintsTest {
    /** S3 tells operations apart by these: without them it is another operation. */
    private static final List<String> CHOOSE_THE_OPERATION = List.of("CopySource", "UploadId");

    /** What these require beyond their models is said in the same words. */
    private static final Set<String> ASK_FOR_MORE = Set.of(
            "dynamodb:CreateTable",
            "kms:CreateCustomKeyStore",
            "kms:Decrypt",
            "kms:ReEncrypt",
            "logs:DescribeLogStreams",
            "logs:FilterLogEvents",
            "logs:GetLogEvents");

    private static final LocalCloud CLOUD = LocalCloud.start();
    private static final Wire WIRE = new Wire(CLOUD);
    private static int operations;
    private static int constraints;

    @AfterAll
    static void end() {
        System.out.printf(
                "wire: %d operations of %d services; each of %d constraints refused when broken; %d answers held to"
                        + " their shapes%n",
                operations, CLOUD.endpoint().services().size(), constraints, AnswerCheck.checked());
        WIRE.close();
        CLOUD.close();
    }

    @Test
    void everyOperationThatIsAnsweredHasItsModel() {
        for (var service : CLOUD.endpoint().services()) {
            assertEquals(
                    new TreeSet<>(service.operations()),
                    new TreeSet<>(Model.of(service.signingName()).operations()),
                    service.signingName() + ": change operations.txt and run build/extract-service-models.py");
        }
    }

    @TestFactory
    Stream<DynamicTest> aBrokenConstraintIsRefused() {
        return CLOUD.endpoint().services().stream()
                .map(service -> Model.of(service.signingName()))
                .flatMap(model -> model.operations().stream()
                        .map(operation -> DynamicTest.dynamicTest(
                                model.service() + ":" + operation, () -> breakEach(model, operation))));
    }

    private static void breakEach(Model model, String operation) {
        operations++;
        if (model.input(operation).isMissingNode()) return;
        var valid = WIRE.send(model, operation, new Example(model).of(model.input(operation)));
        assertEquals(
                ASK_FOR_MORE.contains(model.service() + ":" + operation),
                valid.body().contains("Member must"),
                "to a request that the model allows: " + valid);
        var problems = new ArrayList<String>();
        for (var breach : Breach.of(model, operation)) {
            if (model.service().equals("s3") && CHOOSE_THE_OPERATION.containsAll(breach.way())) continue;
            constraints++;
            var answer = WIRE.send(model, operation, breach.input());
            if (answer.status() == 400 && tells(model, operation, breach, answer)) continue;
            problems.add(breach.kind() + " of " + Wire.named(breach.way()) + " should be "
                    + expected(model, breach) + ": " + answer
                    + " to " + Wire.shown(breach.input()));
        }
        assertTrue(problems.isEmpty(), () -> String.join("\n", problems));
    }

    /** Where AWS's message tells the constraint, it is this one; an answer to HEAD tells nothing. */
    private static boolean tells(Model model, String operation, Breach breach, Wire.Answer answer) {
        if (model.operation(operation).path("http").path("method").asText().equals("HEAD")) return true;
        if (!answer.code().equals(expected(model, breach))) return false;
        if (List.of("s3", "ec2", "sqs").contains(model.service())) return true;
        return answer.body()
                .contains(
                        switch (breach.kind()) {
                            case MISSING -> "Member must not be null";
                            case TYPE -> "Member must be a ";
                            case PATTERN -> "Member must satisfy regular expression pattern";
                            case LENGTH -> "Member must have length";
                            case RANGE -> "Member must have value";
                            case ENUM -> "Member must satisfy enum value set";
                            case UNKNOWN -> "Member must be known";
                        });
    }

    private static String expected(Model model, Breach breach) {
        var missing = breach.kind() == Kind.MISSING;
        return switch (model.service()) {
            case "cloudhsm" -> unlessUnreadable(breach, "CloudHsmInvalidRequestException");
            case "logs" -> unlessUnreadable(breach, "InvalidParameterException");
            case "sqs" -> missing ? "MissingParameter" : unlessUnreadable(breach, "InvalidParameterValue");
            case "cloudformation", "iam", "sts" -> "ValidationError";
            case "sns" -> missing ? "ValidationError" : "InvalidParameter";
            case "ec2" -> {
                if (missing) yield "MissingParameter";
                yield breach.kind() == Kind.UNKNOWN ? "UnknownParameter" : "InvalidParameterValue";
            }
            case "s3" -> s3(breach);
            default -> unlessUnreadable(breach, "ValidationException");
        };
    }

    private static String unlessUnreadable(Breach breach, String code) {
        return breach.kind() == Kind.TYPE ? "SerializationException" : code;
    }

    private static String s3(Breach breach) {
        if (breach.shape().equals("NonEmptyKmsKeyArnString") && breach.kind() != Kind.MISSING) return "InvalidRequest";
        if (breach.shape().equals("BucketLocationConstraint")) return "InvalidLocationConstraint";
        if (breach.location().isEmpty()) return "MalformedXML";
        return breach.shape().equals("StorageClass") ? "InvalidStorageClass" : "InvalidArgument";
    }
}
