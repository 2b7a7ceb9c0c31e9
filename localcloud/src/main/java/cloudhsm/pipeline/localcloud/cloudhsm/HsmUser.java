package cloudhsm.pipeline.localcloud.cloudhsm;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Locale;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/** A user as one HSM knows it. Other HSMs of the cluster have their own copy, which may differ. */
final class HsmUser {
    /** Consecutive failed logins that lock a user [HSM:cloudhsm_cli-login]. */
    static final int FAILED_LOGINS_UNTIL_LOCKED = 5;

    /** Few, as the password only has to survive a test run. */
    private static final int HASH_ITERATIONS = 1_000;

    private static final SecureRandom RANDOM = new SecureRandom();

    private final String username;
    private final Role role;
    private byte[] salt;
    private byte[] passwordHash;
    private int failedLogins;
    private boolean loggedIn;

    /** Roles as {@code user list} prints them. */
    enum Role {
        ADMIN("admin"),
        UNACTIVATED_ADMIN("unactivated-admin"),
        CRYPTO_USER("crypto-user"),
        APPLIANCE_USER("internal(APPLIANCE_USER)");

        private final String printed;

        Role(String printed) {
            this.printed = printed;
        }

        String printed() {
            return printed;
        }
    }

    HsmUser(String username, Role role, String password) {
        this.username = username.toLowerCase(Locale.ROOT);
        this.role = role;
        setPassword(password);
    }

    /** The user as a backup keeps it: with its failed logins, but logged out. */
    HsmUser(HsmUser original) {
        username = original.username;
        role = original.role;
        salt = original.salt;
        passwordHash = original.passwordHash;
        failedLogins = original.failedLogins;
    }

    String username() {
        return username;
    }

    Role role() {
        return role;
    }

    boolean locked() {
        return failedLogins >= FAILED_LOGINS_UNTIL_LOCKED;
    }

    boolean loggedIn() {
        return loggedIn;
    }

    void setLoggedIn(boolean loggedIn) {
        this.loggedIn = loggedIn;
    }

    /** Also unlocks the user [HSM:cloudhsm_cli-login]. */
    void setPassword(String password) {
        salt = new byte[16];
        RANDOM.nextBytes(salt);
        passwordHash = hash(password, salt);
        failedLogins = 0;
    }

    /** Checks the password and counts a failure; does not log in. */
    LoginResult verify(String password) {
        if (locked()) return LoginResult.LOCKED;
        if (!MessageDigest.isEqual(passwordHash, hash(password, salt))) {
            failedLogins++;
            return LoginResult.WRONG_PASSWORD;
        }
        failedLogins = 0;
        return LoginResult.OK;
    }

    private static byte[] hash(String password, byte[] salt) {
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(new PBEKeySpec(password.toCharArray(), salt, HASH_ITERATIONS, 256))
                    .getEncoded();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
