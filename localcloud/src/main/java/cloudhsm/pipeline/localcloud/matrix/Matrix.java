package cloudhsm.pipeline.localcloud.matrix;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
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
            description = "provision, pause (and resume), or teardown; default: ${DEFAULT-VALUE}",
            defaultValue = "provision")
    private String of;

    @Option(names = "--pairs", paramLabel = "N", description = "N random pairs of faults instead of each fault alone")
    private int pairs;

    @Option(names = "--sample", paramLabel = "N", description = "N random cells only")
    private int sample;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "Of what is random; default: ${DEFAULT-VALUE}",
            defaultValue = "1")
    private long seed;

    @Option(names = "--cell", paramLabel = "SPEC", description = "Only this cell, as a failure is printed")
    private String cell;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Runs at a time; default: one more than there are processors")
    private int threads = Runtime.getRuntime().availableProcessors() + 1;

    @Override
    public Integer call() throws InterruptedException {
        var scenario = scenario();
        if (threads < 1 || pairs < 0 || sample < 0) {
            throw new ParameterException(spec.commandLine(), "--threads: at least 1; --pairs, --sample: at least 0");
        }
        var only = cell == null ? List.<Cell>of() : List.of(parsed());
        var out = spec.commandLine().getOut();
        try {
            var run = new CellRun(scenario);
            var clean = run.cleanly();
            var cells = only.isEmpty() ? cells(clean.calls()) : only;
            out.printf(
                    Locale.ROOT,
                    "%s: %d calls in a clean run; %d cells, seed %d, %d at a time%n",
                    of,
                    clean.calls().size(),
                    cells.size(),
                    seed,
                    threads);
            out.flush();
            var results = results(run, cells, clean.end(), out);
            table(results, out);
            var failed = results.stream().filter(CellRun.Result::failed).count();
            out.printf("cells %d, failed %d%n", results.size(), failed);
            out.flush();
            return failed == 0 ? 0 : 1;
        } catch (IllegalStateException | TemplateException broken) {
            spec.commandLine().getErr().println("run-local matrix: " + broken.getMessage());
            return 1;
        }
    }

    private Scenario scenario() {
        return Scenario.ALL.stream()
                .filter(scenario -> scenario.name().equals(of))
                .findFirst()
                .orElseThrow(() -> new ParameterException(
                        spec.commandLine(),
                        "--of: there is no " + of + "; there are "
                                + Scenario.ALL.stream().map(Scenario::name).collect(Collectors.joining(", "))));
    }

    private List<Cell> cells(List<RecordedCall> calls) {
        var all = new ArrayList<Cell>();
        for (var call : calls) {
            for (var kind : Faults.Kind.values()) all.add(Cell.of(call, kind));
        }
        var random = new Random(seed);
        if (pairs > 0) {
            var chosen = new ArrayList<Cell>();
            while (chosen.size() < pairs) {
                var one = all.get(random.nextInt(all.size())).injections().getFirst();
                var other = all.get(random.nextInt(all.size())).injections().getFirst();
                if (!one.call().equals(other.call())) chosen.add(new Cell(List.of(one, other)));
            }
            return chosen;
        }
        if (sample == 0) return all;
        Collections.shuffle(all, random);
        return all.subList(0, Math.min(sample, all.size()));
    }

    private Cell parsed() {
        try {
            return Cell.parse(cell);
        } catch (IllegalArgumentException malformed) {
            throw new ParameterException(spec.commandLine(), "--cell: " + malformed.getMessage(), malformed);
        }
    }

    private List<CellRun.Result> results(CellRun run, List<Cell> cells, EndState expected, PrintWriter out)
            throws InterruptedException {
        var results = new ArrayList<CellRun.Result>();
        try (var pool = Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().factory())) {
            var completed = new ExecutorCompletionService<CellRun.Result>(pool);
            cells.forEach(cell -> completed.submit(() -> run.with(cell, expected)));
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

    private void tell(CellRun.Result result, PrintWriter out) {
        out.printf("FAILED  ./run-local matrix --of %s --cell '%s'%n", of, result.cell());
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
