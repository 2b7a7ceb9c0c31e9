package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/** The fields of an input against its schema. Values are Preflight's to judge, which does so before anything bills. */
final class InputFields {
    private static final String SCHEMA = "events/provision.schema.json";

    private final Findings findings;
    private final Path root;

    InputFields(Findings findings, Path root) {
        this.findings = findings;
        this.root = root;
    }

    void check(JsonNode input) {
        if (input.isEmpty() && input.isObject()) return;
        var unknown = new TreeSet<String>();
        try {
            collect(input, Json.parse(Files.readString(root.resolve(SCHEMA))), "", unknown);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        if (!input.isObject()) findings.wrong("input", "it is no JSON object.", "give an object, such as {}");
        else if (unknown.isEmpty()) findings.right("input", "every field is one that the provisioning knows.");
        else
            findings.wrong(
                    "input",
                    "the provisioning does not know " + String.join(", ", unknown) + ".",
                    "correct or remove what is named; " + SCHEMA + " has all fields");
    }

    private static void collect(JsonNode input, JsonNode schema, String prefix, Set<String> unknown) {
        if (!schema.has("properties") || !input.isObject()) return;
        for (var field : input.properties()) {
            var known = schema.path("properties").path(field.getKey());
            if (known.isMissingNode()) unknown.add(prefix + field.getKey());
            else collect(field.getValue(), known, prefix + field.getKey() + ".", unknown);
        }
    }
}
