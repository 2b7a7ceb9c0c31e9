package cloudhsm.pipeline.runlocal.doctor;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** All checks of an account, in the order in which they are told. Reads only. */
public final class Examination {
    private static final String DEFAULT_STACK = "cloudhsm-pipeline";

    /** APIs of whose reads AWS names a price by the request. */
    private static final Set<Api> PRICED = Set.of(Api.CLOUDWATCH, Api.DYNAMODB, Api.KMS, Api.S3, Api.SQS);

    /** Of which it names none, neither that they are free. */
    private static final Set<Api> UNPRICED = Set.of(Api.PRICING, Api.STATES);

    private final Aws aws;
    private final Findings findings;
    private final ProjectTemplate template;

    /**
     * @param root the directory that has template.yaml
     * @param listener hears of each finding at once
     * @throws cloudhsm.pipeline.localcloud.template.TemplateException where template.yaml cannot be read
     */
    public Examination(Aws aws, Path root, Consumer<Finding> listener) {
        this.aws = aws;
        this.findings = new Findings(listener);
        this.template = ProjectTemplate.read(root);
    }

    /**
     * Makes all checks.
     *
     * @param input of the provisioning that is to follow; {@code {}} for the defaults, and beside a stack for none
     * @param stack that is deployed; empty to look only at what comes before
     */
    public void run(JsonNode input, Optional<String> stack) {
        var who = new WhoAndWhere(aws, findings);
        var caller = who.caller();
        if (caller.isEmpty()) return;
        new InputFields(findings, template.root()).check(input);
        var wanted = Wanted.of(input);
        if (wanted.adoptsCluster()) {
            findings.noted(
                    "cluster",
                    "whether it can be adopted is not looked at here; Preflight does, before anything is made.",
                    "");
        }
        var name = stack.orElse(DEFAULT_STACK);
        var deployed = stack.map(given -> new Deployed(aws, findings, template, given));
        var zones = who.zones(caller.get());
        if (zones.isEmpty()) return;
        var room = new Room(aws, findings, caller.get(), wanted, stack.isEmpty() || !input.isEmpty());
        room.check(Integer.parseInt(template.parameter("ReencryptionConcurrency")));
        new Network(aws, findings, wanted).check(zones.get());
        room.defaults();
        new Rights(aws, findings, caller.get(), name).check(template.types());
        new Templates(aws, findings, caller.get(), template, name).check();
        var found = deployed.filter(Deployed::find);
        var price = found.flatMap(each -> each.parameter("PricePerHsmHour"));
        var listed = new Price(aws, findings, template.root())
                .check(caller.get(), price.orElse(template.parameter("PricePerHsmHour")));
        if (found.isEmpty()) return;
        found.get().compare();
        new Running(aws, findings, template, found.get()).check(listed);
    }

    /** Everything that was found. */
    public List<Finding> findings() {
        return findings.all();
    }

    /** 0: all is right; 1: something is wrong; 2: nothing is, and something could not be seen. */
    public int exitCode() {
        return findings.exitCode();
    }

    /** Whether AWS has shown nothing at all. */
    public boolean isBlind() {
        return findings.areBlind();
    }

    /** What the reads have been, and what they cost, in a sentence or two. */
    public String cost() {
        var calls = aws.calls();
        var all = calls.values().stream().mapToInt(Integer::intValue).sum();
        return all + (all == 1 ? " request" : " requests") + ", nothing but reads."
                + listed(calls, PRICED, " AWS names a price by the request for ", ", far below a cent all together.")
                + listed(calls, UNPRICED, " It names none for ", ", nor that they are free.");
    }

    private static String listed(Map<Api, Integer> calls, Set<Api> of, String before, String behind) {
        var listed = of.stream()
                .filter(calls::containsKey)
                .sorted()
                .map(api -> calls.get(api) + " of " + api)
                .collect(Collectors.joining(", "));
        return listed.isEmpty() ? "" : before + listed + behind;
    }
}
