package cloudhsm.pipeline.provisioning.teardown;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said of a teardown's input. */
class TeardownRequestTest {
    private static String problems(String input) throws JsonProcessingException {
        var problems = new Problems();
        TeardownRequest.read(Json.MAPPER.readTree(input), "adopting"::equals, problems);
        return problems.message();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"[] | an array", "null | null", "\"default\" | the text \"default\""})
    void whatIsNoObjectLacksNothingElse(String input, String type) throws JsonProcessingException {
        assertEquals("1. input: the execution input must be a JSON object, not " + type, problems(input));
    }

    /** Of a deployment with an adopted bucket, objects stay readable whatever the input says of the others. */
    @ParameterizedTest
    @ValueSource(strings = {"DELETE", "KEEP"})
    void aKeyForWhatStaysReadableGoesWithAnAdoptedBucketToo(String data) throws JsonProcessingException {
        var input = """
            {"deployment": "%s", "confirm": "%s", "data": "%s", "returnTo": "%s"%s}\
            """;
        var key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        var sentence = data.equals("KEEP") ? ", \"confirmUnreadable\": \"the objects of %s become unreadable\"" : "";
        assertEquals("", problems(input.formatted("adopting", "adopting", data, key, sentence.formatted("adopting"))));
        assertEquals(
                "1. returnTo: goes with \"data\": \"KEEP_READABLE\" or an adopted bucket only",
                problems(input.formatted("other", "other", data, key, sentence.formatted("other"))));
    }

    @Test
    void previousVersionsInAnAdoptedBucketMayGoWhereTheSentenceSaysSo() throws JsonProcessingException {
        var input = """
            {"deployment": "%s", "confirm": "%s", "data": "DELETE",
             "confirmUnreadable": "the previous versions of %s become unreadable"}\
            """;
        assertEquals("", problems(input.formatted("adopting", "adopting", "adopting")));
        assertEquals(
                "1. confirmUnreadable: goes with \"data\": \"KEEP\", or without \"returnTo\" with"
                        + " \"KEEP_READABLE\" or an adopted bucket, only",
                problems(input.formatted("other", "other", "other")));
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
