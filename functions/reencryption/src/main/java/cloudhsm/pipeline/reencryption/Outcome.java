package cloudhsm.pipeline.reencryption;

/** What became of one object; each reason is a constant to search logs for. */
sealed interface Outcome {
    /** As it is logged and counted, {@code ALREADY_DONE} for example. */
    default String name() {
        return switch (this) {
            case Reencrypted reencrypted -> "REENCRYPTED";
            case AlreadyDone alreadyDone -> "ALREADY_DONE";
            case Gone gone -> "GONE";
            case Left left -> "LEFT";
            case Refused refused -> "REFUSED";
            case Retry retry -> "RETRY";
        };
    }

    /** Why, or how; "" where the name says it all. */
    String reason();

    /**
     * It is now under the target key; for a preview: it would be.
     *
     * @param bytes the object's size
     */
    record Reencrypted(Way way, long bytes) implements Outcome {
        @Override
        public String reason() {
            return way.name();
        }
    }

    /** It was under the target key already. */
    record AlreadyDone() implements Outcome {
        @Override
        public String reason() {
            return "";
        }
    }

    /** There is nothing any more that the event could mean: {@code NOT_FOUND}, {@code DELETE_MARKER}, {@code OVERWRITTEN}. */
    record Gone(String reason) implements Outcome {}

    /** It keeps the encryption it has, and repeating cannot change that; a person may want to know why. */
    record Left(String reason) implements Outcome {}

    /** AWS refused in a way that only a person can change, a missing right for example. The reason is AWS's error code. */
    record Refused(String reason) implements Outcome {}

    /** It may work later: the key is unavailable, S3 throttles. The reason is AWS's error code. */
    record Retry(String reason) implements Outcome {}

    /** How an object comes under the key. */
    enum Way {
        /** No data moves, no version is made, no event follows. */
        UPDATE,
        /** CopyObject onto itself, up to 5 GB. */
        COPY,
        /** UploadPartCopy onto itself, above 5 GB. */
        MULTIPART_COPY
    }
}
