package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.JsonService;

/** Amazon DynamoDB. */
public final class DynamoDbService extends JsonService {
    public DynamoDbService(Account account) {
        super("dynamodb", "1.0", "message");
    }

    /** Creates a table at once, as a stack does. Returns its ARN. */
    public String createTable(com.fasterxml.jackson.databind.node.ObjectNode createTableInput) {
        throw new UnsupportedOperationException("to be written");
    }
}
