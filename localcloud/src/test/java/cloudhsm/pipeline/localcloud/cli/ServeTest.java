package cloudhsm.pipeline.localcloud.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class ServeTest {
    @ParameterizedTest
    @CsvSource({"--speed, 0", "--speed, -1", "--speed, fast", "--port, 70000"})
    void wrongOptionEndsWithStatus2AndItsName(String option, String value) {
        var error = new StringWriter();
        var status =
                new CommandLine(new RunLocal()).setErr(new PrintWriter(error)).execute("serve", option, value);
        assertEquals(2, status);
        assertTrue(error.toString().contains(option), error.toString());
    }
}
