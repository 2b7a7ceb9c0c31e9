package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.XmlElement;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.awscore.endpoint.AwsClientEndpointProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.profiles.ProfileFileSystemSetting;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.ServiceMetadata;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/**
 * Signed calls of AWS's APIs, with the SDK's credentials, endpoints and signatures. It knows no operation: the doctor asks
 * for reads only, the rehearsal for more.
 */
public final class Aws implements AutoCloseable {
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration ANSWER = Duration.ofSeconds(60);

    /** Of a call that AWS could not answer for a reason that passes. */
    private static final int ATTEMPTS = 3;

    /** Before the second attempt; twice that before the third. */
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private record Answer(SdkHttpResponse head, byte[] body) {
        int status() {
            return head.statusCode();
        }
    }

    private final String region;
    private final AwsCredentialsProvider credentials;
    private final Function<Api, URI> endpoints;
    private final Clock clock;
    private final Consumer<Duration> pause;
    private final SdkHttpClient http;
    private final Map<Api, Integer> calls = new EnumMap<>(Api.class);
    private Optional<Duration> clockDifference = Optional.empty();

    private Aws(
            String region,
            AwsCredentialsProvider credentials,
            Function<Api, URI> endpoints,
            Clock clock,
            Consumer<Duration> pause,
            SdkHttpClient http) {
        this.pause = pause;
        this.http = http;
        this.region = region;
        this.credentials = credentials;
        this.endpoints = endpoints;
        this.clock = clock;
    }

    /**
     * As every AWS tool finds them: credentials, Region and endpoints of the environment and the configuration files.
     *
     * @param profile goes before credentials of the environment, as with the AWS CLI; empty for what the environment has
     * @param region empty for the one of the environment or the profile
     * @throws IllegalStateException where there is no Region; the message is a sentence
     */
    public static Aws configured(Optional<String> profile, Optional<String> region) {
        var name = profile.orElseGet(ProfileFileSystemSetting.AWS_PROFILE::getStringValueOrThrow);
        var chosen = region.orElseGet(() -> regionOf(name));
        return new Aws(
                chosen,
                profile.<AwsCredentialsProvider>map(ProfileCredentialsProvider::create)
                        .orElseGet(() -> DefaultCredentialsProvider.builder()
                                .profileName(name)
                                .build()),
                api -> configuredEndpoint(api, name, signingRegion(api, chosen)),
                Clock.systemUTC(),
                Aws::sleep,
                connections());
    }

    /**
     * With everything given.
     *
     * @param endpoint of every API
     * @param clock what requests are dated by
     * @param pause lets time pass before a call is made again
     */
    public static Aws at(
            URI endpoint, String region, AwsCredentialsProvider credentials, Clock clock, Consumer<Duration> pause) {
        return at(endpoint, region, credentials, clock, pause, connections());
    }

    /**
     * The same.
     *
     * @param http what every request goes through; closed with this
     */
    public static Aws at(
            URI endpoint,
            String region,
            AwsCredentialsProvider credentials,
            Clock clock,
            Consumer<Duration> pause,
            SdkHttpClient http) {
        return new Aws(region, credentials, api -> endpoint, clock, pause, http);
    }

    /** To as many hosts as are asked. */
    public static SdkHttpClient connections() {
        return UrlConnectionHttpClient.builder()
                .connectionTimeout(CONNECT)
                .socketTimeout(ANSWER)
                .build();
    }

    private static String regionOf(String profile) {
        // The SDK does not know the second, which the AWS CLI has always read.
        for (var variable : List.of("AWS_REGION", "AWS_DEFAULT_REGION")) {
            var named = System.getenv(variable);
            if (named != null && !named.isBlank()) return named;
        }
        try {
            return DefaultAwsRegionProviderChain.builder()
                    .profileName(profile)
                    .build()
                    .getRegion()
                    .id();
        } catch (SdkClientException none) {
            throw new IllegalStateException("no Region is named; give --region, or set AWS_REGION", none);
        }
    }

    private static URI configuredEndpoint(Api api, String profile, Region region) {
        return AwsClientEndpointProvider.builder()
                .serviceEndpointOverrideEnvironmentVariable("AWS_ENDPOINT_URL_" + api.configurationName())
                .serviceEndpointOverrideSystemProperty("aws.endpointUrl" + api.configurationName())
                .serviceProfileProperty(api.configurationName().toLowerCase(Locale.ROOT))
                .profileFile(ProfileFile::defaultProfileFile)
                .profileName(profile)
                .resolveFromOverrides()
                .orElseGet(() -> URI.create(
                        "https://" + ServiceMetadata.of(api.endpointPrefix()).endpointFor(region)));
    }

    /** Of the API that has one endpoint for all Regions, and of the one that has a few. */
    private static Region signingRegion(Api api, String region) {
        return switch (api) {
            case IAM -> ServiceMetadata.of(api.endpointPrefix()).signingRegion(Region.of(region));
            case PRICING -> Region.of(region.startsWith("cn-") ? "cn-northwest-1" : "us-east-1");
            default -> Region.of(region);
        };
    }

    /** The Region that is looked at. */
    public String region() {
        return region;
    }

    /** How often each API was called. */
    Map<Api, Integer> calls() {
        return new EnumMap<>(calls);
    }

    /** How far this machine's clock is ahead of AWS's, as the first answer was dated; empty before there is one. */
    Optional<Duration> clockDifference() {
        return clockDifference;
    }

    /** What every call waits with before it is made again. */
    public void pause(Duration duration) {
        pause.accept(duration);
    }

    /** A call of an API that speaks AWS JSON. @throws AwsFailure where AWS refuses or does not answer */
    public JsonNode json(Api api, String operation, ObjectNode input) {
        return json(api, operation, input, ATTEMPTS);
    }

    /** The same, made once: AWS would make a second of what it was asked to make. */
    public JsonNode jsonOnce(Api api, String operation, ObjectNode input) {
        return json(api, operation, input, 1);
    }

    private JsonNode json(Api api, String operation, ObjectNode input, int attempts) {
        var headers = Map.of("Content-Type", api.contentType(), "X-Amz-Target", api.target() + "." + operation);
        return parsed(send(api, operation, SdkHttpMethod.POST, "/", headers, Json.bytes(input), attempts));
    }

    /** All pages of a list. The token is in the named member of the answer, and of the next request. */
    public List<JsonNode> pages(
            Api api, String operation, ObjectNode input, String list, String token, String nextToken) {
        var elements = new ArrayList<JsonNode>();
        var asked = input.deepCopy();
        while (true) {
            var page = json(api, operation, asked);
            page.path(list).forEach(elements::add);
            if (!page.hasNonNull(nextToken)) return elements;
            asked.set(token, page.get(nextToken));
        }
    }

    /**
     * A call of an API that speaks AWS Query, which EC2 does too.
     *
     * @return the element that holds the result
     * @throws AwsFailure where AWS refuses or does not answer
     */
    XmlElement query(Api api, String operation, Map<String, String> parameters) {
        var all = new TreeMap<>(parameters);
        all.put("Action", operation);
        all.put("Version", api.version());
        var body = all.entrySet().stream()
                .map(parameter -> encoded(parameter.getKey()) + "=" + encoded(parameter.getValue()))
                .collect(Collectors.joining("&"));
        var headers = Map.of("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        var answer = send(api, operation, SdkHttpMethod.POST, "/", headers, body.getBytes(StandardCharsets.UTF_8));
        var root = XmlElement.parse(answer.body())
                .orElseThrow(() -> AwsFailure.refused(api, operation, "(no XML)", "the answer is not AWS's"));
        return root.child(operation + "Result").orElse(root);
    }

    /** A GET of Lambda. @throws AwsFailure where AWS refuses or does not answer */
    JsonNode get(String operation, String path, Map<String, String> query) {
        var address = query.isEmpty()
                ? path
                : path
                        + query.entrySet().stream()
                                .map(parameter -> encoded(parameter.getKey()) + "=" + encoded(parameter.getValue()))
                                .collect(Collectors.joining("&", "?", ""));
        return parsed(send(Api.LAMBDA, operation, SdkHttpMethod.GET, address, Map.of(), new byte[0]));
    }

    /**
     * The Region of a bucket of S3 that the caller may see.
     *
     * @throws AwsFailure where AWS refuses or does not answer; a code is the HTTP status
     */
    Optional<String> headBucket(String bucket, String account) {
        var headers = Map.of("x-amz-expected-bucket-owner", account);
        return send(Api.S3, "ListBucket", SdkHttpMethod.HEAD, "/" + bucket, headers, new byte[0])
                .head()
                .firstMatchingHeader("x-amz-bucket-region");
    }

    /** The SDK's own client of S3, for what has a body. Whoever asks for it closes it. */
    public S3Client s3() {
        return S3Client.builder()
                .endpointOverride(endpoints.apply(Api.S3))
                .forcePathStyle(true) // an endpoint that is not AWS's has no host for each bucket
                .region(Region.of(region))
                .credentialsProvider(credentials)
                .httpClient(http)
                .build();
    }

    /** Makes URLs that others may use without credentials. Whoever asks for it closes it. */
    public S3Presigner presigner() {
        return S3Presigner.builder()
                .endpointOverride(endpoints.apply(Api.S3))
                .serviceConfiguration(
                        S3Configuration.builder().pathStyleAccessEnabled(true).build())
                .region(Region.of(region))
                .credentialsProvider(credentials)
                .build();
    }

    /**
     * A request that carries its own signature, as one of {@link #presigner} does.
     *
     * @throws AwsFailure where AWS refuses or does not answer
     */
    public SdkHttpResponse presigned(Api api, String operation, SdkHttpRequest request, byte[] body) {
        try {
            var answer = execute(request, body);
            if (answer.status() >= 300) throw failure(api, operation, answer);
            return answer.head();
        } catch (IOException unreachable) {
            throw AwsFailure.unreachable(request.host(), unreachable);
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("*", "%2A");
    }

    private static JsonNode parsed(Answer answer) {
        return answer.body().length == 0 ? Json.object() : Json.parse(answer.body());
    }

    private Answer send(
            Api api, String operation, SdkHttpMethod method, String path, Map<String, String> headers, byte[] body) {
        return send(api, operation, method, path, headers, body, ATTEMPTS);
    }

    private Answer send(
            Api api,
            String operation,
            SdkHttpMethod method,
            String path,
            Map<String, String> headers,
            byte[] body,
            int attempts) {
        for (int attempt = 1; ; attempt++) {
            var answer = once(api, method, path, headers, body);
            if (answer.status() < 300) return answer;
            var failure = failure(api, operation, answer);
            var passes = answer.status() >= 500 || failure.code().matches("(?i).*throttl.*|TooManyRequestsException");
            if (!passes || attempt == attempts) throw failure;
            pause(PAUSE.multipliedBy(attempt));
        }
    }

    private static void sleep(Duration pause) {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", interrupted);
        }
    }

    private Answer once(Api api, SdkHttpMethod method, String path, Map<String, String> headers, byte[] body) {
        var endpoint = endpoints.apply(api);
        var address = URI.create(endpoint.toString().replaceFirst("/$", "") + path);
        var request = SdkHttpRequest.builder().method(method).uri(address);
        headers.forEach(request::putHeader);
        try {
            var identity = credentials.resolveCredentials();
            var signed = AwsV4HttpSigner.create()
                    .sign(sign -> sign.identity(identity)
                            .request(request.build())
                            .payload(() -> new ByteArrayInputStream(body))
                            .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, api.signingName())
                            .putProperty(
                                    AwsV4HttpSigner.REGION_NAME,
                                    signingRegion(api, region).id())
                            .putProperty(AwsV4HttpSigner.DOUBLE_URL_ENCODE, api != Api.S3)
                            .putProperty(AwsV4HttpSigner.NORMALIZE_PATH, api != Api.S3)
                            .putProperty(AwsV4HttpSigner.SIGNING_CLOCK, clock));
            calls.merge(api, 1, Integer::sum);
            var answer = execute(signed.request(), body);
            noteDate(answer.head());
            return answer;
        } catch (IOException unreachable) {
            throw AwsFailure.unreachable(endpoint.getHost(), unreachable);
        } catch (SdkClientException noCredentials) {
            throw AwsFailure.noCredentials(noCredentials);
        }
    }

    private Answer execute(SdkHttpRequest request, byte[] body) throws IOException {
        var execution = HttpExecuteRequest.builder();
        if (body.length == 0) execution.request(request);
        else {
            // With a length the JDK's client sends a body once; without, a second time where the first had no answer.
            execution.request(request.copy(known -> known.putHeader("Content-Length", String.valueOf(body.length))));
            execution.contentStreamProvider(() -> new ByteArrayInputStream(body));
        }
        var response = http.prepareRequest(execution.build()).call();
        var content = response.responseBody();
        return new Answer(
                response.httpResponse(), content.isPresent() ? content.get().readAllBytes() : new byte[0]);
    }

    private void noteDate(SdkHttpResponse head) {
        if (clockDifference.isPresent()) return;
        try {
            clockDifference = head.firstMatchingHeader("date")
                    .map(date -> DateTimeFormatter.RFC_1123_DATE_TIME.parse(date, Instant::from))
                    .map(date -> Duration.between(date, clock.instant()));
        } catch (DateTimeParseException notDated) {
            clockDifference = Optional.empty();
        }
    }

    private static AwsFailure failure(Api api, String operation, Answer answer) {
        var xml = XmlElement.parse(answer.body());
        if (xml.isPresent()) {
            return AwsFailure.refused(
                    api, operation, text(xml.get(), "Code", answer.status()), text(xml.get(), "Message", 0));
        }
        try {
            var body = parsed(answer);
            var code = answer.head()
                    .firstMatchingHeader("x-amzn-ErrorType")
                    .orElseGet(() -> body.path("__type").asText(String.valueOf(answer.status())));
            var message = body.path(body.has("Message") ? "Message" : "message").asText("HTTP " + answer.status());
            return AwsFailure.refused(
                    api, operation, code.replaceFirst(":.*", "").replaceFirst(".*#", ""), message);
        } catch (AwsException noJson) {
            var text = new String(answer.body(), StandardCharsets.UTF_8);
            return AwsFailure.refused(
                    api, operation, String.valueOf(answer.status()), text.isBlank() ? "no text" : text);
        }
    }

    /** The text of the first element of that name, however deep. */
    private static String text(XmlElement element, String name, int otherwise) {
        return find(element, name).orElse(String.valueOf(otherwise));
    }

    private static Optional<String> find(XmlElement element, String name) {
        if (element.name().equals(name)) return Optional.of(element.text());
        return element.children().stream()
                .flatMap(child -> find(child, name).stream())
                .findFirst();
    }

    @Override
    public void close() {
        http.close();
    }
}
