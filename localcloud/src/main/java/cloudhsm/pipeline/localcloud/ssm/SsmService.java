package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.http.JsonService;

/** AWS Systems Manager: documents, Run Command, public parameters, instance information. */
public final class SsmService extends JsonService {
    public SsmService(
            Account account, Ec2Service ec2, CloudHsmService cloudHsm, EventBridgeService events, Endpoint endpoint) {
        super("ssm", "1.1", "message");
    }

    /** Creates a command document at once, as a stack does. */
    public void createDocument(String name, com.fasterxml.jackson.databind.JsonNode content) {
        throw new UnsupportedOperationException("to be written");
    }
}
