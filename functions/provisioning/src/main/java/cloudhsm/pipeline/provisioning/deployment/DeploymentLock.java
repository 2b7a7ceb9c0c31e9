package cloudhsm.pipeline.provisioning.deployment;

import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.ExecutionDoesNotExistException;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * Lets one execution at a time work on a deployment. The lock names its holder; an execution that does not run any more
 * holds nothing, so nobody has to unlock after a crash.
 */
public final class DeploymentLock {
    private static final String PARTITION = "LOCK";

    private final DynamoDbClient dynamoDb;
    private final SfnClient states;
    private final String table;

    /** @param table with the keys pk and sk */
    public DeploymentLock(DynamoDbClient dynamoDb, SfnClient states, String table) {
        this.dynamoDb = dynamoDb;
        this.states = states;
        this.table = table;
    }

    /**
     * Takes the lock, from a dead holder if need be. Whoever has it already keeps it.
     *
     * @param execution ARN of the execution that wants it
     * @return ARN of the running execution that has it instead; empty if it was taken
     */
    public Optional<String> take(String deployment, String execution) {
        var held = holding(deployment);
        while (held.isPresent()
                && (held.get().by(execution) || !isRunning(held.get().execution()))) {
            if (replace(deployment, held.get(), execution)) return Optional.empty();
            held = holding(deployment);
        }
        if (held.isEmpty() && !create(deployment, execution)) return take(deployment, execution);
        return held.map(Holding::execution);
    }

    /** What came of asking for the lock of a deployment that another execution may be at work on. */
    public sealed interface TakeOver {
        /**
         * The execution has the lock.
         *
         * @param interrupted ARN of the execution that was stopped for it, or ""
         */
        record Taken(String interrupted) implements TakeOver {}

        /** @param holder ARN of the execution that has it and goes on */
        record Held(String holder) implements TakeOver {}

        /** @param holder ARN of the execution that was told to stop and holds the lock for as long as it still runs */
        record Stopping(String holder) implements TakeOver {}
    }

    /**
     * Takes the lock as {@link #take} does.
     *
     * @param interrupt whether a holder that runs is stopped, for an execution that cannot wait; not one of the same
     *     state machine: a second start of the same must not stop the first
     */
    public TakeOver takeOver(String deployment, String execution, boolean interrupt) {
        var holder = take(deployment, execution);
        if (holder.isEmpty()) return new TakeOver.Taken("");
        if (!interrupt || !interrupt(holder.get(), execution)) return new TakeOver.Held(holder.get());
        return take(deployment, execution)
                .<TakeOver>map(TakeOver.Stopping::new)
                .orElseGet(() -> new TakeOver.Taken(holder.get()));
    }

    /** Whether the holder was told to stop. */
    private boolean interrupt(String holder, String execution) {
        if (stateMachine(holder).equals(stateMachine(execution))) return false;
        states.stopExecution(stop -> stop.executionArn(holder)
                .error("INTERRUPTED")
                .cause("This execution was stopped by " + execution + ", which was started with \"interrupt\": true, by"
                        + " a person or by a limit of time or cost. Next: wait for its end; then, if this was a"
                        + " teardown, start it again with the same input; if not, start a provisioning execution with"
                        + " the deployment's name, which continues from what exists, with other limits if one was"
                        + " reached."));
        return true;
    }

    /** The execution's ARN without its name. */
    private static String stateMachine(String execution) {
        return execution.substring(0, execution.lastIndexOf(':') + 1);
    }

    /** Gives the lock back, if the execution has it. */
    public void release(String deployment, String execution) {
        happens(() -> dynamoDb.deleteItem(request -> request.tableName(table)
                .key(key(deployment))
                .conditionExpression("execution = :holder")
                .expressionAttributeValues(Map.of(":holder", AttributeValue.fromS(execution)))));
    }

    /**
     * Makes sure that an execution which once took the lock still has it: while it had failed or was stopped, before a
     * redrive, another one may have taken over.
     *
     * @return ARN of the execution that has taken over; empty if none has, and none will while this one runs
     */
    public Optional<String> keep(String deployment, String execution) {
        try {
            // A new turn spoils the take-over by whoever saw this execution dead just before its redrive.
            dynamoDb.updateItem(request -> request.tableName(table)
                    .key(key(deployment))
                    .updateExpression("SET turn = turn + :one")
                    .conditionExpression("execution = :execution")
                    .expressionAttributeValues(
                            Map.of(":one", AttributeValue.fromN("1"), ":execution", AttributeValue.fromS(execution)))
                    .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD));
            return Optional.empty();
        } catch (ConditionalCheckFailedException lost) {
            var item = lost.item();
            return Optional.of(
                    item == null || item.isEmpty()
                            ? "no execution any more"
                            : item.get("execution").s());
        }
    }

    /** ARN of the running execution that has the lock; empty if none has. */
    public Optional<String> holder(String deployment) {
        return holding(deployment).map(Holding::execution).filter(this::isRunning);
    }

    /** @param turn counts how often the lock was taken or kept, so that no change of hands goes unseen */
    private record Holding(String execution, String turn) {
        boolean by(String other) {
            return execution.equals(other);
        }
    }

    private Optional<Holding> holding(String deployment) {
        var item = dynamoDb.getItem(
                        request -> request.tableName(table).key(key(deployment)).consistentRead(true))
                .item();
        return item == null || item.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new Holding(item.get("execution").s(), item.get("turn").n()));
    }

    private boolean create(String deployment, String execution) {
        return happens(() -> dynamoDb.updateItem(request -> request.tableName(table)
                .key(key(deployment))
                .updateExpression("SET execution = :execution, turn = :one")
                .conditionExpression("attribute_not_exists(pk)")
                .expressionAttributeValues(
                        Map.of(":execution", AttributeValue.fromS(execution), ":one", AttributeValue.fromN("1")))));
    }

    private boolean replace(String deployment, Holding seen, String execution) {
        return happens(() -> dynamoDb.updateItem(request -> request.tableName(table)
                .key(key(deployment))
                .updateExpression("SET execution = :execution, turn = turn + :one")
                .conditionExpression("execution = :holder AND turn = :turn")
                .expressionAttributeValues(Map.of(
                        ":execution", AttributeValue.fromS(execution),
                        ":one", AttributeValue.fromN("1"),
                        ":holder", AttributeValue.fromS(seen.execution()),
                        ":turn", AttributeValue.fromN(seen.turn())))));
    }

    private static boolean happens(Runnable conditional) {
        try {
            conditional.run();
            return true;
        } catch (ConditionalCheckFailedException changedMeanwhile) {
            return false;
        }
    }

    private static Map<String, AttributeValue> key(String deployment) {
        return Map.of("pk", AttributeValue.fromS(PARTITION), "sk", AttributeValue.fromS(deployment));
    }

    private boolean isRunning(String execution) {
        try {
            return states.describeExecution(request -> request.executionArn(execution))
                            .status()
                    == ExecutionStatus.RUNNING;
        } catch (ExecutionDoesNotExistException forgotten) {
            return false;
        }
    }
}
