package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What comments in the code cite, and what they say that nobody says: each is to be found in docs. */
class SourcesTest {
    private static final Path ROOT = LocalDeployment.projectRoot();

    /** A citation: {@code [KEY]}, {@code [KEY:page]}, or several with semicolons between them. */
    private static final Pattern CITED = Pattern.compile("\\[([A-Za-z][^\\[\\]]*)]");

    private static final Pattern PAGE = Pattern.compile("\\b([a-z-]+\\.md)\\b");
    private static final Pattern ASSUMED = Pattern.compile("\\s*// Assumed: ([a-z-]+)");

    /** Words that say in another way than the mark that something has no source. */
    private static final Pattern UNMARKED = Pattern.compile(
            "(?i)assumed|assumption|not documented|undocumented|\\bno source|unverified|stricter reading");

    /** A line of a comment; {@code text} is without what is code in it. */
    private record Comment(Path file, String line) {
        String text() {
            return line.replaceAll("\\{@code [^}]*}", "");
        }

        @Override
        public String toString() {
            return ROOT.relativize(file) + ": " + line.strip();
        }
    }

    @Test
    void everythingThatACommentCitesIsInTheListOfSources() throws IOException {
        var keys = firstCells("docs/sources.md", "\n# Sources\n").stream()
                .flatMap(cell -> Stream.of(cell.split(", ")))
                .map(key -> Pattern.quote(key.replaceAll("#n$", "").replaceAll(":`.*", ""))
                        + (key.endsWith("#n") ? "#\\d+" : "")
                        + (key.contains("`:`") ? ":[a-z0-9]+" : "")
                        + (key.contains("`") ? ":[A-Za-z0-9_-]+" : ""))
                .toList();
        assertTrue(keys.size() > 20, keys::toString);
        var known = Pattern.compile(String.join("|", keys));
        var unknown = new ArrayList<String>();
        var found = 0;
        for (var comment : comments("localcloud", "functions", "runlocal")) {
            for (var cited : CITED.matcher(comment.text()).results().toList()) {
                for (var source : cited.group(1).split("; ")) {
                    found++;
                    if (!known.matcher(source).matches()) unknown.add(source + " in " + comment);
                }
            }
        }
        assertTrue(found > 80, "the citations are not found any more: " + found);
        assertEquals(List.of(), unknown, "name a row of docs/sources.md");
    }

    @Test
    void everyPageOfDocsThatACommentNamesExists() throws IOException {
        var missing = new ArrayList<String>();
        for (var comment : comments("localcloud", "functions", "runlocal", "endtoend")) {
            for (var page : PAGE.matcher(comment.text()).results().toList()) {
                if (!Files.exists(ROOT.resolve("docs").resolve(page.group(1)))) missing.add(comment.toString());
            }
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void everyAssumptionIsInTheListOfLimitsAndTheOtherWayRound() throws IOException {
        var marks = new TreeSet<String>();
        for (var comment : comments("localcloud", "functions", "runlocal")) {
            var mark = ASSUMED.matcher(comment.line());
            if (mark.matches()) marks.add(mark.group(1));
        }
        assertEquals(firstCells("docs/limits.md", "\n## What the embedded AWS assumes\n"), marks);
    }

    @Test
    void whatNoSourceSaysIsMarkedInOneWay() throws IOException {
        var otherwise = comments("localcloud").stream()
                .filter(comment -> !ASSUMED.matcher(comment.line()).matches())
                .filter(comment -> UNMARKED.matcher(comment.text()).find())
                .map(Comment::toString)
                .toList();
        assertEquals(List.of(), otherwise, "mark the code with // Assumed: and a row of docs/limits.md");
    }

    /** The lines of the comments of the modules' Java sources, tests aside except in endtoend, which has nothing else. */
    private static List<Comment> comments(String... modules) throws IOException {
        var comments = new ArrayList<Comment>();
        for (var module : modules) {
            var sources = module.equals("endtoend") ? "/src/test/java/" : "/src/main/java/";
            try (var files = Files.walk(ROOT.resolve(module))) {
                for (var file : files.filter(file -> file.toString().endsWith(".java")
                                && file.toString().contains(sources))
                        .sorted()
                        .toList()) {
                    Files.readAllLines(file).stream()
                            .filter(line -> line.strip().matches("(//|/\\*|\\*).*"))
                            .forEach(line -> comments.add(new Comment(file, line)));
                }
            }
        }
        return comments;
    }

    private static Set<String> firstCells(String page, String heading) throws IOException {
        var text = "\n" + Files.readString(ROOT.resolve(page));
        var start = text.indexOf(heading);
        assertTrue(start >= 0, () -> page + " has no section " + heading.strip());
        var end = text.indexOf("\n## ", start + heading.length());
        return text.substring(start, end < 0 ? text.length() : end)
                .lines()
                .filter(line -> line.startsWith("| "))
                .skip(1)
                .map(line -> line.split("\\|")[1].strip())
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
