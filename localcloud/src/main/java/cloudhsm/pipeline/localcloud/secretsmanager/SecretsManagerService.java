package cloudhsm.pipeline.localcloud.secretsmanager;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.JsonService;

/** AWS Secrets Manager. */
public final class SecretsManagerService extends JsonService {
    public SecretsManagerService(Account account) {
        super("secretsmanager", "1.1", "Message");
    }
}
