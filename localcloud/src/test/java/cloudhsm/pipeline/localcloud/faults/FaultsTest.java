package cloudhsm.pipeline.localcloud.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults.Kind;
import cloudhsm.pipeline.localcloud.wire.AnswerCheck;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FaultsTest {
    @Test
    void theErrorOfAFaultIsOneThatTheServicesModelAllows() {
        var problems = new ArrayList<String>();
        try (var cloud = LocalCloud.start()) {
            var caller = cloud.iam().administrator();
            for (var service : cloud.endpoint().services()) {
                var request = new AwsRequest(
                        service.signingName(), "POST", "/", Map.of(), Map.of(), new byte[0], caller, "request");
                for (var kind : List.of(Kind.THROTTLED, Kind.INTERNAL_ERROR)) {
                    problems.addAll(problems(service, kind, request));
                }
            }
        }
        assertEquals(List.of(), problems);
    }

    private static List<String> problems(Service service, Kind kind, AwsRequest request) {
        var answer = service.error(Faults.error(kind, service.signingName()), request);
        return service.operations().stream()
                .flatMap(operation -> AnswerCheck.problems(service.signingName(), operation, answer).stream()
                        .map(problem -> service.signingName() + ":" + operation + ": " + problem))
                .toList();
    }
}
