package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The programs {@code curl} and {@code dnf} on an instance: the CloudHSM CLI's package and what installs it. */
final class Downloads {
    /** Where AWS publishes the client's packages for Amazon Linux 2023 [HSM:latest-releases]. */
    private static final Pattern PACKAGE = Pattern.compile("/cloudhsmv2-software/CloudHsmClient/Amzn2023/"
            + "(cloudhsm-cli-(?:latest|5\\.\\d+\\.\\d+-\\d+)\\.amzn2023\\.(?:x86_64|aarch64)\\.rpm)");

    private static final String CONTENT = "Stand-in of the embedded AWS for ";

    private static final Set<String> FLAGS = Set.of(
            "--fail",
            "--silent",
            "--show-error",
            "--location",
            "--head",
            "--remote-name",
            "--tlsv1.2",
            "--retry-connrefused",
            "--retry-all-errors");

    private static final Set<String> OPTIONS = Set.of(
            "--output",
            "--connect-timeout",
            "--max-time",
            "--retry",
            "--retry-delay",
            "--retry-max-time",
            "--proto",
            "--proto-redir",
            "--user-agent");

    private final Account account;
    private final Ec2Service ec2;
    private final String instanceId;
    private final InstanceDirectory disk;

    Downloads(Account account, Ec2Service ec2, String instanceId, InstanceDirectory disk) {
        this.account = account;
        this.ec2 = ec2;
        this.instanceId = instanceId;
        this.disk = disk;
    }

    /** What the package of this file name holds; always the same, so that its hash can be pinned. */
    private static byte[] content(String fileName) {
        return (CONTENT + fileName + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** SHA-256 of the package of this file name, in lower-case hex. */
    static String sha256(String fileName) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content(fileName)));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private record Download(List<String> urls, String output, boolean fail, boolean showError) {}

    CommandResult curl(StandInServer.Call call) {
        var download = parse(call.arguments());
        if (download == null || download.urls().size() != 1) {
            return failed(2, "the embedded AWS's curl takes one URL and " + OPTIONS + FLAGS, true);
        }
        var url = URI.create(download.urls().getFirst());
        if (!"https".equals(url.getScheme())) return failed(1, "Protocol not supported", download.showError());
        if (!url.getHost().endsWith(".amazonaws.com")) {
            return failed(6, "Could not resolve host: " + url.getHost(), download.showError());
        }
        if (!reachesInternet()) return failed(28, "Connection timed out", download.showError());
        var path = PACKAGE.matcher(url.getPath());
        var found = url.getHost().equals("s3.amazonaws.com") && path.matches();
        if (!found && download.fail()) {
            return failed(22, "The requested URL returned error: 403", download.showError());
        }
        var body = found
                ? content(path.group(1))
                : "<Error><Code>AccessDenied</Code></Error>".getBytes(StandardCharsets.UTF_8);
        if (download.output().isEmpty()) return new CommandResult(0, new String(body, StandardCharsets.UTF_8), "");
        if (download.output().equals("/dev/null")) return new CommandResult(0, "", "");
        return write(disk.resolve(call.workingDirectory(), download.output()), body, download.showError());
    }

    private static CommandResult write(Path file, byte[] body, boolean showError) {
        if (file == null || !Files.isDirectory(file.getParent())) {
            return failed(23, "Failure writing output to destination", showError);
        }
        try {
            Files.write(file, body);
            return new CommandResult(0, "", "");
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static CommandResult failed(int status, String why, boolean shown) {
        return new CommandResult(status, "", shown ? "curl: (" + status + ") " + why + "\n" : "");
    }

    /** Null where an option is not understood. */
    private static Download parse(List<String> arguments) {
        var urls = new ArrayList<String>();
        var output = "";
        var flags = new ArrayList<String>();
        for (int i = 0; i < arguments.size(); i++) {
            var argument = arguments.get(i);
            if (argument.equals("-o") || OPTIONS.contains(argument)) {
                if (++i == arguments.size()) return null;
                if (argument.equals("-o") || argument.equals("--output")) output = arguments.get(i);
            } else if (argument.matches("-[fsSLIO]+") || FLAGS.contains(argument)) {
                flags.add(argument);
            } else if (argument.startsWith("-")) {
                return null;
            } else {
                urls.add(argument);
            }
        }
        if (has(flags, "O", "--remote-name") && urls.size() == 1) {
            output = urls.getFirst().substring(urls.getFirst().lastIndexOf('/') + 1);
        }
        var silent = has(flags, "s", "--silent");
        return new Download(urls, output, has(flags, "f", "--fail"), !silent || has(flags, "S", "--show-error"));
    }

    private static boolean has(List<String> flags, String letter, String name) {
        return flags.stream().anyMatch(flag -> flag.equals(name) || !flag.startsWith("--") && flag.contains(letter));
    }

    private boolean reachesInternet() {
        return account.time().locked(() -> ec2.reachesInternet(instanceId));
    }

    /** Installs a package file; the embedded AWS has no repositories. */
    CommandResult dnf(StandInServer.Call call) {
        var words = call.arguments().stream()
                .filter(argument -> !argument.startsWith("-"))
                .toList();
        if (words.size() != 2
                || !words.getFirst().equals("install")
                || !call.arguments().contains("-y")) {
            return new CommandResult(1, "", "Error: the embedded AWS's dnf does: dnf -y install FILE\n");
        }
        var file = disk.resolve(call.workingDirectory(), words.get(1));
        try {
            if (file == null || !Files.isRegularFile(file)) {
                return new CommandResult(1, "", "Error: Unable to find a match: " + disk.unmapped(words.get(1)) + "\n");
            }
            if (!Files.readString(file).startsWith(CONTENT + "cloudhsm-cli-")) {
                return new CommandResult(1, "", "Error: Failed to open package: " + disk.unmapped(words.get(1)) + "\n");
            }
            for (var directory : List.of("etc", "log", "run")) {
                Files.createDirectories(disk.inside("/opt/cloudhsm/" + directory));
            }
            disk.installStandIn("/opt/cloudhsm/bin/cloudhsm-cli");
            disk.installStandIn("/opt/cloudhsm/bin/configure-cli");
            return new CommandResult(0, "Complete!\n", "");
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
