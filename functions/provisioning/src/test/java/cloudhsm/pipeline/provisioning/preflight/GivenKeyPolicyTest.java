package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which key policies of an input are for somebody; those that are for everybody are among the bad inputs. */
class GivenKeyPolicyTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::111122223333:root'}",
                "'Effect': 'Allow', 'Principal': {'Service': 's3.amazonaws.com'}",
                "'Effect': 'Deny', 'Principal': '*'",
                "'Effect': 'Deny', 'NotPrincipal': {'AWS': 'arn:aws:iam::111122223333:root'}",
                "'Effect': 'Allow', 'Principal': '*',"
                        + " 'Condition': {'StringEquals': {'kms:CallerAccount': '111122223333'}}",
                "'Effect': 'Allow', 'Principal': {'AWS': ['*']},"
                        + " 'Condition': {'StringEquals': {'aws:PrincipalOrgID': ['o-a1b2c3', 'o-d4e5f6']}}",
                "'Effect': 'Allow', 'Principal': '*',"
                        + " 'Condition': {'ArnLike': {'aws:principalarn': 'arn:aws:iam::111122223333:role/reader-*'}}"
            })
    void aStatementThatSaysWhoseRequestItIsIsNotForEverybody(String statement) throws JsonProcessingException {
        var policy = "{'Statement': {%s, 'Action': 'kms:*', 'Resource': '*'}}".formatted(statement);
        assertEquals(List.of(), GivenKeyPolicy.statementsForEverybody(Json.MAPPER.readTree(policy.replace('\'', '"'))));
    }
}
