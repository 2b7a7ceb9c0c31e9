package cloudhsm.pipeline.localcloud.authorization;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a policy says of a request. */
class PolicyDocumentTest {
    private static PolicyDocument where(String condition) {
        return PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*", "Condition": %s}}\
            """.formatted(condition.replace('\'', '"'))));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '|',
            value = {
                "{'NumericEquals': {'hops': 1}},               1,  ALLOWED",
                "{'NumericEquals': {'hops': '1'}},             01, ALLOWED",
                "{'NumericEquals': {'hops': 1}},               2,  NOT_MENTIONED",
                "{'NumericLessThanEquals': {'hops': 1}},       1,  ALLOWED",
                "{'NumericLessThan': {'hops': 1}},             1,  NOT_MENTIONED",
                "{'NumericGreaterThan': {'hops': 9}},          10, ALLOWED",
                "{'NumericGreaterThanEquals': {'hops': 11}},   10, NOT_MENTIONED"
            })
    void numbersAreComparedAsNumbers(String condition, String hops, Decision expected) {
        assertEquals(expected, where(condition).decide(Set.of(), "ec2:RunInstances", "*", Map.of("hops", hops)));
    }

    @Test
    void aNumberThatIsNotSentIsNotAllowed() {
        assertEquals(
                Decision.NOT_MENTIONED,
                where("{'NumericEquals': {'hops': 1}}").decide(Set.of(), "ec2:RunInstances", "*", Map.of()));
    }

    /** Step Functions, EventBridge and Scheduler name what they act for; Lambda and EC2 do not. */
    @Test
    void aTrustPolicyThatAsksForTheSourceKeepsOutServicesThatNameNone() {
        var role = new Role("r", "arn:aws:iam::111122223333:role/r", PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": ["states.amazonaws.com", "lambda.amazonaws.com"]},
             "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}}\
            """)));
        var source = Optional.of("arn:aws:states:eu-central-1:111122223333:stateMachine:any");
        assertTrue(Iam.mayAssume("states.amazonaws.com", role, source));
        assertFalse(Iam.mayAssume("lambda.amazonaws.com", role, Optional.empty()));
    }
}
