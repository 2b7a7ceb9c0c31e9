package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a script on the client says at its end: the last line of its standard output, one line of JSON.
 *
 * @param reason a stable name if the outcome is FAILED, else empty
 * @param hsms the users of each HSM, as seen from a CLI that was configured with that HSM alone
 */
public record ClientReport(Outcome outcome, String reason, String message, List<Hsm> hsms) {
    /** How the script ended. */
    public enum Outcome {
        ACTIVATED,
        ALREADY_ACTIVATED,
        CREATED,
        ALREADY_THERE,
        COMPLETED,
        RESET,
        LISTED,
        FAILED
    }

    /** @param address the HSM's IPv4 address in the cluster's subnet */
    public record Hsm(String address, List<User> users) {
        public Hsm {
            Objects.requireNonNull(address, "address");
            users = users == null ? List.of() : List.copyOf(users);
        }
    }

    /**
     * An element of {@code user list}. Newer versions of the CLI add members; those are of no concern here.
     *
     * @param role crypto-user; one page of the manual prints crypto_user
     * @param locked the text true, false or inconsistent
     * @param clusterCoverage full once the user is on every HSM the CLI knows
     * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/cloudhsm_cli-user-list.html">user list</a>
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record User(
            String username,
            String role,
            String locked,
            @JsonProperty("cluster-coverage") String clusterCoverage) {
        public User {
            username = Objects.requireNonNullElse(username, "");
            role = Objects.requireNonNullElse(role, "");
            locked = Objects.requireNonNullElse(locked, "");
            clusterCoverage = Objects.requireNonNullElse(clusterCoverage, "");
        }

        /** Whether KMS can log in as this user on every HSM. */
        boolean isUsableCryptoUser() {
            return role.replace('_', '-').equals("crypto-user")
                    && locked.equals("false")
                    && clusterCoverage.equals("full");
        }

        @Override
        public String toString() {
            return username + " is " + role + ", locked " + locked + ", coverage " + clusterCoverage;
        }
    }

    public ClientReport {
        Objects.requireNonNull(outcome, "outcome");
        reason = Objects.requireNonNullElse(reason, "");
        message = Objects.requireNonNullElse(message, "");
        hsms = hsms == null ? List.of() : List.copyOf(hsms);
    }

    /** The report at the end of the output; empty if the script did not get as far as to write one. */
    static Optional<ClientReport> atEndOf(String standardOutput) {
        var lines = standardOutput.lines().filter(line -> !line.isBlank()).toList();
        if (lines.isEmpty()) return Optional.empty();
        try {
            return Optional.ofNullable(Json.MAPPER.readValue(lines.getLast(), ClientReport.class));
        } catch (JsonProcessingException noReport) {
            return Optional.empty();
        }
    }

    /** The user of that name as this HSM shows it. */
    public Optional<User> userAt(String address, String username) {
        return hsms.stream()
                .filter(hsm -> hsm.address().equals(address))
                .flatMap(hsm -> hsm.users().stream())
                .filter(user -> user.username().equals(username))
                .findFirst();
    }
}
