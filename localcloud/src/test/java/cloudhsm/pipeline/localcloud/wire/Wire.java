package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/** Sends inputs that no SDK would let pass, in the service's protocol and with a valid signature. */
final class Wire implements AutoCloseable {
    /** @param code the error's; empty where the request was answered */
    record Answer(int status, String code, String body) {}

    private final LocalCloud cloud;
    private final SdkHttpClient http = UrlConnectionHttpClient.create();

    Wire(LocalCloud cloud) {
        this.cloud = cloud;
    }

    @Override
    public void close() {
        http.close();
    }

    Answer send(Model model, String operation, JsonNode input) {
        var request = SdkHttpRequest.builder().uri(cloud.uri());
        var body = switch (model.protocol()) {
            case "json" -> json(request, model, operation, input);
            case "query", "ec2" -> form(request, model, operation, input);
            default -> rest(request, model, operation, input);
        };
        return answer(signed(request.build(), model.service(), body));
    }

    private static byte[] json(SdkHttpRequest.Builder request, Model model, String operation, JsonNode input) {
        var version = model.json().path("metadata").path("jsonVersion").asText();
        request.method(SdkHttpMethod.POST)
                .encodedPath("/")
                .putHeader("X-Amz-Target", "Model." + operation)
                .putHeader("Content-Type", "application/x-amz-json-" + version);
        return Json.bytes(input);
    }

    private static byte[] form(SdkHttpRequest.Builder request, Model model, String operation, JsonNode input) {
        request.method(SdkHttpMethod.POST)
                .encodedPath("/")
                .putHeader("Content-Type", "application/x-www-form-urlencoded");
        var parameters = new ArrayList<String>();
        parameters.add("Action=" + operation);
        parameters.add(
                "Version=" + model.json().path("metadata").path("apiVersion").asText());
        formStructure(model, model.input(operation), "", input, parameters);
        return String.join("&", parameters).getBytes(StandardCharsets.UTF_8);
    }

    private static void formStructure(
            Model model, JsonNode shape, String prefix, JsonNode value, List<String> parameters) {
        for (var member : value.properties()) {
            var reference = shape.path("members").path(member.getKey());
            var name = reference.path("locationName").asText(member.getKey());
            if (model.protocol().equals("ec2")) {
                name = reference.path("queryName").asText(Character.toUpperCase(name.charAt(0)) + name.substring(1));
            }
            formValue(model, model.shape(reference), reference, prefix + name, member.getValue(), parameters);
        }
    }

    private static void formValue(
            Model model, JsonNode shape, JsonNode reference, String name, JsonNode value, List<String> parameters) {
        switch (shape.path("type").asText()) {
            case "structure" -> formStructure(model, shape, name + ".", value, parameters);
            case "list" -> {
                var element = shape.path("member");
                var flattened = model.protocol().equals("ec2")
                        || shape.path("flattened").asBoolean()
                        || reference.path("flattened").asBoolean();
                var prefix = flattened
                        ? name
                        : name + "." + element.path("locationName").asText("member");
                for (int i = 0; i < value.size(); i++) {
                    formValue(model, model.shape(element), element, prefix + "." + (i + 1), value.get(i), parameters);
                }
            }
            case "map" -> {
                int i = 1;
                for (var entry : value.properties()) {
                    var prefix = name + ".entry." + i++ + ".";
                    var key = shape.path("key").path("locationName").asText("key");
                    var element = shape.path("value");
                    parameters.add(prefix + key + "=" + encoded(entry.getKey()));
                    formValue(
                            model,
                            model.shape(element),
                            element,
                            prefix + element.path("locationName").asText("value"),
                            entry.getValue(),
                            parameters);
                }
            }
            default -> parameters.add(name + "=" + encoded(value.asText()));
        }
    }

    private static byte[] rest(SdkHttpRequest.Builder request, Model model, String operation, JsonNode input) {
        var http = model.operation(operation).path("http");
        var shape = model.input(operation);
        var uri = http.path("requestUri").asText().split("\\?", 2);
        var path = uri[0];
        if (uri.length > 1) request.putRawQueryParameter(uri[1].split("=")[0], value(uri[1]));
        var inBody = Json.object();
        for (var member : input.properties()) {
            var reference = shape.path("members").path(member.getKey());
            var name = reference.path("locationName").asText(member.getKey());
            var value = member.getValue();
            switch (reference.path("location").asText()) {
                case "uri" ->
                    path = path.replace("{" + name + "}", encoded(value.asText()))
                            .replace("{" + name + "+}", "key");
                case "querystring" -> request.putRawQueryParameter(name, texts(value));
                case "header" -> request.putHeader(name, String.join(",", texts(value)));
                default -> inBody.set(member.getKey(), value);
            }
        }
        request.method(SdkHttpMethod.fromValue(http.path("method").asText())).encodedPath(path);
        return restBody(model, shape, inBody);
    }

    private static String value(String query) {
        return query.contains("=") ? query.substring(query.indexOf('=') + 1) : "";
    }

    private static List<String> texts(JsonNode value) {
        if (!value.isArray()) return List.of(value.asText());
        return StreamSupport.stream(value.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    private static byte[] restBody(Model model, JsonNode shape, JsonNode inBody) {
        if (shape.has("payload")) {
            var payload = shape.path("payload").asText();
            if (!inBody.has(payload)) return new byte[0];
            var reference = shape.path("members").path(payload);
            var of = model.shape(reference);
            var value = inBody.path(payload);
            if (!of.path("type").asText().equals("structure"))
                return value.asText().getBytes(StandardCharsets.UTF_8);
            var root = reference
                    .path("locationName")
                    .asText(reference.path("shape").asText());
            return xml(model, of, root, value).getBytes(StandardCharsets.UTF_8);
        }
        if (inBody.isEmpty()) return new byte[0];
        return model.protocol().equals("rest-json") ? Json.bytes(inBody) : new byte[0];
    }

    private static String xml(Model model, JsonNode shape, String name, JsonNode value) {
        var content = new StringBuilder();
        var attributes = new StringBuilder();
        switch (shape.path("type").asText()) {
            case "structure" -> {
                for (var member : value.properties()) {
                    var reference = shape.path("members").path(member.getKey());
                    var wireName = reference.path("locationName").asText(member.getKey());
                    var of = model.shape(reference);
                    if (reference.path("xmlAttribute").asBoolean()) {
                        attributes
                                .append(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ")
                                .append(wireName)
                                .append("=\"")
                                .append(escaped(member.getValue().asText()))
                                .append('"');
                    } else if (of.path("type").asText().equals("list")
                            && (of.path("flattened").asBoolean()
                                    || reference.path("flattened").asBoolean())) {
                        var element = model.shape(of.path("member"));
                        member.getValue().forEach(each -> content.append(xml(model, element, wireName, each)));
                    } else {
                        content.append(xml(model, of, wireName, member.getValue()));
                    }
                }
            }
            case "list" -> {
                var element = shape.path("member");
                var wireName = element.path("locationName").asText("member");
                value.forEach(each -> content.append(xml(model, model.shape(element), wireName, each)));
            }
            default -> content.append(escaped(value.asText()));
        }
        return "<" + name + attributes + ">" + content + "</" + name + ">";
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private HttpExecuteRequest signed(SdkHttpRequest request, String service, byte[] body) {
        var administrator = cloud.iam().administrator();
        var content = ContentStreamProvider.fromByteArray(body);
        var signed = AwsV4HttpSigner.create()
                .sign(sign -> sign.identity(AwsBasicCredentials.create(
                                administrator.accessKeyId(), administrator.secretAccessKey()))
                        .request(request)
                        .payload(content)
                        .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, service)
                        .putProperty(AwsV4HttpSigner.REGION_NAME, "eu-central-1")
                        .putProperty(AwsV4HttpSigner.DOUBLE_URL_ENCODE, !service.equals("s3"))
                        .putProperty(AwsV4HttpSigner.NORMALIZE_PATH, !service.equals("s3")));
        var execute = HttpExecuteRequest.builder().request(signed.request());
        // A GET with content would be sent as a POST.
        if (body.length > 0) execute.contentStreamProvider(content);
        return execute.build();
    }

    private Answer answer(HttpExecuteRequest request) {
        try {
            var response = http.prepareRequest(request).call();
            var body = response.responseBody();
            var text = body.isPresent() ? new String(body.get().readAllBytes(), StandardCharsets.UTF_8) : "";
            var status = response.httpResponse().statusCode();
            var type = response.httpResponse().firstMatchingHeader("x-amzn-ErrorType");
            return new Answer(status, status < 300 ? "" : code(type, text), text);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static String code(Optional<String> header, String body) {
        if (header.isPresent()) return header.get();
        if (body.startsWith("{")) return Json.parse(body).path("__type").asText();
        var code = body.split("<Code>");
        return code.length < 2 ? "" : code[1].substring(0, code[1].indexOf('<'));
    }

    static String shown(JsonNode input) {
        var text = input.toString();
        return text.length() <= 300 ? text : text.substring(0, 300) + "…";
    }

    static String named(List<String> way) {
        return way.stream().collect(Collectors.joining("."));
    }
}
