package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local matrix}: the pipeline once for each call it makes and each thing that can befall it. */
@Command(
        name = "matrix",
        mixinStandardHelpOptions = true,
        description = {
            "Records the AWS calls of a clean run, then runs once for each call and each kind of fault: throttled,"
                    + " internal-error, answer-lost after the effect, function-killed after the effect. Where an"
                    + " execution fails, another one is started.",
            "Each run must end as the clean one: the same resources, nothing billable beside them, no secret where it"
                    + " does not belong, never more than three HSMs."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:every cell passed", "1:a cell failed", "2:an option is wrong"})
public final class Matrix implements Callable<Integer> {
    private static final int PROGRESS = 25;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--of",
            paramLabel = "WHAT",
            description = "provision, pause (and the way back), unchanged, hsm-lost, store-failed, cluster-gone, or"
                    + " teardown, which is teardown-delete, then the calls that only teardown-keep-readable and"
                    + " teardown-at-limit make; default: ${DEFAULT-VALUE}",
            defaultValue = "provision")
    private String of;

    @Option(names = "--pairs", paramLabel = "N", description = "N random pairs of faults instead of each fault alone")
    private int pairs;

    @Option(names = "--sample", paramLabel = "N", description = "N random cells only")
    private int sample;

    @Mixin
    private SeedOption seed;

    @Option(names = "--cell", paramLabel = "SPEC", description = "Only this cell, as a failure is printed")
    private String cell;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Runs at a time; default: one more than there are processors")
    private int threads = Runtime.getRuntime().availableProcessors() + 1;

    @Override
    public Integer call() throws InterruptedException {
        var scenarios = scenarios();
        if (threads < 1 || pairs < 0 || sample < 0) {
            throw new ParameterException(spec.commandLine(), "--threads: at least 1; --pairs, --sample: at least 0");
        }
        var only = cell == null ? Optional.<Cell>empty() : Optional.of(parsed(scenarios));
        var out = spec.commandLine().getOut();
        var all = new ArrayList<Planned>();
        var known = new HashSet<RecordedCall>();
        for (var scenario : scenarios) {
            var run = new CellRun(scenario);
            var clean = run.cleanly();
            var calls = clean.calls().stream().filter(known::add).toList();
            out.printf(
                    "%s: %d calls in a clean run",
                    scenario.name(), clean.calls().size());
            out.println(calls.size() == clean.calls().size() ? "" : ", " + calls.size() + " not made by the others");
            only.map(Stream::of)
                    .orElseGet(() -> calls.stream().flatMap(Matrix::cellsOf))
                    .forEach(cell -> all.add(new Planned(run, cell, clean.end())));
        }
        var cells = only.isPresent() ? all : chosen(all);
        out.printf("%d cells, seed %d, %d at a time%n", cells.size(), seed.seed(), threads);
        out.flush();
        var results = results(cells, out);
        table(results, out);
        var failed = results.stream().filter(CellRun.Result::failed).count();
        out.printf("cells %d, failed %d%n", results.size(), failed);
        out.flush();
        return failed == 0 ? 0 : 1;
    }

    /** A cell, and how its run has to end. */
    private record Planned(CellRun run, Cell cell, EndState expected) {
        CellRun.Result result() {
            return run.with(cell, expected);
        }
    }

    private List<Scenario> scenarios() {
        var meant = Scenario.ALL.stream().filter(scenario -> scenario.isOf(of)).toList();
        if (!meant.isEmpty()) return meant;
        throw new ParameterException(
                spec.commandLine(), "--of: there is no " + of + "; there are " + names(Scenario.ALL));
    }

    private static String names(List<Scenario> scenarios) {
        return scenarios.stream().map(Scenario::name).collect(Collectors.joining(", "));
    }

    private static Stream<Cell> cellsOf(RecordedCall call) {
        return Arrays.stream(Faults.Kind.values()).map(kind -> Cell.of(call, kind));
    }

    private List<Planned> chosen(List<Planned> all) {
        var random = new Random(seed.seed());
        if (pairs > 0) {
            var chosen = new ArrayList<Planned>();
            while (chosen.size() < pairs) {
                var one = all.get(random.nextInt(all.size()));
                var other = all.get(random.nextInt(all.size()));
                var first = one.cell().injections().getFirst();
                var second = other.cell().injections().getFirst();
                if (one.run() == other.run() && !first.call().equals(second.call())) {
                    chosen.add(new Planned(one.run(), new Cell(List.of(first, second)), one.expected()));
                }
            }
            return chosen;
        }
        if (sample == 0) return all;
        Collections.shuffle(all, random);
        return all.subList(0, Math.min(sample, all.size()));
    }

    private Cell parsed(List<Scenario> scenarios) {
        if (scenarios.size() > 1) {
            throw new ParameterException(
                    spec.commandLine(), "--cell: --of has to name one of " + names(scenarios) + " for it");
        }
        try {
            return Cell.parse(cell);
        } catch (IllegalArgumentException malformed) {
            throw new ParameterException(spec.commandLine(), "--cell: " + malformed.getMessage(), malformed);
        }
    }

    private List<CellRun.Result> results(List<Planned> cells, PrintWriter out) throws InterruptedException {
        var results = new ArrayList<CellRun.Result>();
        try (var pool = Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().factory())) {
            var completed = new ExecutorCompletionService<CellRun.Result>(pool);
            cells.forEach(cell -> completed.submit(cell::result));
            while (results.size() < cells.size()) {
                var result = completed.take().get();
                results.add(result);
                if (result.failed()) tell(result, out);
                if (results.size() % PROGRESS == 0) out.printf("%d of %d%n", results.size(), cells.size());
                out.flush();
            }
        } catch (ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        }
        return results;
    }

    private static void tell(CellRun.Result result, PrintWriter out) {
        out.printf(
                "FAILED  ./run-local matrix --of %s --cell '%s'%n",
                result.scenario().name(), result.cell());
        result.problems().forEach(problem -> out.printf("        %s%n", problem));
    }

    private static void table(List<CellRun.Result> results, PrintWriter out) {
        Map<String, int[]> rows = new TreeMap<>();
        for (var result : results) {
            var first = result.cell().injections().getFirst();
            var row = rows.computeIfAbsent(first.call().caller(), any -> new int[3]);
            row[0]++;
            if (result.furtherExecutions() > 0) row[1]++;
            if (result.failed()) row[2]++;
        }
        out.printf("%n%-36s %6s %24s %7s%n", "caller", "cells", "with another execution", "failed");
        rows.forEach((caller, row) -> out.printf("%-36s %6d %24d %7d%n", caller, row[0], row[1], row[2]));
    }
}
