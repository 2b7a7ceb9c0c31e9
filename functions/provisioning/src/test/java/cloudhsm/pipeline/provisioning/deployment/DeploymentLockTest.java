package cloudhsm.pipeline.provisioning.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.sfn.SfnClient;

class DeploymentLockTest {
    private static final String NAME = TestAccount.DEPLOYMENT;

    private final TestAccount aws = new TestAccount();
    private final DynamoDbClient dynamoDb = aws.client(DynamoDbClient.builder());
    private final DeploymentLock lock = new DeploymentLock(dynamoDb, aws.states, PipelineTable.NAME);

    @BeforeEach
    void createTable() {
        PipelineTable.create(dynamoDb, aws.cloud);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private String running(String name) {
        return aws.runningExecution(name);
    }

    private void stop(String execution) {
        aws.states.stopExecution(request -> request.executionArn(execution));
    }

    private void redrive(String execution) {
        aws.states.redriveExecution(request -> request.executionArn(execution));
    }

    @Test
    void whoComesSecondIsToldWhoHoldsIt() {
        var first = running("first");
        assertEquals(Optional.empty(), lock.take(NAME, first));
        assertEquals(Optional.of(first), lock.take(NAME, running("second")));
        assertEquals(Optional.empty(), lock.take(NAME, first), "its holder takes it as often as it likes");
    }

    @Test
    void exactlyOneOfManyTakesOverFromADeadExecution() throws Exception {
        var dead = running("dead");
        lock.take(NAME, dead);
        stop(dead);
        var takers = new ArrayList<String>();
        for (int each = 0; each < 8; each++) takers.add(running("taker-" + each));
        List<Optional<String>> answers;
        try (var threads = Executors.newFixedThreadPool(takers.size())) {
            answers = threads
                    .invokeAll(takers.stream()
                            .map(taker -> (Callable<Optional<String>>) () -> lock.take(NAME, taker))
                            .toList())
                    .stream()
                    .map(answer -> answer.resultNow())
                    .toList();
        }
        var winner = takers.get(answers.indexOf(Optional.<String>empty()));
        for (int each = 0; each < takers.size(); each++) {
            assertEquals(
                    takers.get(each).equals(winner) ? Optional.empty() : Optional.of(winner),
                    answers.get(each),
                    "two executions that make the same things would pay for both");
        }
    }

    @Test
    void aRedrivenExecutionKeepsItsLock() {
        var first = running("first");
        lock.take(NAME, first);
        stop(first);
        redrive(first);
        assertEquals(Optional.empty(), lock.keep(NAME, first));
        assertEquals(Optional.of(first), lock.take(NAME, running("second")));
    }

    @Test
    void aRedrivenExecutionIsToldWhoHasTakenOver() {
        var first = running("first");
        lock.take(NAME, first);
        stop(first);
        var second = running("second");
        lock.take(NAME, second);
        redrive(first);
        assertEquals(Optional.of(second), lock.keep(NAME, first));
        stop(second);
        assertEquals(Optional.of(second), lock.keep(NAME, first), "what the second one has done is not known to it");
        assertEquals(Optional.empty(), lock.take(NAME, first), "from its start on it looks at everything again");
    }

    @Test
    void aRedriveJustAfterTheLookAtADeadHolderIsNotMissed() {
        var first = running("first");
        lock.take(NAME, first);
        stop(first);
        var second = running("second");
        try (var slow = aws.client(SfnClient.builder(), new ExecutionInterceptor() {
            private boolean redriven;

            @Override
            public void afterExecution(Context.AfterExecution context, ExecutionAttributes attributes) {
                if (redriven) return;
                redriven = true;
                redrive(first);
                lock.keep(NAME, first);
            }
        })) {
            assertEquals(Optional.of(first), new DeploymentLock(dynamoDb, slow, PipelineTable.NAME).take(NAME, second));
        }
        assertEquals(Optional.empty(), lock.keep(NAME, first));
    }

    @Test
    void deploymentsDoNotLockEachOther() {
        lock.take(NAME, running("first"));
        assertEquals(Optional.empty(), lock.take("other", running("second")));
    }
}
