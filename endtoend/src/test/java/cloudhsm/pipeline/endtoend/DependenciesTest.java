package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is in the deployed artifacts, judged by the bill of materials (CycloneDX) that the build writes beside each:
 * nothing here asks a registry.
 */
class DependenciesTest {
    private static final Path ROOT = LocalDeployment.projectRoot();

    private static final Set<String> LICENCES =
            Set.of("Apache-2.0", "BSD-2-Clause", "MIT", "MIT-0", "Bouncy Castle Licence");

    /** Groups that have no business in a deployed artifact. */
    private static final Pattern FOR_TESTS = Pattern.compile(
            "(org\\.junit|org\\.opentest4j|org\\.apiguardian|org\\.mockito|com\\.networknt|cloudhsm\\.pipeline).*");

    /** Of something that is downloaded: which JDK the build needs is a range. */
    private static final Pattern LOOSE_VERSION =
            Pattern.compile("</artifactId>\\s*<version>\\s*([\\[(].*|LATEST|RELEASE|.*-SNAPSHOT)\\s*</version>");

    @ParameterizedTest
    @ValueSource(strings = {"provisioning", "reencryption"})
    void anArtifactHoldsWhatItsBillOfMaterialsSaysAndNothingElse(String artifact) throws Exception {
        var listed = new TreeMap<String, String>();
        for (var component : sbom(artifact).path("components")) listed.put(jar(component), sha256(component));
        assertEquals(listed, jars(zip(artifact)), "jars and their SHA-256: byte for byte as they were published");
    }

    @ParameterizedTest
    @ValueSource(strings = {"provisioning", "reencryption"})
    void everyDependencyIsAllowed(String artifact) throws Exception {
        var problems = new ArrayList<String>();
        var licences = new TreeMap<String, Integer>();
        for (var component : sbom(artifact).path("components")) {
            var name = component.path("group").asText() + ":"
                    + component.path("name").asText();
            var version = component.path("version").asText();
            if (FOR_TESTS.matcher(name).matches()) problems.add(name + " is for tests");
            if (version.isEmpty() || version.contains("SNAPSHOT")) problems.add(name + " has no version: " + version);
            var licence = licences(component);
            if (licence.isEmpty() || !LICENCES.containsAll(licence)) problems.add(name + " is under " + licence);
            licence.forEach(each -> licences.merge(each, 1, Integer::sum));
        }
        assertEquals(List.of(), problems);
        System.out.printf(
                "dependencies: %s.zip holds %d, under %s%n",
                artifact, jars(zip(artifact)).size(), licences);
    }

    @ParameterizedTest
    @ValueSource(strings = {"provisioning", "reencryption"})
    void everyDirectDependencyHasItsReason(String artifact) throws IOException {
        var decisions = Files.readString(ROOT.resolve("docs/decisions.md"));
        var table = decisions.substring(decisions.indexOf("## Dependencies"));
        table = table.substring(0, table.indexOf("\n## ", 1));
        var sbom = sbom(artifact);
        var root = sbom.path("metadata").path("component").path("bom-ref").asText();
        var direct = 0;
        for (var node : sbom.path("dependencies")) {
            if (!node.path("ref").asText().equals(root)) continue;
            for (var reference : node.path("dependsOn")) {
                var coordinates =
                        reference.asText().replaceFirst("^pkg:maven/", "").split("[/@]");
                direct++;
                var named = table.contains("`" + coordinates[0] + "`") || table.contains("`" + coordinates[1] + "`");
                assertTrue(named, () -> "docs/decisions.md gives no reason for " + reference);
            }
        }
        assertTrue(direct > 3, "the bill of materials names no direct dependencies");
    }

    @Test
    void noVersionIsLoose() throws IOException {
        try (var files = Files.walk(ROOT)) {
            for (var pom : files.filter(file -> file.endsWith("pom.xml")).toList()) {
                if (pom.toString().contains("/target/")) continue;
                assertFalse(
                        LOOSE_VERSION.matcher(Files.readString(pom)).find(), () -> "a version is not pinned in " + pom);
            }
        }
    }

    private static JsonNode sbom(String artifact) throws IOException {
        return Json.MAPPER.readTree(
                ROOT.resolve("functions/" + artifact + "/target/sbom.json").toFile());
    }

    private static String jar(JsonNode component) {
        return component.path("name").asText() + "-" + component.path("version").asText() + ".jar";
    }

    private static String sha256(JsonNode component) {
        for (var hash : component.path("hashes")) {
            if (hash.path("alg").asText().equals("SHA-256"))
                return hash.path("content").asText();
        }
        return "";
    }

    private static Set<String> licences(JsonNode component) {
        var licences = new TreeSet<String>();
        for (var choice : component.path("licenses")) {
            var licence = choice.path("license");
            licences.add(licence.path("id")
                    .asText(licence.path("name")
                            .asText(choice.path("expression").asText())));
        }
        return licences;
    }

    private static Path zip(String artifact) {
        return ROOT.resolve("functions/" + artifact + "/target/" + artifact + ".zip");
    }

    /** SHA-256 of each jar in the zip, by its name. */
    private static Map<String, String> jars(Path file) throws IOException, GeneralSecurityException {
        var jars = new TreeMap<String, String>();
        try (var zip = new ZipFile(file.toFile())) {
            for (var entry :
                    zip.stream().filter(each -> each.getName().endsWith(".jar")).toList()) {
                try (var content = zip.getInputStream(entry)) {
                    var sha256 = MessageDigest.getInstance("SHA-256").digest(content.readAllBytes());
                    jars.put(
                            Path.of(entry.getName()).getFileName().toString(),
                            HexFormat.of().formatHex(sha256));
                }
            }
        }
        return jars;
    }
}
