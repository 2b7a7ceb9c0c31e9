package cloudhsm.pipeline.runlocal.doctor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** A function's archive as Lambda knows it. */
final class Archive {
    private Archive() {}

    /** In Base64, as Lambda's CodeSha256. */
    static String sha256(Path archive) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(archive));
            return Base64.getEncoder().encodeToString(digest);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
