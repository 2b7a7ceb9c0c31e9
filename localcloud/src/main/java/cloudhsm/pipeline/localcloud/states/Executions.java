package cloudhsm.pipeline.localcloud.states;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Every execution and Map Run of the account, oldest first. Guarded by the lock of the simulated time. */
final class Executions {
    private final Map<String, Execution> executions = new LinkedHashMap<>();
    private final Map<String, MapRun> mapRuns = new LinkedHashMap<>();

    void add(Execution execution) {
        executions.put(execution.arn(), execution);
    }

    void add(MapRun run) {
        mapRuns.put(run.arn(), run);
    }

    Optional<Execution> execution(String arn) {
        return Optional.ofNullable(executions.get(arn));
    }

    Collection<Execution> all() {
        return executions.values();
    }

    Optional<MapRun> mapRun(String arn) {
        return Optional.ofNullable(mapRuns.get(arn));
    }

    /** The Map Runs that this execution started. */
    List<MapRun> mapRunsOf(Execution parent) {
        return mapRuns.values().stream().filter(run -> run.parent() == parent).toList();
    }
}
