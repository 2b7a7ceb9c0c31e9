package cloudhsm.pipeline.localcloud.http;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A browser's upload: a form, {@code multipart/form-data}, with a file as its last field.
 *
 * @param fields before the file, by lower-case name; of several of one name, their values with commas
 * @param fileName as the browser says; "" where it says nothing
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html">HTML form fields</a>
 */
public record PostForm(Map<String, String> fields, String fileName, byte[] file) {
    /** Bytes of the fields before the file: "POST preceding data is limited to 20 KB". */
    private static final int MOST_FIELDS = 20 * 1024;

    private static final Pattern PARAMETER = Pattern.compile("(?i);\\s*(\\w+)=(?:\"([^\"]*)\"|([^;\\s]+))");
    private static final byte[] LINE_END = {'\r', '\n'};
    private static final byte[] HEADERS_END = {'\r', '\n', '\r', '\n'};

    public PostForm {
        fields = Map.copyOf(fields);
    }

    /** Whether the content type is that of a form with a file. */
    public static boolean isOne(String method, String contentType) {
        return method.equals("POST") && contentType.toLowerCase(Locale.ROOT).startsWith("multipart/form-data");
    }

    public Optional<String> field(String name) {
        return Optional.ofNullable(fields.get(name));
    }

    /**
     * @throws AwsException MalformedPOSTRequest; MaxPostPreDataLengthExceededError; InvalidArgument without exactly one
     *     file
     */
    public static PostForm parse(String contentType, byte[] body) {
        var boundary = parameter(contentType, "boundary").orElseThrow(PostForm::malformed);
        var delimiter = ("--" + boundary).getBytes(StandardCharsets.UTF_8);
        var between = ("\r\n--" + boundary).getBytes(StandardCharsets.UTF_8);
        if (!startsWith(body, 0, delimiter)) throw malformed();
        var fields = new LinkedHashMap<String, String>();
        var position = delimiter.length;
        while (startsWith(body, position, LINE_END)) {
            var headersEnd = indexOf(body, HEADERS_END, position);
            var end = headersEnd < 0 ? -1 : indexOf(body, between, headersEnd + LINE_END.length);
            if (end < 0) throw malformed();
            var disposition = disposition(text(body, position, headersEnd));
            var name = parameter(disposition, "name")
                    .orElseThrow(PostForm::malformed)
                    .toLowerCase(Locale.ROOT);
            var content = Math.min(headersEnd + HEADERS_END.length, end);
            if (name.equals("file")) {
                // Whatever follows the file is ignored.
                return new PostForm(
                        fields, parameter(disposition, "filename").orElse(""), Arrays.copyOfRange(body, content, end));
            }
            if (end > MOST_FIELDS) {
                throw AwsException.badRequest(
                        "MaxPostPreDataLengthExceededError",
                        "Your POST request fields preceding the upload file were too large.");
            }
            fields.merge(name, text(body, content, end), (one, other) -> one + "," + other);
            position = end + between.length;
        }
        throw new AwsException(
                "InvalidArgument",
                400,
                "POST requires exactly one file upload per request.",
                Map.of("ArgumentName", "file", "ArgumentValue", "0"));
    }

    /**
     * The signature of the form's policy.
     *
     * @throws AwsException AccessDenied for a form without a policy, which would be everybody's; InvalidArgument where a
     *     field of the signature is missing or not of SigV4's form
     */
    Signature signature() {
        if (field("policy").isEmpty()) throw new AwsException("AccessDenied", 403, "Access Denied");
        if (!required("x-amz-algorithm").equals(Signature.ALGORITHM)) {
            throw invalid("x-amz-algorithm", "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
        }
        var scope = required("x-amz-credential").split("/");
        if (scope.length != 5 || !scope[3].equals("s3") || !scope[4].equals("aws4_request")) {
            throw invalid(
                    "x-amz-credential",
                    "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request\".");
        }
        if (!required("x-amz-date").startsWith(scope[1] + "T")) {
            throw invalid("x-amz-date", "the date is not that of the Credential");
        }
        return new Signature(scope[0], scope[1], scope[2], scope[3], List.of(), required("x-amz-signature"));
    }

    private String required(String name) {
        return field(name)
                .orElseThrow(() -> invalid(
                        name,
                        "Bucket POST must contain a field named '" + name
                                + "'.  If it is specified, please check the order of the fields."));
    }

    private AwsException invalid(String name, String message) {
        return new AwsException(
                "InvalidArgument",
                400,
                message,
                Map.of("ArgumentName", name, "ArgumentValue", field(name).orElse("")));
    }

    private static String disposition(String headers) {
        return headers.lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("content-disposition:"))
                .findFirst()
                .orElseThrow(PostForm::malformed);
    }

    private static Optional<String> parameter(String header, String name) {
        return PARAMETER
                .matcher(header)
                .results()
                .filter(found -> found.group(1).equalsIgnoreCase(name))
                .map(found -> found.group(2) == null ? found.group(3) : found.group(2))
                .findFirst();
    }

    private static String text(byte[] body, int from, int to) {
        return new String(body, from, to - from, StandardCharsets.UTF_8);
    }

    private static boolean startsWith(byte[] body, int position, byte[] wanted) {
        return position + wanted.length <= body.length
                && Arrays.equals(body, position, position + wanted.length, wanted, 0, wanted.length);
    }

    private static int indexOf(byte[] body, byte[] wanted, int from) {
        for (int i = from; i + wanted.length <= body.length; i++) {
            if (body[i] == wanted[0] && startsWith(body, i, wanted)) return i;
        }
        return -1;
    }

    private static AwsException malformed() {
        return AwsException.badRequest(
                "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.");
    }
}
