package cloudhsm.pipeline.localcloud.http;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import cloudhsm.pipeline.localcloud.wire.AnswerCheck;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.RequestCheck;
import cloudhsm.pipeline.localcloud.wire.Service;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The one HTTP endpoint of all services, on the loopback interface only. A request must name a loopback host, carry
 * no Origin, and be signed by an identity that this account issued: in its header or, to S3, in its URL or its form.
 */
public final class Endpoint implements AutoCloseable {
    static {
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private static final Pattern PORT = Pattern.compile(":\\d+$");

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<String, Service> services = new HashMap<>();
    private final List<Call> calls = new ArrayList<>();
    private final Set<String> defects = new LinkedHashSet<>();
    private final SimulatedTime time;
    private final Account account;
    private final Faults faults;
    private Consumer<Identity> killer = caller -> {};

    /** @param port 0 for any free port */
    public Endpoint(int port, Account account) {
        time = account.time();
        this.account = account;
        faults = account.faults();
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), 128);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        server.setExecutor(threads);
        server.createContext("/", this::serve);
    }

    public void register(Service service) {
        services.put(service.signingName(), service);
    }

    /** All services, in the order of their names. */
    public List<Service> services() {
        return services.values().stream()
                .sorted(Comparator.comparing(Service::signingName))
                .toList();
    }

    /** What makes a function die that has made a call with these credentials. */
    public void onFunctionKilled(Consumer<Identity> killer) {
        this.killer = killer;
    }

    public void start() {
        server.start();
    }

    public URI uri() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** Every call so far, in the order of arrival. */
    public List<Call> calls() {
        synchronized (calls) {
            return List.copyOf(calls);
        }
    }

    /** What the embedded AWS itself did wrong so far: exceptions, and answers that AWS's models do not allow. */
    public Set<String> defects() {
        synchronized (defects) {
            return Set.copyOf(defects);
        }
    }

    /** How often the operation was called, whatever came of it. */
    public long calls(String operation) {
        synchronized (calls) {
            return calls.stream()
                    .filter(call -> call.operation().equals(operation))
                    .count();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void serve(HttpExchange exchange) {
        try (exchange) {
            var response = answer(exchange);
            if (response == null) return; // the answer is lost, or nobody is there: the connection breaks
            response.headers().forEach((name, value) -> {
                if (!name.equalsIgnoreCase("Content-Length"))
                    exchange.getResponseHeaders().set(name, value);
            });
            var head = exchange.getRequestMethod().equals("HEAD");
            if (head) {
                var length = response.headers().get("Content-Length");
                if (length != null) exchange.getResponseHeaders().set("Content-Length", length);
                exchange.sendResponseHeaders(response.status(), -1);
                return;
            }
            var body = response.body();
            exchange.sendResponseHeaders(response.status(), body.length == 0 ? -1 : body.length);
            if (body.length == 0) return;
            exchange.getResponseBody().write(body);
            exchange.getResponseBody().flush(); // before what is left of an unread request is waited for
        } catch (IOException gone) {
            // The client closed the connection; nobody is left to tell.
        }
    }

    private AwsResponse answer(HttpExchange exchange) throws IOException {
        var requestId = UUID.randomUUID().toString();
        exchange.getResponseHeaders().set("x-amzn-RequestId", requestId);
        exchange.getResponseHeaders().set("x-amz-request-id", requestId);
        var headers = headers(exchange);
        if (!namesLoopback(headers) || headers.containsKey("origin")) {
            return AwsResponse.text(403, "text/plain", "The embedded AWS answers clients on this machine only.\n");
        }
        var query = query(exchange.getRequestURI().getRawQuery());
        var signed = Authentication.Way.of(exchange.getRequestMethod(), query, headers);
        var signature = Optional.<Signature>empty();
        try {
            if (signed == Authentication.Way.HEADER) {
                signature = Optional.of(Signature.parse(
                        headers.getOrDefault("authorization", List.of("")).getFirst()));
            }
        } catch (AwsException unsigned) {
            return AwsResponse.text(unsigned.status(), "text/plain", unsigned.code() + ": " + unsigned.getMessage());
        }
        var signingName = signature.map(Signature::service).orElse("s3");
        var service = services.get(signingName);
        if (service == null) return noSuchService(signingName, headers);
        if (!service.isOffered()) return null;
        var uri = exchange.getRequestURI();
        var head = new AwsRequest(
                signingName,
                exchange.getRequestMethod(),
                uri.getRawPath(),
                query,
                headers,
                new byte[0],
                null,
                requestId);
        AwsRequest request;
        try {
            var authentication = new Authentication(account, head, uri.getRawQuery(), exchange.getRequestBody());
            request = switch (signed) {
                case HEADER -> authentication.byHeader(signature.orElseThrow());
                case URL -> authentication.byUrl();
                case FORM -> authentication.byForm();
            };
        } catch (AwsException refused) {
            return service.error(refused, head);
        }
        return dispatch(service, request);
    }

    /**
     * A call of a JSON service from inside the account, as a role's session makes it: state machines and programs on
     * instances come this way. Faults and the call log apply as over the wire.
     *
     * @throws AwsException where the service refuses
     */
    public JsonNode call(Identity caller, String signingName, String operation, ObjectNode input) {
        var request = new AwsRequest(
                signingName,
                "POST",
                "/",
                Map.of(),
                Map.of("x-amz-target", List.of("Internal." + operation)),
                Json.bytes(input),
                caller,
                UUID.randomUUID().toString());
        var service = services.get(signingName);
        var response = service.isOffered() ? dispatch(service, request) : null;
        if (response == null) throw new AwsException("InternalFailure", 500, "The connection broke before the answer");
        var body = Json.parse(response.body());
        if (response.status() < 300) return body;
        throw new AwsException(
                body.path("__type").asText(),
                response.status(),
                body.path(body.has("Message") ? "Message" : "message").asText());
    }

    private AwsResponse dispatch(Service service, AwsRequest request) {
        var operation = "";
        var errorCode = "";
        try {
            operation = service.operation(request);
            var fault = faults.onCall(request.caller().arn(), service.signingName(), operation);
            if (fault == Faults.Kind.THROTTLED || fault == Faults.Kind.INTERNAL_ERROR) {
                throw Faults.error(fault, service.signingName());
            }
            var input = RequestCheck.input(service.signingName(), operation, request);
            var violations = RequestCheck.violations(service.signingName(), operation, input);
            if (!violations.isEmpty()) throw service.refusal(violations);
            var response = checked(service, operation, handle(service, operation, input, request));
            if (fault == Faults.Kind.ANSWER_LOST) {
                errorCode = "(answer lost)";
                return null;
            }
            if (fault == Faults.Kind.FUNCTION_KILLED) {
                errorCode = "(caller killed)";
                killer.accept(request.caller());
                return null;
            }
            return response;
        } catch (AwsException refused) {
            errorCode = refused.code();
            return checked(service, operation, service.error(refused, request));
        } catch (RuntimeException defect) {
            errorCode = "InternalFailure";
            var trace = new java.io.StringWriter();
            defect.printStackTrace(new java.io.PrintWriter(trace));
            report(operation + ": " + trace);
            return service.error(
                    new AwsException("InternalFailure", 500, "Defect in the embedded AWS: " + defect), request);
        } finally {
            synchronized (calls) {
                calls.add(new Call(
                        time.now(),
                        service.signingName(),
                        operation,
                        request.caller().arn(),
                        errorCode));
            }
        }
    }

    /** An answer that AWS's model does not allow goes out all the same; {@link #defects} tells of it. */
    private AwsResponse checked(Service service, String operation, AwsResponse answer) {
        for (var problem : AnswerCheck.problems(service.signingName(), operation, answer)) {
            report(service.signingName() + ":" + operation + " answered what its model does not allow: " + problem);
        }
        return answer;
    }

    private void report(String defect) {
        System.getLogger(Endpoint.class.getName())
                .log(System.Logger.Level.ERROR, "Defect in the embedded AWS at " + defect);
        synchronized (defects) {
            defects.add(defect);
        }
    }

    private AwsResponse handle(Service service, String operation, ObjectNode input, AwsRequest request) {
        if (service.runsUnlocked(operation)) return service.handle(operation, input, request);
        return time.locked(() -> service.handle(operation, input, request));
    }

    /** Clients of the query protocol read XML, the others JSON. */
    private static AwsResponse noSuchService(String signingName, Map<String, List<String>> headers) {
        var message = "The embedded AWS has no service with the signing name " + signingName + ".";
        var type = headers.getOrDefault("content-type", List.of("")).getFirst();
        if (type.startsWith("application/x-www-form-urlencoded")) {
            return AwsResponse.text(
                    501,
                    "text/xml",
                    "<ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>" + message
                            + "</Message></Error></ErrorResponse>");
        }
        return AwsResponse.text(
                501,
                "application/json",
                Json.text(Json.object().put("__type", "NotImplemented").put("message", message)));
    }

    private static boolean namesLoopback(Map<String, List<String>> headers) {
        var host = headers.getOrDefault("host", List.of("")).getFirst();
        var name = PORT.matcher(host).replaceFirst("");
        return name.equals("127.0.0.1")
                || name.equals("localhost")
                || name.endsWith(".localhost")
                || name.equals("[::1]");
    }

    private static Map<String, List<String>> headers(HttpExchange exchange) {
        var headers = new HashMap<String, List<String>>();
        exchange.getRequestHeaders()
                .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), List.copyOf(values)));
        return headers;
    }

    private static Map<String, List<String>> query(String rawQuery) {
        var query = new LinkedHashMap<String, List<String>>();
        if (rawQuery == null || rawQuery.isEmpty()) return query;
        for (var pair : rawQuery.split("&")) {
            var equals = pair.indexOf('=');
            var name = URLDecoder.decode(equals < 0 ? pair : pair.substring(0, equals), StandardCharsets.UTF_8);
            var value = equals < 0 ? "" : URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8);
            query.computeIfAbsent(name, any -> new ArrayList<>()).add(value);
        }
        return query;
    }
}
