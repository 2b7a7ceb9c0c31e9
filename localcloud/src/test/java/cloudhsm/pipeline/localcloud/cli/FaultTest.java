package cloudhsm.pipeline.localcloud.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class FaultTest {
    @ParameterizedTest
    @EnumSource(Fault.Kind.class)
    void everyExampleOfTheMenuCanBeGiven(Fault.Kind kind) {
        assertEquals(kind, Fault.parse(kind.example()).kind());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "call:throttled:kms:CreateKey",
                "call:throttled:kms:CreateKey:0",
                "call:throttled:kms:CreateKey:first",
                "hsm:degraded:a",
                "hsm:replaced:",
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
