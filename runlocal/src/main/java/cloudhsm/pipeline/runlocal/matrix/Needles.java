package cloudhsm.pipeline.runlocal.matrix;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Many texts that are looked for in one pass over another. */
final class Needles {
    /** How many characters of each are compared before the rest. */
    private static final int START = 8;

    /** By the hash of their first characters. */
    private final Map<Long, List<String>> byStart = new HashMap<>();

    /** Which low halves of those hashes occur at all: nearly every position ends here. */
    private final boolean[] occurs = new boolean[1 << 16];

    private final List<String> shorter = new ArrayList<>();

    Needles(Collection<String> needles) {
        for (var needle : needles) {
            if (needle.length() < START) {
                shorter.add(needle);
                continue;
            }
            var start = 0L;
            for (var i = 0; i < START; i++) start = start << 8 ^ needle.charAt(i);
            byStart.computeIfAbsent(start, any -> new ArrayList<>()).add(needle);
            occurs[slot(start)] = true;
        }
    }

    private static int slot(long start) {
        return (int) (start * 0x9E3779B97F4A7C15L >>> 48);
    }

    /** Those that are part of the text. */
    Set<String> in(String text) {
        var found = new LinkedHashSet<String>();
        for (var needle : shorter) {
            if (text.contains(needle)) found.add(needle);
        }
        var start = 0L;
        for (var end = 0; end < text.length(); end++) {
            start = start << 8 ^ text.charAt(end);
            if (end < START - 1 || !occurs[slot(start)]) continue;
            for (var needle : byStart.getOrDefault(start, List.of())) {
                if (text.startsWith(needle, end - START + 1)) found.add(needle);
            }
        }
        return found;
    }
}
