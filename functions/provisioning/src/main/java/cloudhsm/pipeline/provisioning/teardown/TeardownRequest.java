package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What the user asks for.
 *
 * @param data what becomes of the objects in buckets that the pipeline made; those in adopted ones stay readable
 * @param returnTo ARN of the KMS key that objects go under which stay readable; "" if the input does not say
 * @param previousVersionsMayGo whether previous versions, which cannot go under SSE-S3, may become unreadable
 * @param pendingWindowInDays how long KMS keeps the key after its deletion was asked for
 * @param evenIfShared whether what others use as well is torn down, too
 * @param interrupt whether an execution that is at work is stopped, and the HSMs go even where the data cannot be
 *     returned; the limits of time and cost ask for it, because nobody is there then
 */
record TeardownRequest(
        String deployment,
        Data data,
        String returnTo,
        boolean previousVersionsMayGo,
        int pendingWindowInDays,
        Meter meter,
        boolean evenIfShared,
        boolean interrupt) {
    /** What becomes of the bucket's objects. */
    enum Data {
        /** Every version goes, and the bucket. */
        DELETE,
        /** They stay, under another key or under SSE-S3. */
        KEEP_READABLE,
        /** They stay as they are, and nobody can read them any more. */
        KEEP
    }

    /** What becomes of the HSMs while KMS keeps the key for some days. */
    enum Meter {
        /** They go at once; the key's material is left in backups until those go. */
        STOP_NOW,
        /** One stays, so that KMS can delete the material in it. */
        DELETE_MATERIAL
    }

    private static final Pattern KEY_ARN = Pattern.compile("arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+");

    /** ScheduleKeyDeletion's bounds. */
    private static final int SHORTEST_WINDOW = 7;

    private static final int LONGEST_WINDOW = 30;

    /**
     * Reads the execution input. Every problem is reported; what has one falls back to something harmless.
     *
     * @param hasAdopted whether the deployment of that name has an adopted bucket, whose objects stay readable
     */
    static TeardownRequest read(JsonNode input, Predicate<String> hasAdopted, Problems problems) {
        var fields = Fields.of(input, problems);
        var deployment =
                required("deployment", fields.deployment(), "the name of the deployment to tear down", problems);
        var confirm = required("confirm", fields.text("confirm"), "the name of the deployment once more", problems);
        if (!problems.concern("confirm") && !problems.concern("deployment") && !confirm.equals(deployment)) {
            problems.add(
                    "confirm", "must repeat the deployment's name \"" + deployment + "\", but is \"" + confirm + "\"");
        }
        var data = data(fields, problems);
        var someStay = data == Data.KEEP_READABLE || hasAdopted.test(deployment);
        var request = new TeardownRequest(
                deployment,
                data,
                returnTo(fields, someStay, problems),
                data != Data.KEEP && fields.text("confirmUnreadable").isPresent(),
                window(fields, problems),
                meter(fields, problems),
                fields.flag("evenIfShared").orElse(false),
                fields.flag("interrupt").orElse(false));
        confirmUnreadable(fields, request, someStay, problems);
        fields.refuseOthers();
        return request;
    }

    private static String required(String name, Optional<String> text, String what, Problems problems) {
        if (text.isEmpty() && !problems.concern(name)) problems.add(name, "is missing: " + what);
        return text.orElse("");
    }

    private static Data data(Fields fields, Problems problems) {
        var text = fields.text("data");
        if (text.isEmpty()) {
            if (!problems.concern("data")) {
                problems.add(
                        "data",
                        "is missing: DELETE (every version of every object, then the bucket), KEEP_READABLE (they go"
                                + " under SSE-S3 or another KMS key) or KEEP (they stay and become unreadable)");
            }
            return Data.KEEP;
        }
        return choice("data", text.get(), List.of(Data.values()), Data.KEEP, problems);
    }

    private static Meter meter(Fields fields, Problems problems) {
        return fields.text("meter")
                .map(text -> choice("meter", text, List.of(Meter.values()), Meter.STOP_NOW, problems))
                .orElse(Meter.STOP_NOW);
    }

    private static <E extends Enum<E>> E choice(
            String field, String text, List<E> values, E otherwise, Problems problems) {
        var chosen = values.stream().filter(value -> value.name().equals(text)).findFirst();
        if (chosen.isEmpty()) {
            var names = values.stream().map(Enum::name).toList();
            problems.add(field, "must be one of " + String.join(", ", names) + ", not \"" + text + "\"");
        }
        return chosen.orElse(otherwise);
    }

    private static String returnTo(Fields fields, boolean someStay, Problems problems) {
        var text = fields.text("returnTo");
        if (someStay) {
            text.filter(arn -> !KEY_ARN.matcher(arn).matches())
                    .ifPresent(arn -> problems.add(
                            "returnTo",
                            "\"" + arn + "\" is not the full ARN of a KMS key, which S3 asks for; an alias or a bare id"
                                    + " does not do"));
        } else if (text.isPresent() && !problems.concern("data")) {
            problems.add("returnTo", "goes with \"data\": \"KEEP_READABLE\" or an adopted bucket only");
        }
        return text.orElse("");
    }

    private static int window(Fields fields, Problems problems) {
        var days = fields.integer("pendingWindowInDays").orElse(SHORTEST_WINDOW);
        if (days < SHORTEST_WINDOW || days > LONGEST_WINDOW) {
            problems.add(
                    "pendingWindowInDays",
                    "must be from " + SHORTEST_WINDOW + " to " + LONGEST_WINDOW + ", which is KMS's rule, not " + days);
        }
        return days;
    }

    /** The sentence that has to be repeated before something becomes unreadable. */
    String unreadable() {
        return (data == Data.KEEP ? "the objects of " : "the previous versions of ") + deployment
                + " become unreadable";
    }

    private static void confirmUnreadable(Fields fields, TeardownRequest request, boolean someStay, Problems problems) {
        var text = fields.text("confirmUnreadable");
        if (problems.concern("data") || problems.concern("deployment") || problems.concern("confirmUnreadable")) return;
        var mayConfirm =
                request.data() == Data.KEEP || someStay && request.returnTo().isEmpty();
        if (!mayConfirm) {
            if (text.isPresent()) {
                problems.add(
                        "confirmUnreadable",
                        "goes with \"data\": \"KEEP\", or without \"returnTo\" with \"KEEP_READABLE\" or an adopted"
                                + " bucket, only");
            }
        } else if (!text.orElse("").equals(request.unreadable()) && (text.isPresent() || request.data() == Data.KEEP)) {
            problems.add(
                    "confirmUnreadable",
                    "must say \"" + request.unreadable() + "\", because " + request.data() + " means that");
        }
    }
}
