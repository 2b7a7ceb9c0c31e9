package cloudhsm.pipeline.runlocal.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServeTest {
    @ParameterizedTest
    @CsvSource({
        "--speed, 0",
        "--speed, -1",
        "--speed, fast",
        "--speed, NaN",
        "--speed, Infinity",
        "--speed, 86401",
        "--speed, 1e-9",
        "--port, 70000"
    })
    void wrongOptionEndsWithStatus2AndItsName(String option, String value) {
        var error = new StringWriter();
        var status = RunLocal.commandLine().setErr(new PrintWriter(error)).execute("serve", option, value);
        assertEquals(2, status);
        assertTrue(error.toString().contains(option), error.toString());
    }

    @Test
    void whatIsExportedLetsAnOutsideClientIn() {
        try (var cloud = LocalCloud.start("us-east-1", 0, 1, Optional.of("it's a secret"))) {
            var variables = Pattern.compile("(AWS_\\w+)=(\\S+)")
                    .matcher(Serve.exports(cloud))
                    .results()
                    .collect(Collectors.toMap(match -> match.group(1), match -> match.group(2)));
            assertEquals(cloud.uri().toString(), variables.get("AWS_ENDPOINT_URL"));
            assertEquals("test", variables.get("AWS_ACCESS_KEY_ID"));
            assertEquals("us-east-1", variables.get("AWS_DEFAULT_REGION"));
            assertTrue(Serve.exports(cloud).endsWith("='it'\\''s a secret'"), "as a shell reads it");
        }
    }
}
