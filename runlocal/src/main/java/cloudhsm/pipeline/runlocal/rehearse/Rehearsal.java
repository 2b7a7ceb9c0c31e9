package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.AwsFailure;
import cloudhsm.pipeline.runlocal.doctor.Caller;
import cloudhsm.pipeline.runlocal.doctor.DeployedStack;
import cloudhsm.pipeline.runlocal.doctor.Finding;
import cloudhsm.pipeline.runlocal.doctor.Finding.Verdict;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The re-encryption of a deployed stack, tried on AWS without an HSM: an ordinary KMS key stands for the one that the HSMs
 * will hold. What is seen is held against what the embedded AWS shows of the same.
 */
public final class Rehearsal {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Aws aws;
    private final Ledger ledger;
    private final Consumer<Finding> listener;
    private final List<Finding> findings = new ArrayList<>();
    private final Map<String, Observation> seen = new LinkedHashMap<>();
    private Map<String, Observation> expected = Map.of();

    /**
     * @param ledger where what is made is written down
     * @param listener hears of each finding at once
     */
    public Rehearsal(Aws aws, Ledger ledger, Consumer<Finding> listener) {
        this.aws = aws;
        this.ledger = ledger;
        this.listener = listener;
    }

    /** A stack that can be rehearsed. */
    public final class Plan {
        private final Target target;

        private Plan(Target target) {
            this.target = target;
        }

        /** What will be made, what it costs, and how it ends, in lines. */
        @Override
        public String toString() {
            var caller = target.caller();
            return """
                Rehearses stack %s in %s, account %s, as %s.
                Makes: a bucket (%s), two KMS keys, and a dozen objects of 11 MB together.
                Everything goes through %s.
                Costs less than 0.02 USD: each key 1 USD a month, counted by the hour until its deletion is scheduled, at the end;
                some hundred requests to S3, of which a thousand PUTs cost half a cent, and to KMS; the function's seconds.
                What stays: the keys, for %d days in which nobody can use them and KMS asks nothing for them.
                Takes about three minutes, at most %d for one thing that does not happen. %s says what is made, until it is removed.\
                """.formatted(
                            target.stack(),
                            target.region(),
                            caller.account(),
                            caller.arn(),
                            target.bucket("…"),
                            target.function(),
                            Keys.DAYS_UNTIL_DELETION,
                            Scenario.MOST.toMinutes(),
                            ledger.file());
        }

        /**
         * What the embedded AWS shows of such a stack, by step.
         *
         * @param root the directory that has template.yaml and the built functions
         * @param stopped whether somebody wants the end; asked often
         * @throws IllegalStateException where that is not what the re-encryption promises
         */
        public Map<String, Observation> expected(Path root, BooleanSupplier stopped) throws IOException {
            return new EmbeddedRehearsal(root, stopped).of(target);
        }

        /**
         * Makes, looks, and removes what was made, whatever happens in between.
         *
         * @param embedded what the embedded AWS shows
         * @param stopped whether somebody wants the end; asked often
         * @return the exit code: 0 where all was seen and all is removed, else 1
         */
        public int run(Map<String, Observation> embedded, BooleanSupplier stopped) {
            expected = embedded;
            ledger.begin(begun(target));
            try (var s3 = aws.s3()) {
                new Scenario(aws, s3, target, ledger, Scenario.MOST, stopped, Rehearsal.this::compare).run();
            } finally {
                removeAll();
            }
            for (var step : expected.keySet()) {
                if (!stopped.getAsBoolean() && !seen.containsKey(step)) {
                    find(
                            step,
                            Verdict.WRONG,
                            "not seen, because of what is said above.",
                            "mend that, and run it again");
                }
            }
            find(
                    "reencrypt-existing",
                    Verdict.NOTED,
                    "not rehearsed: it takes only a bucket that a deployment's record names, and a rehearsal writes no"
                            + " record. Its pages run the code that was rehearsed.",
                    "");
            return exitCode();
        }
    }

    /**
     * Reads what is deployed.
     *
     * @throws IllegalStateException where it cannot be rehearsed, or cannot be read; the message is a sentence
     */
    public Plan plan(String stack) {
        try {
            var caller = Caller.of(aws);
            var deployed = DeployedStack.read(aws, stack)
                    .orElseThrow(() -> new IllegalStateException("there is no stack " + stack + " in " + aws.region()
                            + "; deploy it, or give its name and Region: aws cloudformation list-stacks"));
            return new Plan(Target.of(deployed, caller, aws.region()));
        } catch (AwsFailure failure) {
            throw new IllegalStateException(failure.getMessage() + " Next: " + failure.next(), failure);
        }
    }

    static Made begun(Target target) {
        var bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        var id = HexFormat.of().formatHex(bytes);
        return new Made(target.caller().account(), target.region(), target.stack(), id, target.bucket(id), Map.of());
    }

    /**
     * Removes what a former rehearsal has left, if it has left anything.
     *
     * @return the exit code: 0 where nothing is left any more, else 1
     * @throws IllegalStateException where it is another account's or Region's; the message is a sentence
     */
    public int cleanUp() {
        if (ledger.made().isEmpty()) return 0;
        var made = ledger.made().get();
        String account;
        try {
            account = Caller.of(aws).account();
        } catch (AwsFailure failure) {
            throw new IllegalStateException(failure.getMessage() + " Next: " + failure.next(), failure);
        }
        if (!account.equals(made.account()) || !aws.region().equals(made.region())) {
            throw new IllegalStateException("a rehearsal of " + made.stack() + " in account " + made.account() + ", "
                    + made.region() + ", has left something, and this is account " + account + ", " + aws.region()
                    + ". Next: ./run-local rehearse --clean-up --region " + made.region()
                    + " with a profile of that account");
        }
        removeAll();
        return exitCode();
    }

    private void removeAll() {
        var made = ledger.made().orElseThrow();
        List<CleanUp.Left> left;
        try (var s3 = aws.s3()) {
            left = new CleanUp(aws, s3, made).run();
        }
        for (var each : left) {
            find("left: " + each.what(), Verdict.WRONG, each.why(), each.next() + "; ./run-local rehearse --clean-up");
        }
        if (!left.isEmpty()) return;
        try {
            ledger.end();
        } catch (UncheckedIOException unwritten) {
            find(
                    "removed",
                    Verdict.WRONG,
                    "everything is, and " + ledger.file() + " cannot be emptied: " + unwritten.getMessage() + ".",
                    "delete that file");
            return;
        }
        find(
                "removed",
                Verdict.RIGHT,
                "bucket " + made.bucket() + " and all in it; the deletion of "
                        + (made.keys().isEmpty() ? "no key" : made.keys().size() == 1 ? "one key" : "two keys")
                        + " is scheduled.",
                "");
    }

    private void compare(Observation observation) {
        seen.put(observation.step(), observation);
        var embedded = expected.get(observation.step());
        var waited = observation.seconds() == 0 ? "" : " after " + observation.seconds() + " s";
        if (embedded == null) {
            find(observation.step(), Verdict.WRONG, observation.saw() + ".", observation.next());
            return;
        }
        var same = embedded.saw().equals(observation.saw());
        find(
                observation.step(),
                same ? Verdict.RIGHT : Verdict.WRONG,
                observation.saw() + waited + "; the embedded AWS: "
                        + (same ? "the same" : embedded.saw())
                        + (embedded.seconds() == 0 ? "." : " after " + embedded.seconds() + " s."),
                same
                        ? ""
                        : observation.right()
                                ? "nothing is lost; decide whether you want it so (docs/reencryption.md), and tell"
                                        + " whoever maintains docs/limits.md"
                                : observation.next());
    }

    private void find(String check, Verdict verdict, String found, String next) {
        var finding = new Finding(check, verdict, found.replaceAll("\\s+", " ").strip(), next);
        findings.add(finding);
        listener.accept(finding);
    }

    private int exitCode() {
        return findings.stream().anyMatch(finding -> finding.verdict() == Verdict.WRONG) ? 1 : 0;
    }

    /** Everything that was found, and what was seen beside what the embedded AWS shows. */
    public JsonNode result() {
        var steps = Json.array();
        expected.forEach((step, embedded) -> {
            var entry = Json.object().put("step", step);
            entry.set("embedded", side(embedded));
            if (seen.containsKey(step)) entry.set("aws", side(seen.get(step)));
            steps.add(entry);
        });
        var result = Json.object().put("exitCode", exitCode()).put("region", aws.region());
        result.set("steps", steps);
        result.set("findings", Json.MAPPER.valueToTree(findings));
        return result;
    }

    private static JsonNode side(Observation observation) {
        return Json.object().put("saw", observation.saw()).put("seconds", observation.seconds());
    }
}
