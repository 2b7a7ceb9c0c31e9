package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.runlocal.doctor.Finding.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Everything that was found, told as it is found. */
final class Findings {
    private final Consumer<Finding> listener;
    private final List<Finding> all = new ArrayList<>();

    Findings(Consumer<Finding> listener) {
        this.listener = listener;
    }

    List<Finding> all() {
        return List.copyOf(all);
    }

    void right(String check, String found) {
        add(check, Verdict.RIGHT, found, "");
    }

    void noted(String check, String found, String next) {
        add(check, Verdict.NOTED, found, next);
    }

    void wrong(String check, String found, String next) {
        add(check, Verdict.WRONG, found, next);
    }

    private void add(String check, Verdict verdict, String found, String next) {
        var finding = new Finding(check, verdict, oneLine(found), oneLine(next));
        all.add(finding);
        listener.accept(finding);
    }

    /** What AWS says, and what is in parameters, may have many. */
    private static String oneLine(String text) {
        return text.replaceAll("\\s+", " ").strip();
    }

    /** A check that asks AWS; where AWS does not answer, that is what it found. */
    void look(String check, Runnable asking) {
        try {
            asking.run();
        } catch (AwsFailure failure) {
            unseen(check, failure);
        }
    }

    void unseen(String check, AwsFailure failure) {
        add(check, Verdict.UNSEEN, failure.getMessage(), failure.next());
    }

    /** Whether AWS has shown nothing at all. */
    boolean areBlind() {
        return all.stream().allMatch(finding -> finding.verdict() == Verdict.UNSEEN);
    }

    /** 1 if something is wrong, else 2 if something could not be seen, else 0. */
    int exitCode() {
        if (all.stream().anyMatch(finding -> finding.verdict() == Verdict.WRONG)) return 1;
        return all.stream().anyMatch(finding -> finding.verdict() == Verdict.UNSEEN) ? 2 : 0;
    }
}
