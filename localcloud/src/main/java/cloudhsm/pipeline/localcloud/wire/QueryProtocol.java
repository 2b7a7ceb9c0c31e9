package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** The AWS query protocol: form parameters in, XML out (SNS, STS, IAM, CloudFormation). */
public final class QueryProtocol {
    private final String namespace;

    /** @param namespace of the answers, which carries the API's version */
    public QueryProtocol(String namespace) {
        this.namespace = namespace;
    }

    public String operation(AwsRequest request) {
        return parameters(request).getOrDefault("Action", "");
    }

    /** By name as sent, for example {@code Attributes.entry.1.key}. */
    public static Map<String, String> parameters(AwsRequest request) {
        var parameters = new LinkedHashMap<String, String>();
        request.query().forEach((name, values) -> parameters.put(name, values.getFirst()));
        for (var pair : request.bodyText().split("&")) {
            var equals = pair.indexOf('=');
            if (equals > 0) parameters.put(decoded(pair.substring(0, equals)), decoded(pair.substring(equals + 1)));
        }
        return parameters;
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    /** A map parameter: {@code prefix.1.key} and {@code prefix.1.value}, and so on. */
    public static Map<String, String> entries(Map<String, String> parameters, String prefix) {
        var entries = new LinkedHashMap<String, String>();
        for (var i = 1; parameters.containsKey(prefix + "." + i + ".key"); i++) {
            entries.put(
                    parameters.get(prefix + "." + i + ".key"),
                    parameters.getOrDefault(prefix + "." + i + ".value", ""));
        }
        return entries;
    }

    /** @param result the XML inside the operation's result element */
    public AwsResponse answer(String operation, String result, AwsRequest request) {
        return xml(
                200,
                "<" + operation + "Response xmlns=\"" + namespace + "\"><" + operation + "Result>" + result + "</"
                        + operation + "Result><ResponseMetadata>" + element("RequestId", request.requestId())
                        + "</ResponseMetadata></" + operation + "Response>");
    }

    public AwsResponse error(AwsException error, AwsRequest request) {
        return xml(
                error.status(),
                "<ErrorResponse xmlns=\"" + namespace + "\"><Error>"
                        + element("Type", error.status() < 500 ? "Sender" : "Receiver")
                        + element("Code", error.code()) + element("Message", String.valueOf(error.getMessage()))
                        + "</Error>" + element("RequestId", request.requestId()) + "</ErrorResponse>");
    }

    /** The same of services whose own name for a refusal is without the suffix that others have. */
    public AwsResponse errorOfAccessDenied(AwsException error, AwsRequest request) {
        return error(
                error.code().equals("AccessDeniedException")
                        ? new AwsException("AccessDenied", 403, error.getMessage())
                        : error,
                request);
    }

    private static AwsResponse xml(int status, String body) {
        return AwsResponse.text(status, "text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + body);
    }

    /** One element with text content, escaped. */
    public static String element(String name, String text) {
        var escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
        return "<" + name + ">" + escaped + "</" + name + ">";
    }

    /** The refusal of an operation that the embedded AWS does not have. */
    public static AwsException unknown(String service, String operation) {
        return AwsException.badRequest(
                "InvalidAction", "The embedded AWS does not answer " + service + ":" + operation);
    }
}
