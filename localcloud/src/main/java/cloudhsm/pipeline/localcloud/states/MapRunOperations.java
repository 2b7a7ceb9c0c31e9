package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** DescribeMapRun and ListMapRuns. */
final class MapRunOperations {
    private final Account account;
    private final Executions executions;

    MapRunOperations(Account account, Executions executions) {
        this.account = account;
        this.executions = executions;
    }

    JsonNode describeMapRun(ObjectNode input, AwsRequest request) {
        var arn = arn(input, "mapRunArn");
        account.iam().authorize(request.caller(), "states:DescribeMapRun", arn);
        return executions
                .mapRun(arn)
                .orElseThrow(() -> AwsException.badRequest("ResourceNotFound", "Resource not found: '" + arn + "'"))
                .described();
    }

    JsonNode listMapRuns(ObjectNode input, AwsRequest request) {
        var arn = arn(input, "executionArn");
        account.iam().authorize(request.caller(), "states:ListMapRuns", arn);
        var parent = executions
                .execution(arn)
                .orElseThrow(() ->
                        AwsException.badRequest("ExecutionDoesNotExist", "Execution Does Not Exist: '" + arn + "'"));
        var listed = executions.mapRunsOf(parent).stream().map(MapRun::listed).toList();
        return Pages.of(input, listed, "mapRuns");
    }

    private static String arn(ObjectNode input, String member) {
        var arn = input.path(member).asText();
        if (!arn.startsWith("arn:aws:states:")) {
            throw AwsException.badRequest("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: " + arn + "'");
        }
        return arn;
    }
}
