package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.LambdaProcess;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * How a function starts under the real runtime client, and how it answers once warm: one object each time.
 *
 * @param name of the function
 * @param artifactBytes of the zip or jar
 * @param firstAnswer milliseconds from the start of the process to its first answer, the median of the starts
 * @param cpuToFirstAnswer milliseconds of the process in that time, the median of the starts
 * @param warm milliseconds of one further invocation, the median of those of a start before
 * @param peakMemory of that start's process, in bytes
 */
public record StartUp(
        String name, long artifactBytes, double firstAnswer, double cpuToFirstAnswer, double warm, long peakMemory) {
    private static final int WARM_INVOCATIONS = 200;

    /** One start. */
    private record Start(double firstAnswer, double cpu, double warm, long peakMemory) {}

    /**
     * Starts each function this many times, by turns, so that what else the machine does falls on all alike. One start
     * of each before that is not counted: it gives the times once warm, and warms the embedded AWS.
     */
    static List<StartUp> measure(LocalCloud cloud, SampleBucket objects, List<Function> functions, int starts) {
        var warm = new ArrayList<Start>();
        var measured = new ArrayList<List<Start>>();
        int object = 0;
        for (var function : functions) {
            warm.add(start(cloud, objects, function, object, WARM_INVOCATIONS));
            measured.add(new ArrayList<>());
            object += 1 + WARM_INVOCATIONS;
        }
        for (int i = 0; i < starts; i++) {
            for (int f = 0; f < functions.size(); f++)
                measured.get(f).add(start(cloud, objects, functions.get(f), object++, 0));
        }
        var results = new ArrayList<StartUp>();
        for (int f = 0; f < functions.size(); f++) {
            var all = measured.get(f);
            results.add(new StartUp(
                    functions.get(f).name(),
                    functions.get(f).artifactBytes(),
                    median(all.stream().map(Start::firstAnswer).toList()),
                    median(all.stream().map(Start::cpu).toList()),
                    warm.get(f).warm(),
                    warm.get(f).peakMemory()));
        }
        return results;
    }

    /** How many objects {@link #measure} needs. */
    static int objects(int functions, int starts) {
        return functions * (1 + WARM_INVOCATIONS + starts);
    }

    private static Start start(LocalCloud cloud, SampleBucket objects, Function function, int first, int warm) {
        try (var process = cloud.lambda().separateProcess(function.name())) {
            var started = System.nanoTime();
            invoke(process, objects, first);
            var answered = (System.nanoTime() - started) / 1e6;
            var cpu = process.cpu().toNanos() / 1e6;
            var times = new ArrayList<Double>();
            for (int i = 0; i < warm; i++) {
                var before = System.nanoTime();
                invoke(process, objects, first + 1 + i);
                times.add((System.nanoTime() - before) / 1e6);
            }
            return new Start(answered, cpu, times.isEmpty() ? 0 : median(times), process.peakMemory());
        }
    }

    private static void invoke(LambdaProcess process, SampleBucket objects, int object) {
        Function.succeeded(process.invoke(
                Function.batch(List.of(objects.event(objects.keys().get(object))))));
    }

    private static double median(List<Double> values) {
        return values.stream().sorted(Comparator.naturalOrder()).toList().get(values.size() / 2);
    }
}
