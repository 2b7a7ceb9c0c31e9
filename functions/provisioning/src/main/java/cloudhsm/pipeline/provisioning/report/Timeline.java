package cloudhsm.pipeline.provisioning.report;

import static cloudhsm.pipeline.provisioning.report.Markup.all;
import static cloudhsm.pipeline.provisioning.report.Markup.element;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The stages of an execution along time, each beside the time that AWS itself usually takes for it. */
final class Timeline {
    /** More lines than that cannot be told apart on a telephone. */
    private static final int MOST_LINES = 6;

    /** Below that a bar is not seen; it is drawn as a mark. Per cent of the track. */
    private static final double THINNEST = 0.5;

    /** From there on the words beside a line would stick out. Per cent of the track. */
    private static final double RIGHTMOST = 92;

    private static final List<Duration> STEPS = Stream.of(1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 2880, 10080)
            .map(Duration::ofMinutes)
            .toList();

    private final Instant started;
    private final Duration length;
    private final List<StageTime> stages;

    /** @param stages as the history has them; they are drawn in the order in which they were entered */
    Timeline(Instant started, Instant finished, List<StageTime> stages) {
        this.started = started;
        this.stages =
                stages.stream().sorted(Comparator.comparing(StageTime::entered)).toList();
        var last = this.stages.stream()
                .map(stage -> AwsDuration.of(stage.stage())
                        .map(aws -> stage.entered().plus(aws.to()))
                        .orElse(stage.left()))
                .max(Comparator.naturalOrder())
                .filter(end -> end.isAfter(finished))
                .orElse(finished);
        this.length = max(Duration.ofSeconds(1), Duration.between(started, last));
    }

    Markup chart() {
        var rows = Stream.concat(Stream.of(axis()), stages.stream().map(this::row));
        return all(Stream.of(
                gantt(rows),
                element(
                        "p",
                        "legend",
                        element("i", "bar", ""),
                        Markup.text("this execution"),
                        element("i", "usual", ""),
                        Markup.text("when AWS is usually done, as AWS or those who measured it say"))));
    }

    private Markup gantt(Stream<Markup> rows) {
        return new Markup(String.format(
                Locale.ROOT,
                "<div class=\"gantt\" style=\"--step:%.3f%%\">%s</div>",
                percent(step()),
                all(rows).html()));
    }

    private Markup axis() {
        var step = step();
        var lines = IntStream.iterate(0, line -> step.multipliedBy(line).compareTo(length) <= 0, line -> line + 1)
                .mapToObj(step::multipliedBy)
                .filter(at -> percent(at) < RIGHTMOST)
                .map(this::line);
        return element(
                "div",
                "row axis",
                element("span", "name", ""),
                element("span", "track", all(lines)),
                element("span", "took", ""));
    }

    private Markup line(Duration at) {
        return new Markup(String.format(Locale.ROOT, "<b style=\"left:%.2f%%\">%s</b>", percent(at), mark(at)));
    }

    private Markup row(StageTime stage) {
        var usual = AwsDuration.of(stage.stage());
        var from = Duration.between(started, stage.entered());
        var bar = Markup.across("bar", percent(from), Math.max(THINNEST, percent(stage.took())));
        return element(
                "div",
                "row",
                element("span", "name", stage.stage()),
                element("span", "track", usual.map(aws -> band(from, aws)).orElse(Markup.NONE), bar),
                element("span", "took", element("b", "", Words.took(stage.took())), note(stage, usual)));
    }

    private Markup band(Duration from, AwsDuration aws) {
        return Markup.across(
                "usual", percent(from.plus(aws.from())), percent(aws.to().minus(aws.from())));
    }

    private static Markup note(StageTime stage, Optional<AwsDuration> usual) {
        if (usual.isEmpty()) return Markup.NONE;
        var late = stage.took().compareTo(usual.get().to()) > 0;
        return element("small", late ? "late" : "", "AWS: " + usual.get().words());
    }

    private Duration step() {
        return STEPS.stream()
                .filter(step -> length.dividedBy(step) < MOST_LINES)
                .findFirst()
                .orElse(STEPS.getLast());
    }

    private static String mark(Duration at) {
        if (at.toDays() > 0) return at.toHoursPart() == 0 ? at.toDays() + " d" : at.toHours() + " h";
        return at.toHours() > 0 && at.toMinutesPart() == 0 ? at.toHours() + " h" : at.toMinutes() + " min";
    }

    private double percent(Duration time) {
        return 100.0 * time.toMillis() / length.toMillis();
    }

    private static Duration max(Duration one, Duration other) {
        return one.compareTo(other) >= 0 ? one : other;
    }
}
