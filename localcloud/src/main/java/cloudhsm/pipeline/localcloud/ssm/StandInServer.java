package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Where the stand-ins on an instance take their calls, for as long as one command runs there: a loopback socket that
 * admits only who knows the command's random token. A call is one line: its fields, each ended by a zero byte, in base64.
 * The answer is three lines: the exit status, and the output and the error output in base64.
 */
final class StandInServer implements AutoCloseable {
    /** A program as a script calls it; the standard input travels only for the CLI's interactive mode. */
    record Call(
            String program,
            List<String> arguments,
            String workingDirectory,
            Map<String, String> environment,
            String standardInput) {
        /** Without environment and standard input, which may hold passwords. */
        @Override
        public String toString() {
            return program + " " + arguments + " in " + workingDirectory;
        }
    }

    private static final List<String> ENVIRONMENT =
            List.of("CLOUDHSM_ROLE", "CLOUDHSM_PIN", "AWS_REGION", "AWS_DEFAULT_REGION");

    /** Bash and coreutils only. The order of fields is that of {@link #read}. */
    static final String SCRIPT = """
        #!/usr/bin/env bash
        # Stand-in of the embedded AWS: hands the call to it and prints its answer.
        set -u
        input=""
        for argument in "$@"; do
          if [ "$argument" = interactive ]; then input=$(cat; printf x); input=${input%x}; break; fi
        done
        exec 9<>"/dev/tcp/127.0.0.1/$LOCALCLOUD_PORT" || exit 127
        fields=("$LOCALCLOUD_TOKEN" "${0##*/}" "$PWD" "$input"
          "${CLOUDHSM_ROLE-}" "${CLOUDHSM_PIN-}" "${AWS_REGION-}" "${AWS_DEFAULT_REGION-}" "$@")
        { printf '%s\\0' "${fields[@]}" | base64 -w 0; printf '\\n'; } >&9
        read -r status <&9
        read -r output <&9
        read -r error <&9
        [ -z "$output" ] || base64 -d <<<"$output"
        [ -z "$error" ] || base64 -d <<<"$error" >&2
        exit "$status"
        """;

    /** What stands before the arguments: the token, the program, its directory, its input, the environment. */
    private static final int FIXED_FIELDS = 8;

    private final ServerSocket server;
    private final String token;
    private final Function<Call, CommandResult> programs;

    StandInServer(Function<Call, CommandResult> programs) {
        this.programs = programs;
        var random = new byte[16];
        new SecureRandom().nextBytes(random);
        token = HexFormat.of().formatHex(random);
        try {
            server = new ServerSocket(0, 16, InetAddress.ofLiteral("127.0.0.1"));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        Thread.ofVirtual().name("stand-ins").start(this::accept);
    }

    /** What a command's environment needs for its programs to find this server. */
    Map<String, String> environment() {
        return Map.of("LOCALCLOUD_PORT", String.valueOf(server.getLocalPort()), "LOCALCLOUD_TOKEN", token);
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                var connection = server.accept();
                Thread.ofVirtual().name("stand-in").start(() -> serve(connection));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            var reader =
                    new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.US_ASCII));
            var call = read(reader);
            if (call == null) return;
            var result = run(call);
            var answer = result.exitStatus() + "\n" + encoded(result.standardOutput()) + "\n"
                    + encoded(result.standardError()) + "\n";
            connection.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException gone) {
            // The program was killed; nobody waits for the answer.
        }
    }

    private CommandResult run(Call call) {
        try {
            return programs.apply(call);
        } catch (RuntimeException defect) {
            System.getLogger(StandInServer.class.getName())
                    .log(System.Logger.Level.ERROR, "Defect in the embedded AWS at " + call.program(), defect);
            return new CommandResult(125, "", "Defect in the embedded AWS at " + call.program() + "\n");
        }
    }

    /** Null for a caller that does not know the token. */
    private Call read(BufferedReader reader) throws IOException {
        var line = reader.readLine();
        if (line == null) return null;
        var text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
        var fields = List.of(text.split("\0", -1));
        var count = fields.size() - 1; // each field ends with a zero byte
        if (count < FIXED_FIELDS || !isToken(fields.getFirst())) return null;
        var environment = new LinkedHashMap<String, String>();
        for (int i = 0; i < ENVIRONMENT.size(); i++) {
            if (!fields.get(4 + i).isEmpty()) environment.put(ENVIRONMENT.get(i), fields.get(4 + i));
        }
        return new Call(
                fields.get(1),
                List.copyOf(fields.subList(FIXED_FIELDS, count)),
                fields.get(2),
                environment,
                fields.get(3));
    }

    private boolean isToken(String given) {
        return MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    private static String encoded(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
