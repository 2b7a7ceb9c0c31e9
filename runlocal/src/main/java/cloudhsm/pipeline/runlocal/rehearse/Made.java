package cloudhsm.pipeline.runlocal.rehearse;

import java.util.Map;
import java.util.Optional;

/**
 * What a rehearsal has made, or was about to make.
 *
 * @param id random; the bucket's name and the keys' policies have it
 * @param keys by what each is for its ARN; empty where AWS was asked for the key and has not been heard to answer
 */
record Made(
        String account,
        String region,
        String stack,
        String id,
        String bucket,
        Map<RehearsalKey, Optional<String>> keys) {
    Made {
        keys = Map.copyOf(keys);
    }

    /**
     * The name of the statement in the policy of the key that was made for this. Who can write it into another key's
     * policy may also let themselves delete that key, so it is no means to have another's key deleted.
     */
    String statement(RehearsalKey key) {
        return "Rehearsal" + id + key;
    }
}
