package cloudhsm.pipeline.provisioning.deployment;

import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
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
        if (put(deployment, execution, "attribute_not_exists(pk) OR execution = :holder", execution)) {
            return Optional.empty();
        }
        var holder = holder(deployment);
        if (holder.isPresent() && isRunning(holder.get())) return holder;
        var taken = holder.isPresent()
                ? put(deployment, execution, "execution = :holder", holder.get())
                : put(deployment, execution, "attribute_not_exists(pk) OR execution = :holder", execution);
        return taken ? Optional.empty() : Optional.of(holder(deployment).orElse("another execution"));
    }

    /** Gives the lock back, if the execution has it. */
    public void release(String deployment, String execution) {
        try {
            dynamoDb.deleteItem(request -> request.tableName(table)
                    .key(Map.of("pk", AttributeValue.fromS(PARTITION), "sk", AttributeValue.fromS(deployment)))
                    .conditionExpression("execution = :holder")
                    .expressionAttributeValues(Map.of(":holder", AttributeValue.fromS(execution))));
        } catch (ConditionalCheckFailedException anothers) {
            // Somebody else's by now, or nobody's.
        }
    }

    private boolean put(String deployment, String execution, String condition, String holder) {
        try {
            dynamoDb.putItem(request -> request.tableName(table)
                    .item(Map.of(
                            "pk", AttributeValue.fromS(PARTITION),
                            "sk", AttributeValue.fromS(deployment),
                            "execution", AttributeValue.fromS(execution)))
                    .conditionExpression(condition)
                    .expressionAttributeValues(Map.of(":holder", AttributeValue.fromS(holder))));
            return true;
        } catch (ConditionalCheckFailedException held) {
            return false;
        }
    }

    private Optional<String> holder(String deployment) {
        var item = dynamoDb.getItem(request -> request.tableName(table)
                        .key(Map.of("pk", AttributeValue.fromS(PARTITION), "sk", AttributeValue.fromS(deployment)))
                        .consistentRead(true))
                .item();
        return Optional.ofNullable(item)
                .filter(found -> found.containsKey("execution"))
                .map(found -> found.get("execution").s());
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
