package cloudhsm.pipeline.reencryption;

/** What became of one object; each reason is a constant to search logs for. */
sealed interface Outcome {
    /** It is now under the target key. */
    record Reencrypted() implements Outcome {}

    /** It was under the target key already. */
    record AlreadyDone() implements Outcome {}

    /** There is nothing any more that the event could mean: {@code NOT_FOUND}, {@code DELETE_MARKER}, {@code OVERWRITTEN}. */
    record Gone(String reason) implements Outcome {}

    /** It keeps the encryption it has, and repeating cannot change that; a person may want to know why. */
    record Left(String reason) implements Outcome {}

    /** It may work later; the message goes back to the queue. The reason is AWS's error code. */
    record Retry(String reason) implements Outcome {}
}
