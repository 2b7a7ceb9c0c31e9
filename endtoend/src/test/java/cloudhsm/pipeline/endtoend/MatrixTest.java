package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.runlocal.cli.RunLocal;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

/** The fault matrix: a few of its cells, and that it can fail. The whole of it is a command of its own. */
class MatrixTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aSampleOfTheMatrixEndsLikeTheCleanRun() {
        assertEquals(0, run("--sample", "2", "--seed", "7"), () -> out.toString() + err);
        assertTrue(out.toString().endsWith("cells 2, failed 0" + System.lineSeparator()), out::toString);
    }

    @Test
    void anHsmWhoseCreatorDiedIsFoundAndNotBoughtTwice() {
        var exit = run("--cell", "CreateHsmsFunction/cloudhsm:CreateHsm:1=function-killed");
        assertEquals(0, exit, () -> out.toString() + err);
    }

    @Test
    void aCellThatShowsNothingFailsAndSaysHowToRepeatIt() {
        var cell = "CreateKeyFunction/kms:CreateKey:7=throttled";
        assertEquals(1, run("--cell", cell));
        assertTrue(out.toString().contains("./run-local matrix --of provision --cell '" + cell + "'"), out::toString);
        assertTrue(out.toString().contains("never made"), out::toString);
        assertTrue(out.toString().endsWith("cells 1, failed 1" + System.lineSeparator()), out::toString);
    }

    @Test
    void aCellThatCannotBeReadExitsWith2() {
        assertEquals(2, run("--cell", "kms:CreateKey:7=on-fire"));
        assertTrue(err.toString().contains("FUNCTION/SERVICE:OPERATION:NUMBER=KIND"), err::toString);
        assertEquals(2, run("--of", "nothing"));
    }

    private int run(String... arguments) {
        var command = new String[arguments.length + 1];
        command[0] = "matrix";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        return RunLocal.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(command);
    }
}
