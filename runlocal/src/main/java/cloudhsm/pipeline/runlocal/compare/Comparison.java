package cloudhsm.pipeline.runlocal.compare;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The evidence of two provisionings, beside each other. Ids and names, which differ in any two runs, do not count. */
public final class Comparison {
    /** The same, where two durations differ by no more than the greater of the two. */
    private static final Duration CLOSE = Duration.ofSeconds(10);

    private static final double CLOSE_SHARE = 0.1;

    /** What the stages have found or made, without ids and names. */
    private static final List<String> STATES = List.of(
            "/found/resumed",
            "/found/healing",
            "/plan/mode",
            "/plan/hsmCount",
            "/identity/verdict",
            "/identity/awsChain/verified",
            "/identity/manufacturerChain/verified",
            "/diagnosis/repair",
            "/diagnosis/failures");

    private Comparison() {}

    /**
     * Why the document is not the evidence of a provisioning by this project, as a clause; empty where it is.
     *
     * @param document any JSON
     */
    public static Optional<String> problem(JsonNode document) {
        var missing = Stream.of("execution", "startTime", "finished", "took", "stages", "plan", "hsms", "buckets")
                .filter(member -> !document.has(member))
                .toList();
        if (!missing.isEmpty()) return Optional.of("it has no member " + String.join(", ", missing));
        if (!document.path("stages").isArray() || document.path("stages").isEmpty()) {
            return Optional.of("its stages are no list, or an empty one");
        }
        try {
            for (var stage : document.path("stages")) {
                Instant.parse(stage.path("entered").asText());
                Duration.parse(stage.path("took").asText());
            }
            return Optional.empty();
        } catch (DateTimeException malformed) {
            return Optional.of("a stage has no readable entered or took");
        }
    }

    /**
     * A line for each thing: the order of the stages, the duration and the errors of each, states, observations.
     *
     * @param theirs evidence in which {@link #problem} finds nothing
     * @param here the same, of the embedded AWS
     */
    public static List<Line> of(JsonNode theirs, JsonNode here) {
        var lines = new ArrayList<Line>();
        lines.add(Line.of("order", "stages", order(theirs), order(here)));
        var stages = stages(theirs);
        var others = stages(here);
        for (var stage : union(stages.keySet(), others.keySet())) {
            lines.add(duration(stage, stages.get(stage), others.get(stage)));
            var errors = errors(stages.get(stage));
            var otherErrors = errors(others.get(stage));
            if (!errors.isEmpty() || !otherErrors.isEmpty()) {
                lines.add(Line.of("error", stage, errors, otherErrors));
            }
        }
        var states = states(theirs);
        var otherStates = states(here);
        union(states.keySet(), otherStates.keySet())
                .forEach(state -> lines.add(
                        Line.of("state", state, states.getOrDefault(state, ""), otherStates.getOrDefault(state, ""))));
        var answers = answers(theirs);
        var otherAnswers = answers(here);
        union(answers.keySet(), otherAnswers.keySet())
                .forEach(question -> lines.add(Line.of(
                        "observation",
                        question,
                        answers.getOrDefault(question, ""),
                        otherAnswers.getOrDefault(question, ""))));
        return lines;
    }

    private static Set<String> union(Set<String> some, Set<String> others) {
        var all = new LinkedHashSet<>(some);
        all.addAll(others);
        return all;
    }

    private static List<JsonNode> inOrder(JsonNode evidence) {
        return StreamSupport.stream(evidence.path("stages").spliterator(), false)
                .sorted(Comparator.comparing(
                        stage -> Instant.parse(stage.path("entered").asText())))
                .toList();
    }

    private static String order(JsonNode evidence) {
        return inOrder(evidence).stream()
                .map(stage -> stage.path("stage").asText())
                .collect(Collectors.joining(", "));
    }

    /** By name; a stage that was entered again has a number, too. */
    private static Map<String, JsonNode> stages(JsonNode evidence) {
        var times = new HashMap<String, Integer>();
        var stages = new LinkedHashMap<String, JsonNode>();
        for (var stage : inOrder(evidence)) {
            var name = stage.path("stage").asText();
            var number = times.merge(name, 1, Integer::sum);
            stages.put(number == 1 ? name : name + " (" + number + ")", stage);
        }
        return stages;
    }

    private static Line duration(String stage, JsonNode theirs, JsonNode here) {
        if (theirs == null || here == null) {
            return Line.of(
                    "duration",
                    stage,
                    theirs == null ? "" : clock(took(theirs)),
                    here == null ? "" : clock(took(here)));
        }
        var difference = took(theirs).minus(took(here)).abs();
        var longer = took(theirs).compareTo(took(here)) > 0 ? took(theirs) : took(here);
        var close = difference.compareTo(CLOSE) <= 0 || difference.toMillis() <= longer.toMillis() * CLOSE_SHARE;
        return new Line(
                "duration",
                stage,
                close ? Line.Verdict.SAME : Line.Verdict.DIFFERENT,
                clock(took(theirs)),
                clock(took(here)));
    }

    private static Duration took(JsonNode stage) {
        return Duration.parse(stage.path("took").asText());
    }

    private static String clock(Duration duration) {
        return String.format(
                Locale.ROOT, "%d:%02d:%02d", duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart());
    }

    private static String errors(JsonNode stage) {
        if (stage == null) return "";
        return texts(stage.path("errors")).collect(Collectors.joining(", "));
    }

    private static Stream<String> texts(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false).map(JsonNode::asText);
    }

    private static Map<String, String> states(JsonNode evidence) {
        var states = new LinkedHashMap<String, String>();
        for (var pointer : STATES) {
            var value = evidence.at(pointer);
            if (!value.isMissingNode()) {
                states.put(
                        pointer.substring(1).replace('/', '.'),
                        value.isValueNode() ? value.asText() : Json.text(value));
            }
        }
        states.put("hsms", String.valueOf(evidence.at("/hsms/hsms").size()));
        var number = 0;
        for (var bucket : evidence.path("buckets")) {
            var name = "bucket " + ++number;
            states.put(name + " created", bucket.path("created").asText());
            states.put(name + " before", bucket.at("/proof/before").asText());
            states.put(
                    name + " ETag unchanged", bucket.at("/proof/etagUnchanged").asText());
        }
        return states;
    }

    private static Map<String, String> answers(JsonNode evidence) {
        var answers = new LinkedHashMap<String, String>();
        for (var observation : evidence.path("observations")) {
            answers.merge(
                    observation.path("question").asText(),
                    Shareable.withoutIds(observation.path("answer").asText()),
                    (one, other) -> one + "; " + other);
        }
        return answers;
    }
}
