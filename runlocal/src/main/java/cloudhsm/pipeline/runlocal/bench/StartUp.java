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
 * @param start how its process came to be
 * @param artifactBytes of the zip or jar
 * @param firstAnswer milliseconds to its first answer, from the start of the process or from the restore of its
 *     snapshot, the median of the starts
 * @param cpuToFirstAnswer milliseconds of the process in that time, the median of the starts
 * @param warm milliseconds of one further invocation, the median of those of a start before
 * @param peakMemory of that start's process, in bytes
 */
public record StartUp(
        String name,
        LambdaProcess.Start start,
        long artifactBytes,
        double firstAnswer,
        double cpuToFirstAnswer,
        double warm,
        long peakMemory) {
    private static final int WARM_INVOCATIONS = 200;

    /** A function and how it is started. */
    record Case(Function function, LambdaProcess.Start start) {}

    /** One start. */
    private record Sample(double firstAnswer, double cpu, double warm, long peakMemory) {}

    /**
     * Starts each case this many times, by turns, so that what else the machine does falls on all alike. One start of
     * each before that is not counted: it gives the times once warm, and warms the embedded AWS.
     */
    static List<StartUp> measure(LocalCloud cloud, SampleBucket objects, List<Case> cases, int starts) {
        var warm = new ArrayList<Sample>();
        var measured = new ArrayList<List<Sample>>();
        int object = 0;
        for (var each : cases) {
            warm.add(sample(cloud, objects, each, object, WARM_INVOCATIONS));
            measured.add(new ArrayList<>());
            object += 1 + WARM_INVOCATIONS;
        }
        for (int i = 0; i < starts; i++) {
            for (int c = 0; c < cases.size(); c++)
                measured.get(c).add(sample(cloud, objects, cases.get(c), object++, 0));
        }
        var results = new ArrayList<StartUp>();
        for (int c = 0; c < cases.size(); c++) {
            var all = measured.get(c);
            results.add(new StartUp(
                    cases.get(c).function().name(),
                    cases.get(c).start(),
                    cases.get(c).function().artifactBytes(),
                    median(all.stream().map(Sample::firstAnswer).toList()),
                    median(all.stream().map(Sample::cpu).toList()),
                    warm.get(c).warm(),
                    warm.get(c).peakMemory()));
        }
        return results;
    }

    /** How many objects {@link #measure} needs. */
    static int objects(int cases, int starts) {
        return cases * (1 + WARM_INVOCATIONS + starts);
    }

    private static Sample sample(LocalCloud cloud, SampleBucket objects, Case measured, int first, int warm) {
        try (var process = cloud.lambda().separateProcess(measured.function().name(), measured.start())) {
            if (measured.start() != LambdaProcess.Start.ON_DEMAND) process.takeSnapshot();
            var cpu = process.cpu();
            var started = System.nanoTime();
            invoke(process, objects, first);
            var answered = (System.nanoTime() - started) / 1e6;
            var used = process.cpu().minus(cpu).toNanos() / 1e6;
            var times = new ArrayList<Double>();
            for (int i = 0; i < warm; i++) {
                var before = System.nanoTime();
                invoke(process, objects, first + 1 + i);
                times.add((System.nanoTime() - before) / 1e6);
            }
            return new Sample(answered, used, times.isEmpty() ? 0 : median(times), process.peakMemory());
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
