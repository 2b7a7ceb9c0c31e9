package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.account.Account;
import java.util.Locale;

/** Physical names as CloudFormation makes them: stack, logical id and something random. */
final class Names {
    private static final int RANDOM = 12;

    private final Account account;
    private final String stackName;

    Names(Account account, String stackName) {
        this.account = account;
        this.stackName = stackName;
    }

    String random() {
        return account.base32(RANDOM);
    }

    /** @param longest the type's limit; stack name and logical id are cut to fit */
    String physical(String logicalId, int longest) {
        var room = longest - RANDOM - 2;
        var id = logicalId.substring(0, Math.min(logicalId.length(), room - Math.min(stackName.length(), room / 2)));
        var stack = stackName.substring(0, Math.min(stackName.length(), room - id.length()));
        return stack + "-" + id + "-" + random();
    }

    /** For buckets, whose names have no capitals. */
    String lowerCase(String logicalId) {
        return physical(logicalId, 63).toLowerCase(Locale.ROOT);
    }
}
