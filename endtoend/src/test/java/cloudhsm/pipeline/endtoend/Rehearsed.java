package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.Finding;
import cloudhsm.pipeline.runlocal.rehearse.Ledger;
import cloudhsm.pipeline.runlocal.rehearse.Observation;
import cloudhsm.pipeline.runlocal.rehearse.Rehearsal;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.SdkHttpClient;

/** What {@code ./run-local rehearse} says of an embedded AWS that stands for the real one. */
record Rehearsed(int exitCode, List<Finding> findings, JsonNode result) {
    static final String STACK = "cloudhsm-pipeline";

    /** Who rehearses, and what happens meanwhile. */
    record Rehearser(
            LocalCloud cloud, Identity caller, SdkHttpClient http, Consumer<Duration> pause, BooleanSupplier stopped) {
        /** The administrator, whom nothing disturbs. */
        static Rehearser of(LocalCloud cloud) {
            return new Rehearser(cloud, cloud.iam().administrator(), Aws.connections(), cloud::advance, () -> false);
        }

        Rehearser as(Identity another) {
            return new Rehearser(cloud, another, http, pause, stopped);
        }

        Rehearser through(SdkHttpClient connections) {
            return new Rehearser(cloud, caller, connections, pause, stopped);
        }

        /** @param happens what happens in each pause, after the time has passed */
        Rehearser meanwhile(Runnable happens) {
            return new Rehearser(
                    cloud,
                    caller,
                    http,
                    time -> {
                        cloud.advance(time);
                        happens.run();
                    },
                    stopped);
        }

        Rehearser untilStopped(BooleanSupplier when) {
            return new Rehearser(cloud, caller, http, pause, when);
        }

        private Aws aws() {
            var credentials = StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey()));
            return Aws.at(cloud.uri(), cloud.account().region(), credentials, Clock.systemUTC(), pause, http);
        }

        /** What the embedded AWS shows of the stack as it is deployed. */
        Map<String, Observation> expected(Path ledger) throws IOException {
            try (var open = Ledger.open(ledger);
                    var aws = aws()) {
                return new Rehearsal(aws, open, finding -> {})
                        .plan(STACK)
                        .expected(LocalDeployment.projectRoot(), stopped);
            }
        }

        Rehearsed rehearse(Path ledger, Map<String, Observation> expected) throws IOException {
            var findings = new ArrayList<Finding>();
            try (var open = Ledger.open(ledger);
                    var aws = aws()) {
                var rehearsal = new Rehearsal(aws, open, findings::add);
                var exitCode = rehearsal.plan(STACK).run(expected, stopped);
                return new Rehearsed(exitCode, findings, rehearsal.result());
            }
        }

        Rehearsed cleanUp(Path ledger) throws IOException {
            var findings = new ArrayList<Finding>();
            try (var open = Ledger.open(ledger);
                    var aws = aws()) {
                var rehearsal = new Rehearsal(aws, open, findings::add);
                var exitCode = rehearsal.cleanUp();
                assertEquals(exitCode == 0, open.region().isEmpty(), "what is left is still written down");
                return new Rehearsed(exitCode, findings, rehearsal.result());
            }
        }
    }

    /** What the account holds now and did not hold before; a key that KMS is about to delete is gone. */
    static Set<String> leftSince(Set<String> before, LocalCloud cloud) {
        var left = new TreeSet<>(Holdings.of(cloud));
        left.removeAll(before);
        left.removeIf(line -> line.matches("kms: key \\S+ \\(PendingDeletion\\)"));
        return left;
    }

    /** Something is wrong, named so, and followed by this advice. */
    void assertWrong(String check, String found, String next) {
        assertEquals(1, exitCode, this::toString);
        assertTrue(
                findings.stream()
                        .anyMatch(each -> each.verdict() == Finding.Verdict.WRONG
                                && each.check().contains(check)
                                && each.found().contains(found)
                                && each.next().contains(next)),
                this::toString);
    }

    @Override
    public String toString() {
        var lines = new StringBuilder("exit code " + exitCode);
        findings.forEach(each -> lines.append('\n').append(each));
        return lines.toString();
    }
}
