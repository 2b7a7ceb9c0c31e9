package cloudhsm.pipeline.localcloud.secretsmanager;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * GetRandomPassword's password.
 *
 * @see <a href="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html">
 *     GetRandomPassword</a>
 */
final class RandomPassword {
    private static final String LOWERCASE = "abcdefghijklmnopqrstuvwxyz";
    private static final String UPPERCASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    private static final String NUMBERS = "0123456789";
    private static final String PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    private static final int DEFAULT_LENGTH = 32;
    private static final int MAXIMUM_LENGTH = 4096;
    private static final SecureRandom RANDOM = new SecureRandom();

    private RandomPassword() {}

    /** @throws AwsException InvalidParameterException if the options leave no characters, or too few places */
    static String generate(JsonNode input) {
        var length = input.path("PasswordLength").asInt(DEFAULT_LENGTH);
        if (length < 1 || length > MAXIMUM_LENGTH) {
            throw refused("Password length " + length + " is not between 1 and " + MAXIMUM_LENGTH + ".");
        }
        var classes = characterClasses(input);
        if (classes.isEmpty()) throw refused("The options exclude every character.");
        var requireEach = input.path("RequireEachIncludedType").asBoolean(true);
        if (requireEach && length < classes.size()) {
            throw refused("Password length " + length + " is too short for one character of each included type.");
        }
        var characters = new ArrayList<Character>(length);
        if (requireEach) classes.forEach(each -> characters.add(anyOf(each)));
        var all = String.join("", classes);
        while (characters.size() < length) characters.add(anyOf(all));
        Collections.shuffle(characters, RANDOM);
        var password = new StringBuilder(length);
        characters.forEach(password::append);
        return password.toString();
    }

    private static List<String> characterClasses(JsonNode input) {
        var classes = new ArrayList<String>();
        if (!input.path("ExcludeLowercase").asBoolean()) classes.add(LOWERCASE);
        if (!input.path("ExcludeUppercase").asBoolean()) classes.add(UPPERCASE);
        if (!input.path("ExcludeNumbers").asBoolean()) classes.add(NUMBERS);
        if (!input.path("ExcludePunctuation").asBoolean()) classes.add(PUNCTUATION);
        if (input.path("IncludeSpace").asBoolean()) classes.add(" ");
        var excluded = input.path("ExcludeCharacters").asText("");
        classes.replaceAll(each -> without(each, excluded));
        classes.removeIf(String::isEmpty);
        return classes;
    }

    private static String without(String characters, String excluded) {
        var kept = new StringBuilder();
        characters.chars().filter(c -> excluded.indexOf(c) < 0).forEach(kept::appendCodePoint);
        return kept.toString();
    }

    private static char anyOf(String characters) {
        return characters.charAt(RANDOM.nextInt(characters.length()));
    }

    private static AwsException refused(String why) {
        return AwsException.badRequest("InvalidParameterException", why);
    }
}
