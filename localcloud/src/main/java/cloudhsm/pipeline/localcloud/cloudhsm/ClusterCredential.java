package cloudhsm.pipeline.localcloud.cloudhsm;

/** What InitializeCluster was given, as given. */
record ClusterCredential(String certificatePem, String trustAnchorPem) {}
