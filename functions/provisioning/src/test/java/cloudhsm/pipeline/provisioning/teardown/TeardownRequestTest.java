package cloudhsm.pipeline.provisioning.teardown;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of a teardown's input. */
class TeardownRequestTest {
    private static String problems(String input) throws JsonProcessingException {
        var problems = new Problems();
        TeardownRequest.read(Json.MAPPER.readTree(input), problems);
        return problems.message();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"[] | an array", "null | null", "\"default\" | the text \"default\""})
    void whatIsNoObjectLacksNothingElse(String input, String type) throws JsonProcessingException {
        assertEquals("1. input: the execution input must be a JSON object, not " + type, problems(input));
    }

    @Test
    void anObjectLacksWhatHasNoDefault() throws JsonProcessingException {
        assertEquals("""
            1. deployment: is missing: the name of the deployment to tear down
            2. confirm: is missing: the name of the deployment once more
            3. data: is missing: DELETE (every version of every object, then the bucket), KEEP_READABLE (they go \
            under SSE-S3 or another KMS key) or KEEP (they stay and become unreadable)\
            """, problems("{}"));
    }
}
