package cloudhsm.pipeline.reencryption;

/** Ends a page: some of its objects keep their encryption. The message is the page's result, as JSON. */
public final class ObjectsNotReencryptedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param result counts by outcome and reason, and the first objects' names */
    ObjectsNotReencryptedException(String result) {
        super(result, null, false, false); // where it was thrown tells nobody anything
    }
}
