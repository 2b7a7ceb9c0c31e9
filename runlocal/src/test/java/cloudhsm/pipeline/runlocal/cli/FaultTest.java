package cloudhsm.pipeline.runlocal.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class FaultTest {
    @Test
    void theMenuShowsEachFaultWithItsMeaningAndAnExampleThatCanBeGiven() {
        var menu = new StringWriter();
        assertEquals(
                0,
                new CommandLine(new FaultMenu()).setOut(new PrintWriter(menu)).execute());
        var examples = Pattern.compile("./run-local --fault '([^']+)'\\R    \\w.{20,}")
                .matcher(menu.toString())
                .results()
                .map(match -> Fault.parse(match.group(1)).kind())
                .toList();
        assertEquals(List.of(Fault.Kind.values()), examples, menu::toString);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "call:throttled:kms:CreateKey",
                "call:throttled:kms:CreateKey:0",
                "call:throttled:kms:CreateKey:first",
                "hsm:degraded:a",
                "hsm:replaced:",
                "hsm:refused:b",
                "hsm:lost:soon",
                "hsm:lost:0",
                "connection:NO_SUCH_CODE",
            })
    void aFaultThatLacksSomethingIsAnsweredWithAnExample(String text) {
        var refused = assertThrows(IllegalArgumentException.class, () -> Fault.parse(text));
        assertTrue(refused.getMessage().contains(", as in "), refused::getMessage);
    }

    @Test
    void anUnknownFaultIsAnsweredWithTheMenu() {
        var refused = assertThrows(IllegalArgumentException.class, () -> Fault.parse("hsm:on-fire:eu-central-1a"));
        assertTrue(refused.getMessage().contains("hsm:degraded:ZONE"), refused::getMessage);
    }

    @Test
    void aConnectionErrorCodeThatDoesNotExistIsAnsweredWithTheCodesThatDo() {
        var refused = assertThrows(IllegalArgumentException.class, () -> Fault.parse("connection:TOO_SLOW"));
        assertTrue(refused.getMessage().contains("USER_LOCKED_OUT"), refused::getMessage);
    }
}
