package cloudhsm.pipeline.localcloud.lambda.handlers;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** Answers the credentials that its endpoint gave when it was made, and those that it gives now. */
public final class KeptCredentials implements RequestHandler<Map<String, String>, Map<String, String>> {
    private final String kept = credentials();

    @Override
    public Map<String, String> handleRequest(Map<String, String> input, Context context) {
        return Map.of(
                "kept",
                kept,
                "now",
                credentials(),
                "inEnvironment",
                String.valueOf(System.getenv("AWS_ACCESS_KEY_ID")));
    }

    private static String credentials() {
        var request = HttpRequest.newBuilder(URI.create(System.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")))
                .header("Authorization", System.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
                .build();
        try (var client = HttpClient.newHttpClient()) {
            return client.send(request, BodyHandlers.ofString()).body();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
