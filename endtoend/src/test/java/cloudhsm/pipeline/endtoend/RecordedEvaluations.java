package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Evaluation;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the expressions of the state machines gave in the tests of this JVM. They may hold tokens: they stay in target/. */
final class RecordedEvaluations {
    /** Of one expression; what it reads differs little between many runs of the same state. */
    private static final int MOST_ROWS = 40;

    private static final Map<String, Set<String>> ROWS = new TreeMap<>();

    private RecordedEvaluations() {}

    static synchronized void add(Evaluation evaluation) {
        var rows = ROWS.computeIfAbsent(evaluation.expression(), any -> new LinkedHashSet<>());
        if (rows.size() == MOST_ROWS) return;
        var row = Json.object().put("expression", evaluation.expression()).put("now", evaluation.now());
        row.set("states", evaluation.states());
        row.putObject("variables").setAll(evaluation.variables());
        evaluation.result().ifPresent(result -> row.set("result", result));
        rows.add(Json.text(row));
    }

    static synchronized Set<String> expressions() {
        return new TreeSet<>(ROWS.keySet());
    }

    /** One line of JSON for each evaluation. */
    static synchronized List<String> rows() {
        return ROWS.values().stream().flatMap(Set::stream).toList();
    }
}
