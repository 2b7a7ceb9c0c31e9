package cloudhsm.pipeline.reencryption;

/** Where the object versions of a bucket are learnt from. */
sealed interface ObjectSource permits Listing, Inventory {
    /**
     * Lists some objects into pages.
     *
     * @param position "" for the beginning, otherwise what an earlier call returned
     * @return where to go on; "" at the end
     * @throws software.amazon.awssdk.awscore.exception.AwsServiceException what S3 refused
     */
    String list(Pages pages, String position) throws Inventory.UnusableException;
}
