package cloudhsm.pipeline.localcloud.cloudhsm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The words of a command, and its options by name.
 *
 * @param words what is neither an option nor an option's value
 * @param options each given once; an option without a value has the value ""
 */
record CommandLine(List<String> words, Map<String, String> options) {
    CommandLine {
        words = List.copyOf(words);
        options = Map.copyOf(options);
    }

    /**
     * @param flags options that take no value
     * @throws CliException usage, where an option lacks its value or is given twice
     */
    static CommandLine parse(List<String> arguments, Set<String> flags) {
        var words = new ArrayList<String>();
        var options = new LinkedHashMap<String, String>();
        for (var remaining = arguments.iterator(); remaining.hasNext(); ) {
            var argument = remaining.next();
            if (!argument.startsWith("--")) {
                words.add(argument);
                continue;
            }
            var equals = argument.indexOf('=');
            var name = equals < 0 ? argument : argument.substring(0, equals);
            var value = "";
            if (equals >= 0) value = argument.substring(equals + 1);
            else if (!flags.contains(name)) {
                if (!remaining.hasNext()) {
                    throw CliException.usage("error: a value is required for '" + name + "' but none was supplied");
                }
                value = remaining.next();
            }
            if (options.put(name, value) != null) {
                throw CliException.usage("error: the argument '" + name + "' cannot be used multiple times");
            }
        }
        return new CommandLine(words, options);
    }

    /** Splits a line typed in interactive mode: quotes hold words together, a backslash takes the next character. */
    static List<String> split(String line) {
        var words = new ArrayList<String>();
        var word = new StringBuilder();
        var started = false;
        var quote = '\0';
        for (int i = 0; i < line.length(); i++) {
            var c = line.charAt(i);
            if (c == '\\' && quote != '\'' && i + 1 < line.length()) {
                word.append(line.charAt(++i));
                started = true;
            } else if (quote != '\0') {
                if (c == quote) quote = '\0';
                else word.append(c);
            } else if (c == '"' || c == '\'') {
                quote = c;
                started = true;
            } else if (Character.isWhitespace(c)) {
                if (started) words.add(word.toString());
                word.setLength(0);
                started = false;
            } else {
                word.append(c);
                started = true;
            }
        }
        if (quote != '\0') throw CliException.usage("error: a quote is not closed");
        if (started) words.add(word.toString());
        return words;
    }

    String command() {
        return String.join(" ", words);
    }

    Optional<String> option(String name) {
        return Optional.ofNullable(options.get(name));
    }

    String required(String name) {
        return option(name)
                .orElseThrow(
                        () -> CliException.usage("error: the following required arguments were not provided: " + name));
    }

    /** @throws CliException usage, where there is an option that the command does not have */
    void allowOnly(Set<String> known) {
        for (var name : options.keySet()) {
            if (!known.contains(name)) throw CliException.usage("error: unexpected argument '" + name + "' found");
        }
    }
}
