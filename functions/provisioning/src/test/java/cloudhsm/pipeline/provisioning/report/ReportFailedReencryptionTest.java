package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.report.ReportFailedReencryption.Detail;
import cloudhsm.pipeline.provisioning.report.ReportFailedReencryption.StatusChange;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportFailedReencryptionTest {
    @Test
    void whatTimedOutIsToldByItsStatus() {
        try (var aws = new TestAccount()) {
            var topic = aws.cloud.sns().createTopic("failures", Map.of());
            var change = new StatusChange(new Detail("arn:execution", "TIMED_OUT", null, null));

            var output = new ReportFailedReencryption(new Notifications(aws.sns, topic)).handle(change);

            assertEquals("TIMED_OUT", output.error(), "Step Functions names no error and no cause");
            var told = aws.cloud.sns().published().getFirst();
            assertEquals("CloudHSM pipeline failed: TIMED_OUT", told.subject());
            assertTrue(told.message().contains("Execution: arn:execution"), told.message());
        }
    }
}
