package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.awscore.endpoint.AwsClientEndpointProvider;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/**
 * What an HSM hour costs by AWS's price list. It informs, and never stands in the way: where it does not answer within
 * seconds, or not with one price, there is none. One operation is asked, with the SDK's signer, endpoint and credentials.
 *
 * @see <a href="https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html">Finding
 *     services and products</a>
 */
final class PriceList {
    private static final Duration LIMIT = Duration.ofSeconds(3);

    /** The end of the usage type of hsm2m.medium by the hour; it begins with the Region's abbreviation. */
    private static final String USAGE = "CloudHSMv2Usage-hsm2m.m";

    private static final SdkHttpClient HTTP = UrlConnectionHttpClient.builder()
            .connectionTimeout(LIMIT)
            .socketTimeout(LIMIT)
            .build();

    private final URI endpoint;
    private final String signingRegion;
    private final AwsCredentialsProvider credentials;

    /** @param signingRegion the endpoint's, which is not the one that is priced */
    PriceList(URI endpoint, String signingRegion, AwsCredentialsProvider credentials) {
        this.endpoint = endpoint;
        this.signingRegion = signingRegion;
        this.credentials = credentials;
    }

    /** There is an endpoint in each of few Regions, and none in AWS GovCloud. */
    static PriceList ofFunction() {
        var china = Aws.environment("AWS_REGION").startsWith("cn-");
        var region = china ? "cn-northwest-1" : "us-east-1";
        var endpoint = AwsClientEndpointProvider.builder()
                .serviceEndpointOverrideEnvironmentVariable("AWS_ENDPOINT_URL_PRICING")
                .serviceEndpointOverrideSystemProperty("aws.endpointUrlPricing")
                .serviceProfileProperty("pricing")
                .resolveFromOverrides()
                .orElseGet(() ->
                        URI.create("https://api.pricing." + region + (china ? ".amazonaws.com.cn" : ".amazonaws.com")));
        return new PriceList(
                endpoint, region, DefaultCredentialsProvider.builder().build());
    }

    /** US dollars for one HSM and one hour in the Region. */
    Optional<BigDecimal> hsmHour(String region) {
        try {
            var prices = new ArrayList<BigDecimal>();
            for (var document : products(region).path("PriceList")) {
                var product = Json.MAPPER.readTree(document.asText());
                if (!product.at("/product/attributes/usagetype").asText().endsWith(USAGE)) continue;
                for (var price : product.at("/terms/OnDemand").findValues("pricePerUnit")) {
                    prices.add(new BigDecimal(price.path("USD").asText()));
                }
            }
            if (prices.size() != 1) return Optional.empty();
            var price = prices.getFirst().stripTrailingZeros();
            return Optional.of(price.setScale(Math.max(2, price.scale())));
        } catch (SdkException | IOException | NumberFormatException unanswered) {
            return Optional.empty();
        }
    }

    private JsonNode products(String region) throws IOException {
        var input =
                Json.MAPPER.createObjectNode().put("ServiceCode", "CloudHSM").put("FormatVersion", "aws_v1");
        var filters = input.putArray("Filters");
        for (var filter : List.of("regionCode " + region, "productFamily Dedicated-Host", "operation Hourly")) {
            filters.addObject()
                    .put("Type", "TERM_MATCH")
                    .put("Field", filter.split(" ")[0])
                    .put("Value", filter.split(" ")[1]);
        }
        var body = input.toString().getBytes(StandardCharsets.UTF_8);
        var request = SdkHttpRequest.builder()
                .method(SdkHttpMethod.POST)
                .uri(endpoint)
                .encodedPath("/")
                .putHeader("Content-Type", "application/x-amz-json-1.1")
                .putHeader("X-Amz-Target", "AWSPriceListService.GetProducts")
                .putHeader("Content-Length", Integer.toString(body.length))
                .build();
        var signed = AwsV4HttpSigner.create()
                .sign(sign -> sign.identity(credentials.resolveCredentials())
                        .request(request)
                        .payload(() -> new ByteArrayInputStream(body))
                        .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, "pricing")
                        .putProperty(AwsV4HttpSigner.REGION_NAME, signingRegion));
        var answer = HTTP.prepareRequest(HttpExecuteRequest.builder()
                        .request(signed.request())
                        .contentStreamProvider(signed.payload().orElseThrow())
                        .build())
                .call();
        if (!answer.httpResponse().isSuccessful())
            throw new IOException("HTTP " + answer.httpResponse().statusCode());
        try (var stream = answer.responseBody().orElseThrow(() -> new IOException("no answer"))) {
            return Json.MAPPER.readTree(stream);
        }
    }
}
