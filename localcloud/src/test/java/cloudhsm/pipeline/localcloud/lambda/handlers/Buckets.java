package cloudhsm.pipeline.localcloud.lambda.handlers;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.s3.S3Client;

/** Calls S3 with a client configured by nothing but the environment; answers where the request went. */
public final class Buckets implements RequestStreamHandler {
    private final S3Client s3 = S3Client.builder()
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .build();

    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        var url = s3.utilities()
                .getUrl(request -> request.bucket("reports").key("q3.csv"))
                .toString();
        output.write(('"' + url + '"').getBytes(StandardCharsets.UTF_8));
    }
}
