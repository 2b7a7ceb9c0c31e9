package cloudhsm.pipeline.localcloud.events;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;
import software.amazon.awssdk.services.eventbridge.model.EventBridgeException;
import software.amazon.awssdk.services.eventbridge.model.InvalidEventPatternException;
import software.amazon.awssdk.services.eventbridge.model.PutEventsRequestEntry;
import software.amazon.awssdk.services.eventbridge.model.ResourceNotFoundException;
import software.amazon.awssdk.services.eventbridge.model.Target;

class EventBridgeServiceTest {
    private static final String TYPE = "HSM State Change";

    private final LocalCloud cloud = LocalCloud.start();
    private final EventBridgeClient events = cloud.client(EventBridgeClient.builder());

    @AfterEach
    void close() {
        cloud.close();
    }

    private static PutEventsRequestEntry entry(String detail) {
        return PutEventsRequestEntry.builder()
                .source("cloudhsm.pipeline")
                .detailType(TYPE)
                .detail(detail)
                .resources("arn:aws:cloudhsm:eu-central-1:111122223333:cluster/cluster-1")
                .build();
    }

    /** A queue that the rule may fill. */
    private String queue(String name, String rule) {
        var arn = cloud.sqs().createQueue(name, Map.of());
        cloud.sqs().setQueueAttributes(arn, Map.of("Policy", """
            {"Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage",
             "Resource":"%s","Condition":{"ArnEquals":{"aws:SourceArn":"%s"}}}}\
            """.formatted(
                        arn, cloud.account().arn("events", "rule/" + rule))));
        return arn;
    }

    private String ruleToQueue() {
        events.putRule(put -> put.name("changes").eventPattern("{\"source\":[\"cloudhsm.pipeline\"]}"));
        var queue = queue("changes", "changes");
        target(Target.builder().id("queue").arn(queue).build());
        return queue;
    }

    private void target(Target target) {
        events.putTargets(put -> put.rule("changes").targets(target));
    }

    private List<String> bodies(String queue) {
        cloud.advance(Duration.ofSeconds(1));
        var bodies = new ArrayList<String>();
        cloud.sqs().receive(queue, 10).forEach(message -> {
            bodies.add(message.body());
            cloud.sqs().delete(queue, message.receiptHandle());
        });
        return bodies;
    }

    @Test
    void matchingEventArrivesWithItsWholeEnvelope() {
        var queue = ruleToQueue();
        events.putEvents(put -> put.entries(entry("{\"current\":\"ACTIVE\"}")));
        var event = Json.parse(bodies(queue).getFirst());
        assertEquals(TYPE, event.path("detail-type").asText());
        assertEquals("111122223333", event.path("account").asText());
        assertEquals("2026-11-02T09:00:00Z", event.path("time").asText());
        assertEquals("ACTIVE", event.path("detail").path("current").asText());
        assertEquals(1, event.path("resources").size());
    }

    @Test
    void wrongEntryFailsAloneAndTheCallSucceeds() {
        var answer = events.putEvents(put -> put.entries(
                entry("{}"),
                entry("no JSON"),
                entry("{}").toBuilder().source("aws.ec2").build()));
        assertEquals(2, answer.failedEntryCount());
        assertEquals("MalformedDetail", answer.entries().get(1).errorCode());
        assertEquals("NotAuthorizedForSource", answer.entries().get(2).errorCode());
    }

    @Test
    void elevenEntriesAreRefused() {
        var refused = assertThrows(
                EventBridgeException.class,
                () -> events.putEvents(put -> put.entries(java.util.Collections.nCopies(11, entry("{}")))));
        assertEquals("ValidationException", refused.awsErrorDetails().errorCode());
    }

    @Test
    void eventsCanBeLostDoubledAndLate() {
        var queue = ruleToQueue();
        cloud.events().loseNext(TYPE);
        cloud.events().deliverNextTwice(TYPE);
        cloud.events().delayNext(TYPE, Duration.ofMinutes(5));
        events.putEvents(put -> put.entries(entry("{\"n\":1}")));
        assertEquals(List.of(), bodies(queue));
        events.putEvents(put -> put.entries(entry("{\"n\":2}")));
        assertEquals(2, bodies(queue).size());
        events.putEvents(put -> put.entries(entry("{\"n\":3}")));
        assertEquals(List.of(), bodies(queue));
        cloud.advance(Duration.ofMinutes(4));
        events.putEvents(put -> put.entries(entry("{\"n\":4}")));
        assertEquals(1, bodies(queue).size(), "a later event overtakes the late one");
    }

    @Test
    void disabledRuleDeliversNothing() {
        var queue = ruleToQueue();
        events.disableRule(disable -> disable.name("changes"));
        events.putEvents(put -> put.entries(entry("{}")));
        assertEquals(List.of(), bodies(queue));
    }

    @Test
    void targetWithoutPermissionLosesTheEventOrLeavesItInTheDeadLetterQueue() {
        events.putRule(put -> put.name("changes").eventPattern("{\"source\":[\"cloudhsm.pipeline\"]}"));
        var closed = cloud.sqs().createQueue("closed", Map.of());
        target(Target.builder().id("queue").arn(closed).build());
        events.putEvents(put -> put.entries(entry("{}")));
        cloud.advance(Duration.ofSeconds(1));
        assertFalse(cloud.events().failedDeliveries().getFirst().deadLettered());
        var dead = queue("dead", "changes");
        target(Target.builder()
                .id("queue")
                .arn(closed)
                .deadLetterConfig(config -> config.arn(dead))
                .build());
        events.putEvents(put -> put.entries(entry("{}")));
        assertEquals(1, bodies(dead).size());
        assertTrue(cloud.events().failedDeliveries().getLast().deadLettered());
    }

    @Test
    void inputTransformerMakesTheTargetsOwnText() {
        events.putRule(put -> put.name("changes").eventPattern("{\"source\":[\"cloudhsm.pipeline\"]}"));
        var queue = queue("changes", "changes");
        target(Target.builder()
                .id("queue")
                .arn(queue)
                .inputTransformer(transformer -> transformer
                        .inputPathsMap(Map.of("to", "$.detail.current", "all", "$.detail"))
                        .inputTemplate("{\"state\": <to>, \"text\": \"now <to>\", \"detail\": <all>}"))
                .build());
        events.putEvents(put -> put.entries(entry("{\"current\":\"ACTIVE\"}")));
        assertEquals(
                Json.parse("{\"state\":\"ACTIVE\",\"text\":\"now ACTIVE\",\"detail\":{\"current\":\"ACTIVE\"}}"),
                Json.parse(bodies(queue).getFirst()));
    }

    @Test
    void rateFiresAgainAndAgain() {
        events.putRule(put -> put.name("changes").scheduleExpression("rate(5 minutes)"));
        var queue = queue("changes", "changes");
        target(Target.builder().id("queue").arn(queue).input("{\"tick\":true}").build());
        cloud.advance(Duration.ofMinutes(15));
        assertEquals(List.of("{\"tick\":true}", "{\"tick\":true}", "{\"tick\":true}"), bodies(queue));
    }

    @Test
    void ruleWithTargetsCannotBeDeleted() {
        ruleToQueue();
        assertThrows(EventBridgeException.class, () -> events.deleteRule(delete -> delete.name("changes")));
        events.removeTargets(remove -> remove.rule("changes").ids("queue"));
        events.deleteRule(delete -> delete.name("changes"));
        assertThrows(ResourceNotFoundException.class, () -> events.describeRule(get -> get.name("changes")));
    }

    @Test
    void patternsMatchAsDocumented() {
        var event = """
            {"id":"1","account":"111122223333","source":"s","time":"2026-11-02T09:00:00Z","region":"eu-central-1",
             "resources":["a","b"],"detail-type":"t","detail":{"n":5,"text":"Hello.log","list":["x","y"],"gone":null}}\
            """;
        var matching = List.of(
                "{\"resources\":[\"b\"]}",
                "{\"detail\":{\"n\":[{\"numeric\":[\">\",0,\"<=\",5]}]}}",
                "{\"detail\":{\"text\":[{\"prefix\":\"He\"}]}}",
                "{\"detail\":{\"text\":[{\"suffix\":\".log\"}]}}",
                "{\"detail\":{\"text\":[{\"wildcard\":\"H*o.l*\"}]}}",
                "{\"detail\":{\"text\":[{\"equals-ignore-case\":\"hello.LOG\"}]}}",
                "{\"detail\":{\"text\":[{\"anything-but\":[\"x\"]}]}}",
                "{\"detail\":{\"text\":[{\"anything-but\":{\"prefix\":\"x\"}}]}}",
                "{\"detail\":{\"none\":[{\"exists\":false}],\"n\":[{\"exists\":true}]}}",
                "{\"detail\":{\"gone\":[null]}}",
                "{\"$or\":[{\"source\":[\"z\"]},{\"detail\":{\"list\":[\"y\"]}}]}");
        for (var pattern : matching) assertTrue(test(pattern, event), pattern);
        var others = List.of(
                "{\"detail\":{\"n\":[\"5\"]}}",
                "{\"detail\":{\"n\":[{\"numeric\":[\">\",5]}]}}",
                "{\"detail\":{\"text\":[{\"anything-but\":{\"prefix\":\"He\"}}]}}",
                "{\"detail\":{\"none\":[{\"anything-but\":[\"x\"]}]}}",
                "{\"detail\":{\"n\":[{\"exists\":false}]}}",
                "{\"$or\":[{\"source\":[\"z\"]},{\"source\":[\"y\"]}]}");
        for (var pattern : others) assertFalse(test(pattern, event), pattern);
    }

    private boolean test(String pattern, String event) {
        return events.testEventPattern(test -> test.eventPattern(pattern).event(event))
                .result();
    }

    @Test
    void patternThatCouldNeverMatchIsRefused() {
        for (var bad : List.of("{\"source\":\"s\"}", "{}", "{\"a\":[]}", "{\"a\":[{\"starts\":\"x\"}]}", "no")) {
            assertThrows(
                    InvalidEventPatternException.class,
                    () -> events.putRule(put -> put.name("r").eventPattern(bad)),
                    bad);
        }
    }

    @Test
    void topicTakesEventsOnlyWhereItsPolicyAllowsIt() {
        var topic = cloud.sns().createTopic("alerts", Map.of());
        var rule = cloud.account().arn("events", "rule/r");
        assertThrows(AwsException.class, () -> cloud.sns().publishAs("events.amazonaws.com", rule, topic, "", "x"));
        cloud.sns().setTopicAttribute(topic, "Policy", """
            {"Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sns:Publish",
             "Resource":"%s"}}\
            """.formatted(topic));
        cloud.sns().publishAs("events.amazonaws.com", rule, topic, "", "x");
        assertEquals("x", cloud.sns().published().getFirst().message());
    }
}
