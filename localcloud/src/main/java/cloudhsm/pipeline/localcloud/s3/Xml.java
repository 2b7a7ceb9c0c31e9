package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.http.AwsException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.xml.sax.SAXException;
import org.xml.sax.helpers.DefaultHandler;

/** A request's XML, read element by element; names without their namespace. */
record Xml(Element element) {
    /** Those that nobody uses at the moment: to make one costs more than to read a request. */
    private static final Queue<DocumentBuilder> BUILDERS = new ConcurrentLinkedQueue<>();

    /** @throws AwsException MalformedXML where the body is no XML or has another root */
    static Xml parse(byte[] body, String root) {
        var idle = BUILDERS.poll();
        var builder = idle == null ? builder() : idle;
        try {
            var xml = new Xml(builder.parse(new ByteArrayInputStream(body)).getDocumentElement());
            if (!xml.name().equals(root)) throw malformed();
            return xml;
        } catch (SAXException unreadable) {
            throw malformed();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        } finally {
            BUILDERS.add(builder);
        }
    }

    private static DocumentBuilder builder() {
        try {
            var factory = DocumentBuilderFactory.newDefaultInstance();
            factory.setNamespaceAware(true);
            factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            var builder = factory.newDocumentBuilder();
            builder.setErrorHandler(new DefaultHandler());
            return builder;
        } catch (ParserConfigurationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static AwsException malformed() {
        return AwsException.badRequest(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema");
    }

    String name() {
        return element.getLocalName();
    }

    /** All text within. */
    String text() {
        return element.getTextContent().strip();
    }

    List<Xml> children() {
        var children = new ArrayList<Xml>();
        for (var node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element child) children.add(new Xml(child));
        }
        return children;
    }

    List<Xml> children(String name) {
        return children().stream().filter(child -> child.name().equals(name)).toList();
    }

    Optional<Xml> child(String name) {
        return children(name).stream().findFirst();
    }

    /** The child's text, empty where there is no such child. */
    Optional<String> text(String name) {
        return child(name).map(Xml::text);
    }

    /** @throws AwsException MalformedXML where there is no such child */
    String required(String name) {
        return text(name).orElseThrow(Xml::malformed);
    }

    /** @throws AwsException MalformedXML where a child has none of these names */
    void allowOnly(String... names) {
        var allowed = List.of(names);
        for (var child : children()) if (!allowed.contains(child.name())) throw malformed();
    }
}
