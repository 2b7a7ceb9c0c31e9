package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What {@code cloudhsm-cli.cfg} says [HSM:configure-tool-params5].
 *
 * @param hsmCaFile path of the trust anchor, as the instance sees it
 * @param hostnames addresses of the HSMs that the CLI knows
 */
record ClientConfiguration(String hsmCaFile, List<String> hostnames, boolean disableKeyAvailabilityCheck) {
    private static final String DEFAULT_CA_FILE = "/opt/cloudhsm/etc/customerCA.crt";

    /** Where HSMs listen [HSM:configure-sg]. */
    private static final int PORT = 2223;

    ClientConfiguration {
        hostnames = List.copyOf(hostnames);
    }

    /** As the package installs it: no HSM known. */
    static ClientConfiguration installed() {
        return new ClientConfiguration(DEFAULT_CA_FILE, List.of(), false);
    }

    /** Empty where there is no such file, or it has not the form of a configuration. */
    static Optional<ClientConfiguration> read(Path file) {
        if (!Files.isRegularFile(file)) return Optional.empty();
        try {
            return parse(Json.parse(Files.readAllBytes(file)));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        } catch (AwsException notJson) {
            return Optional.empty();
        }
    }

    private static Optional<ClientConfiguration> parse(JsonNode json) {
        var cluster = json.path("clusters").path(0).path("cluster");
        if (!cluster.path("hsm_ca_file").isTextual()) return Optional.empty();
        var hostnames = new ArrayList<String>();
        for (var server : cluster.path("servers")) {
            if (server.path("enable").asBoolean() && server.path("port").asInt() == PORT) {
                hostnames.add(server.path("hostname").asText());
            }
        }
        return Optional.of(new ClientConfiguration(
                cluster.path("hsm_ca_file").asText(),
                hostnames,
                cluster.path("options").path("disable_key_availability_check").asBoolean()));
    }

    void write(Path file) {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, Printed.pretty(json()));
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    private ObjectNode json() {
        var json = Json.object();
        var entry = json.putArray("clusters").addObject().put("type", "hsm1");
        var cluster = entry.putObject("cluster").put("hsm_ca_file", hsmCaFile);
        var servers = cluster.putArray("servers");
        for (var hostname : hostnames) {
            servers.addObject().put("hostname", hostname).put("port", PORT).put("enable", true);
        }
        if (disableKeyAvailabilityCheck) cluster.putObject("options").put("disable_key_availability_check", true);
        json.putObject("logging")
                .put("log_type", "file")
                .put("log_file", "/opt/cloudhsm/run/cloudhsm-cli.log")
                .put("log_level", "info")
                .put("log_interval", "daily");
        return json;
    }
}
