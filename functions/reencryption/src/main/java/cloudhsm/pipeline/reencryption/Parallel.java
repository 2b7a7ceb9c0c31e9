package cloudhsm.pipeline.reencryption;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/** Work on many things at the same time, in virtual threads: nearly all of it is waiting for AWS. */
final class Parallel {
    private Parallel() {}

    /**
     * The results in the order of the inputs, once all have ended. The threads end with the call, so each belongs to
     * the invocation that started it.
     *
     * @param bound the most that run at the same time; at least 1
     * @throws RuntimeException the first failure, after everything has ended
     */
    static <T, R> List<R> map(List<T> inputs, int bound, Function<T, R> work) {
        if (inputs.size() == 1) return List.of(work.apply(inputs.getFirst()));
        var running = new ArrayList<Future<R>>();
        try (var executor = Executors.newFixedThreadPool(
                Math.clamp(inputs.size(), 1, bound), Thread.ofVirtual().factory())) {
            for (var input : inputs) running.add(executor.submit(() -> work.apply(input)));
        }
        return running.stream().map(Parallel::result).toList();
    }

    private static <R> R result(Future<R> ended) {
        try {
            return ended.get();
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof RuntimeException unchecked) throw unchecked;
            throw new IllegalStateException(failed.getCause());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }
}
