package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** An answer's XML, written from the outside inwards. */
final class XmlText {
    private static final String NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

    private final StringBuilder text = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    private final String root;

    private XmlText(String root, String attributes) {
        this.root = root;
        text.append('<').append(root).append(attributes).append('>');
    }

    /** A document in S3's namespace. */
    static XmlText document(String root) {
        return new XmlText(root, " xmlns=\"" + NAMESPACE + "\"");
    }

    /** An error document; S3 gives it no namespace. */
    static XmlText error() {
        return plain("Error");
    }

    /** A document without a namespace. */
    static XmlText plain(String root) {
        return new XmlText(root, "");
    }

    XmlText open(String name) {
        text.append('<').append(name).append('>');
        return this;
    }

    /** An element whose kind an {@code xsi:type} tells. */
    XmlText openTyped(String name, String type) {
        text.append('<').append(name);
        text.append(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"");
        text.append(type).append("\">");
        return this;
    }

    XmlText close(String name) {
        text.append("</").append(name).append('>');
        return this;
    }

    /** An element with this text; nothing at all where the text is null. */
    XmlText put(String name, Object value) {
        if (value == null) return this;
        open(name).append(value.toString());
        return close(name);
    }

    /**
     * Text of the element that is open. What XML 1.0 cannot hold is written as a character reference, as S3 does, which
     * no parser of XML 1.0 takes.
     */
    XmlText append(String raw) {
        raw.codePoints().forEach(c -> {
            switch (c) {
                case '<' -> text.append("&lt;");
                case '>' -> text.append("&gt;");
                case '&' -> text.append("&amp;");
                case '"' -> text.append("&quot;");
                case '\r' -> text.append("&#13;");
                default -> {
                    if (isInXml10(c)) text.appendCodePoint(c);
                    else text.append("&#x").append(Integer.toHexString(c)).append(';');
                }
            }
        });
        return this;
    }

    /** @see <a href="https://www.w3.org/TR/xml/#charsets">XML 1.0, Characters</a> */
    private static boolean isInXml10(int c) {
        return c == '\t'
                || c == '\n'
                || c == '\r'
                || c >= 0x20 && c <= 0xD7FF
                || c >= 0xE000 && c <= 0xFFFD
                || c >= 0x10000;
    }

    AwsResponse response(int status, Map<String, String> headers) {
        var all = new HashMap<>(headers);
        all.put("Content-Type", "application/xml");
        return new AwsResponse(status, all, (text + "</" + root + ">").getBytes(StandardCharsets.UTF_8));
    }

    AwsResponse response() {
        return response(200, Map.of());
    }
}
