package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.doctor.Api;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.AwsFailure;
import cloudhsm.pipeline.runlocal.doctor.Caller;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The rehearsal's KMS keys: made, disabled and enabled, found, and given up for deletion. */
final class Keys {
    /** A new key is not known to every part of KMS at once. */
    private static final Duration SETTLES = Duration.ofMinutes(1);

    private static final Duration PAUSE = Duration.ofSeconds(5);

    /** The shortest that KMS takes. */
    static final int DAYS_UNTIL_DELETION = 7;

    private final Aws aws;

    Keys(Aws aws) {
        this.aws = aws;
    }

    /**
     * Keys with a policy of this rehearsal.
     *
     * @param refused how many keys do not show their policy to the caller
     */
    record Found(List<String> arns, int refused) {}

    /** Makes a key whose policy leaves everything to the account's IAM, as KMS does by default. Returns its ARN. */
    String create(Ledger ledger, Caller caller, RehearsalKey key) {
        var made = ledger.made().orElseThrow();
        var statement = Json.object()
                .put("Sid", made.statement(key))
                .put("Effect", "Allow")
                .put("Action", "kms:*")
                .put("Resource", "*");
        statement.set("Principal", Json.object().put("AWS", caller.arnOf("iam", "", "root")));
        var policy = Json.object().put("Version", "2012-10-17");
        policy.set("Statement", Json.array().add(statement));
        ledger.creating(key);
        var arn = aws.jsonOnce(
                        Api.KMS,
                        "CreateKey",
                        Json.object()
                                .put("Description", "Rehearsal of the stack " + made.stack() + "; deleted at its end")
                                .put("Policy", policy.toString()))
                .path("KeyMetadata")
                .path("Arn")
                .asText();
        ledger.created(key, arn);
        return arn;
    }

    void disable(String arn) {
        change("DisableKey", Json.object().put("KeyId", arn));
    }

    void enable(String arn) {
        change("EnableKey", Json.object().put("KeyId", arn));
    }

    private void change(String operation, ObjectNode input) {
        for (var waited = Duration.ZERO; ; waited = waited.plus(PAUSE)) {
            try {
                aws.json(Api.KMS, operation, input);
                return;
            } catch (AwsFailure failure) {
                if (!failure.code().equals("NotFoundException") || waited.compareTo(SETTLES) >= 0) throw failure;
                aws.pause(PAUSE);
            }
        }
    }

    /**
     * The keys that were made for this while nobody heard AWS's answer. Asks again for a minute, because a list does not
     * show a new key at once.
     */
    Found find(Made made, RehearsalKey key) {
        for (var waited = Duration.ZERO; ; waited = waited.plus(PAUSE)) {
            var found = look(made.statement(key));
            if (!found.arns().isEmpty() || waited.compareTo(SETTLES) >= 0) return found;
            aws.pause(PAUSE);
        }
    }

    private Found look(String statement) {
        var arns = new ArrayList<String>();
        var refused = 0;
        for (var listed : aws.pages(Api.KMS, "ListKeys", Json.object(), "Keys", "Marker", "NextMarker")) {
            var arn = listed.path("KeyArn").asText();
            try {
                var policy = aws.json(
                        Api.KMS, "GetKeyPolicy", Json.object().put("KeyId", arn).put("PolicyName", "default"));
                if (policy.path("Policy").asText().contains("\"" + statement + "\"")) arns.add(arn);
            } catch (AwsFailure failure) {
                if (failure.isOfEveryCall()) throw failure;
                if (!failure.code().equals("NotFoundException")) refused++;
            }
        }
        return new Found(arns, refused);
    }

    /** Has KMS delete the key, unless it is about to, or has done so. */
    void scheduleDeletion(String arn) {
        try {
            aws.json(
                    Api.KMS,
                    "ScheduleKeyDeletion",
                    Json.object().put("KeyId", arn).put("PendingWindowInDays", DAYS_UNTIL_DELETION));
        } catch (AwsFailure failure) {
            if (failure.code().equals("NotFoundException")) return;
            if (!failure.code().equals("KMSInvalidStateException") || !isPendingDeletion(arn)) throw failure;
        }
    }

    private boolean isPendingDeletion(String arn) {
        return aws.json(Api.KMS, "DescribeKey", Json.object().put("KeyId", arn))
                .path("KeyMetadata")
                .path("KeyState")
                .asText()
                .equals("PendingDeletion");
    }
}
