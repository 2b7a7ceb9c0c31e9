package cloudhsm.pipeline.runlocal.rehearse;

/** The two ordinary KMS keys of a rehearsal. */
enum RehearsalKey {
    /** The bucket's default, where the real one will be backed by CloudHSM. */
    TARGET,
    /** Uploads ask for it. */
    OTHER
}
