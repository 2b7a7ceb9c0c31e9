package cloudhsm.pipeline.localcloud.cloudhsm;

/** What one HSM answers to a login. */
public enum LoginResult {
    OK,
    /** This HSM has no crypto user of that name. */
    USER_NOT_FOUND,
    /** Counted: the fifth in a row locks the user on this HSM. */
    WRONG_PASSWORD,
    /** Until an admin changes the password. */
    LOCKED,
    /** Someone else is logged in as this user. */
    ALREADY_LOGGED_IN
}
