package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * One run of the CloudHSM CLI, connected to some HSMs. It writes to each HSM that it knows, best effort; nothing else
 * ever copies users between HSMs [HSM:troubleshoot-sdk5-inconsistent-value].
 */
final class CliSession {
    /** [HSM:limits] and, since underscore is the only special character, [HSM:cloudhsm_cli-user-create]. */
    private static final String USERNAME = "[A-Za-z0-9_]{1,31}";

    /** [HSM:limits] */
    private static final int SHORTEST_PASSWORD = 8;

    private static final int LONGEST_PASSWORD = 32;

    private static final Set<String> CREDENTIALS = Set.of("--username", "--role", "--password");

    private final HsmNetwork.Connections connections;
    private final Consumer<Cluster> activated;
    private Optional<Login> login = Optional.empty();

    /** @param hsms those that accepted the password */
    private record Login(String username, HsmUser.Role role, List<Hsm> hsms) {}

    /** @param activated told when the cluster's admin has got a password */
    CliSession(HsmNetwork.Connections connections, Consumer<Cluster> activated) {
        this.connections = connections;
        this.activated = activated;
    }

    /** Whether the command works only after a login; {@code user list} does not [HSM:cloudhsm_cli-user-list]. */
    static boolean needsLogin(CommandLine command) {
        return switch (command.command()) {
            case "user create", "user change-password", "user delete", "cluster mtls get-enforcement" -> true;
            default -> false;
        };
    }

    /**
     * The {@code data} that the command prints.
     *
     * @throws CliException where it fails or is not understood
     */
    JsonNode run(CommandLine command) {
        switch (command.command()) {
            case "cluster activate" -> command.allowOnly(Set.of("--password"));
            case "login", "user create", "user change-password" -> command.allowOnly(CREDENTIALS);
            case "user delete" -> command.allowOnly(Set.of("--username", "--role"));
            default -> command.allowOnly(Set.of());
        }
        if (needsLogin(command) && login.isEmpty())
            throw CliException.failed("User must be logged in to run this command");
        return switch (command.command()) {
            case "cluster activate" -> activate(passwordOf(command));
            case "cluster hsm-info" -> hsmInfo();
            // An HSM that enforces it would not have let this client connect.
            case "cluster mtls get-enforcement" -> Json.object().put("mtls-enforcement-level", "none");
            case "login" -> login(usernameOf(command), roleOf(command), givenPassword(command));
            case "logout" -> logout();
            case "user list" -> listUsers();
            case "user create" -> createUser(usernameOf(command), roleOf(command), passwordOf(command));
            case "user change-password" -> changePassword(usernameOf(command), roleOf(command), passwordOf(command));
            case "user delete" -> deleteUser(usernameOf(command), roleOf(command));
            default ->
                throw CliException.usage("error: unrecognized subcommand '" + command.command()
                        + "'; the embedded AWS knows cluster activate, cluster hsm-info, cluster mtls get-enforcement,"
                        + " login, logout, user list, user create, user change-password, user delete, help and quit");
        };
    }

    private static String usernameOf(CommandLine command) {
        var username = command.required("--username");
        if (!username.matches(USERNAME)) {
            throw CliException.failed("A user name has 1 to 31 letters, digits and underscores");
        }
        return username.toLowerCase(Locale.ROOT);
    }

    private static HsmUser.Role roleOf(CommandLine command) {
        var role = command.required("--role");
        return switch (role) {
            case "admin" -> HsmUser.Role.ADMIN;
            case "crypto-user" -> HsmUser.Role.CRYPTO_USER;
            default ->
                throw CliException.usage("error: invalid value '" + role
                        + "' for '--role <ROLE>' [possible values: crypto-user, admin]");
        };
    }

    private static String passwordOf(CommandLine command) {
        var password = givenPassword(command);
        if (password.length() < SHORTEST_PASSWORD || password.length() > LONGEST_PASSWORD) {
            throw CliException.failed(
                    "A password has " + SHORTEST_PASSWORD + " to " + LONGEST_PASSWORD + " characters");
        }
        return password;
    }

    private static String givenPassword(CommandLine command) {
        return command.option("--password")
                .orElseThrow(() -> CliException.failed("The password cannot be prompted for: there is no terminal"));
    }

    private JsonNode activate(String password) {
        for (var hsm : connections.hsms()) {
            if (user(hsm, "admin", HsmUser.Role.UNACTIVATED_ADMIN).isEmpty()) {
                throw CliException.failed("Cluster is already activated");
            }
        }
        for (var hsm : connections.hsms()) {
            hsm.partition().orElseThrow().add(new HsmUser("admin", HsmUser.Role.ADMIN, password));
        }
        activated.accept(connections.cluster());
        return TextNode.valueOf("Cluster activation successful");
    }

    private JsonNode hsmInfo() {
        var data = Json.object();
        var list = data.putArray("hsms");
        var fips = connections.cluster().settings().mode().equals("FIPS");
        for (var hsm : connections.hsms()) {
            list.addObject()
                    .put("vendor", "Marvell Semiconductors, Inc.")
                    .put("model", "LS2-G-AXXX-MI-F-BO-V2")
                    .put("serial-number", "4.0G-" + hsm.hsmId().substring("hsm-".length()))
                    .put("hardware-version-major", "4")
                    .put("hardware-version-minor", "0")
                    .put("firmware-version-major", "10")
                    .put("firmware-version-minor", "02")
                    .put("firmware-build-number", "0403")
                    .put("firmware-id", "LS2-FW-10.02-0403")
                    .put("fips-state", (fips ? "2 [FIPS" : "0 [non-FIPS") + " mode with single factor authentication]");
        }
        return data;
    }

    /**
     * Logs in on every HSM that accepts the password; a wrong one is counted on each.
     *
     * @throws CliException failed, where no HSM accepts it
     */
    ObjectNode login(String username, HsmUser.Role role, String password) {
        if (login.isPresent()) {
            throw CliException.failed(
                    "A user is already logged in: " + login.get().username());
        }
        var accepting = new ArrayList<Hsm>();
        var refusal = LoginResult.USER_NOT_FOUND;
        for (var hsm : connections.hsms()) {
            var result = user(hsm, username, role)
                    .map(user -> user.loggedIn() ? LoginResult.ALREADY_LOGGED_IN : user.verify(password))
                    .orElse(LoginResult.USER_NOT_FOUND);
            if (result == LoginResult.OK) accepting.add(hsm);
            else refusal = result;
        }
        if (accepting.isEmpty()) {
            throw CliException.failed(
                    switch (refusal) {
                        case LOCKED -> "User is locked";
                        case ALREADY_LOGGED_IN -> "User is already logged in from another client";
                        case OK, USER_NOT_FOUND, WRONG_PASSWORD -> "Incorrect authentication credentials";
                    });
        }
        login = Optional.of(new Login(username, role, accepting));
        return described(username, role);
    }

    private JsonNode logout() {
        if (login.isEmpty()) throw CliException.failed("No user is logged in");
        login = Optional.empty();
        return TextNode.valueOf("Logout successful");
    }

    private JsonNode listUsers() {
        // By name: which HSM has which user.
        var found = new TreeMap<String, List<HsmUser>>();
        for (var hsm : connections.hsms()) {
            hsm.partition()
                    .orElseThrow()
                    .users()
                    .forEach(user -> found.computeIfAbsent(user.username(), any -> new ArrayList<>())
                            .add(user));
        }
        var data = Json.object();
        var list = data.putArray("users");
        found.forEach((username, copies) -> {
            var printed = list.addObject()
                    .put("username", username)
                    .put(
                            "role",
                            common(copies.stream()
                                    .map(user -> user.role().printed())
                                    .toList()))
                    .put(
                            "locked",
                            common(copies.stream()
                                    .map(user -> String.valueOf(user.locked()))
                                    .toList()));
            printed.putArray("mfa");
            printed.putArray("quorum");
            var everywhere = copies.size() == connections.hsms().size();
            printed.put("cluster-coverage", everywhere ? "full" : "inconsistent");
        });
        return data;
    }

    private static String common(List<String> values) {
        return values.stream().distinct().count() == 1 ? values.getFirst() : "inconsistent";
    }

    private JsonNode createUser(String username, HsmUser.Role role, String password) {
        requireAdmin();
        if (connections.hsms().stream()
                .allMatch(hsm -> user(hsm, username, role).isPresent())) {
            throw CliException.failed("Specified user already exists");
        }
        onEachHsm("User create", hsm -> {
            var partition = hsm.partition().orElseThrow();
            var existing = partition.user(username);
            // A user that is there already is left as it is, so that a half-made one can be completed.
            if (existing.isPresent()) return existing.get().role() == role;
            partition.add(new HsmUser(username, role, password));
            return true;
        });
        return described(username, role);
    }

    private JsonNode changePassword(String username, HsmUser.Role role, String password) {
        var self = login.orElseThrow();
        if (!(self.username().equals(username) && self.role() == role)) requireAdmin();
        requireSomewhere(username, role);
        onEachHsm("User change-password", hsm -> {
            var user = user(hsm, username, role);
            user.ifPresent(found -> found.setPassword(password));
            return user.isPresent();
        });
        return described(username, role);
    }

    private JsonNode deleteUser(String username, HsmUser.Role role) {
        requireAdmin();
        requireSomewhere(username, role);
        onEachHsm("User delete", hsm -> {
            var partition = hsm.partition().orElseThrow();
            var user = partition.user(username, role);
            if (user.isEmpty()) return true;
            // All keys of the embedded AWS are KMS's, and so kmsuser's.
            var ownsKeys = username.equals("kmsuser") && !partition.keys().isEmpty();
            if (ownsKeys || user.get().loggedIn()) return false;
            partition.remove(username);
            return true;
        });
        return described(username, role);
    }

    private void requireAdmin() {
        if (login.orElseThrow().role() != HsmUser.Role.ADMIN) {
            throw CliException.failed("Only an admin may run this command");
        }
    }

    private void requireSomewhere(String username, HsmUser.Role role) {
        if (connections.hsms().stream()
                .noneMatch(hsm -> user(hsm, username, role).isPresent())) {
            throw CliException.failed("Specified user does not exist");
        }
    }

    /** @param change answers whether the HSM took it */
    private void onEachHsm(String what, Predicate<Hsm> change) {
        var loggedInOn = login.orElseThrow().hsms();
        var failures = 0;
        for (var hsm : connections.hsms()) {
            if (!loggedInOn.contains(hsm) || !change.test(hsm)) failures++;
        }
        if (failures > 0) {
            throw CliException.failed(what + " failed on " + failures + " of "
                    + connections.hsms().size() + " connections");
        }
    }

    private static Optional<HsmUser> user(Hsm hsm, String username, HsmUser.Role role) {
        return hsm.partition().orElseThrow().user(username, role);
    }

    private static ObjectNode described(String username, HsmUser.Role role) {
        return Json.object().put("username", username).put("role", role.printed());
    }

    /** Logs in as the environment of single-command mode says [HSM:cloudhsm_cli-modes]. */
    void login(Map<String, String> environment) {
        var role = environment.get("CLOUDHSM_ROLE");
        var pin = environment.get("CLOUDHSM_PIN");
        if (role == null || pin == null) return;
        var parts = pin.split(":", -1);
        if (parts.length != 2) throw CliException.failed("CLOUDHSM_PIN must have the form <username>:<password>");
        var asCommand = new CommandLine(List.of("login"), Map.of("--username", parts[0], "--role", role));
        login(usernameOf(asCommand), roleOf(asCommand), parts[1]);
    }
}
