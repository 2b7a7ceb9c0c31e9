package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The rows of a CSV file as items: objects of text, by header. Quoting is RFC 4180's. */
final class CsvItems {
    /** By the names of CSVDelimiter. */
    static final Map<String, Character> DELIMITERS =
            Map.of("COMMA", ',', "PIPE", '|', "SEMICOLON", ';', "SPACE", ' ', "TAB", '\t');

    private CsvItems() {}

    /**
     * @param config a ReaderConfig
     * @throws StateFailure States.ItemReaderFailed where a row has more fields than headers
     */
    static List<JsonNode> read(String text, JsonNode config) {
        var rows = rows(text, DELIMITERS.get(config.path("CSVDelimiter").asText("COMMA")));
        var headers = new ArrayList<String>();
        config.path("CSVHeaders").forEach(header -> headers.add(header.asText()));
        if (headers.isEmpty() && !rows.isEmpty()) headers.addAll(rows.removeFirst());
        var items = new ArrayList<JsonNode>();
        for (var row : rows) {
            if (row.size() > headers.size()) {
                throw new StateFailure(
                        "States.ItemReaderFailed",
                        "Row " + (items.size() + 1) + " of the CSV file has " + row.size() + " fields, but there are "
                                + headers.size() + " headers");
            }
            var item = Json.object();
            // AWS fills short rows up with empty strings.
            for (int i = 0; i < headers.size(); i++) item.put(headers.get(i), i < row.size() ? row.get(i) : "");
            items.add(item);
        }
        return items;
    }

    private static List<List<String>> rows(String text, char delimiter) {
        var rows = new ArrayList<List<String>>();
        var row = new ArrayList<String>();
        var field = new StringBuilder();
        var quoted = false;
        for (int i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            if (quoted) {
                if (c != '"') {
                    field.append(c);
                } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
                    field.append('"');
                    i++;
                } else {
                    quoted = false;
                }
            } else if (c == '"') {
                quoted = true;
            } else if (c == delimiter) {
                row.add(take(field));
            } else if (c == '\n') {
                endRow(rows, row, field);
            } else if (c != '\r') {
                field.append(c);
            }
        }
        endRow(rows, row, field);
        return rows;
    }

    private static void endRow(List<List<String>> rows, List<String> row, StringBuilder field) {
        if (row.isEmpty() && field.isEmpty()) return;
        row.add(take(field));
        rows.add(List.copyOf(row));
        row.clear();
    }

    private static String take(StringBuilder field) {
        var text = field.toString();
        field.setLength(0);
        return text;
    }
}
