package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.XmlElement;
import java.util.List;
import java.util.Optional;

/** A request's XML, read element by element; names without their namespace. */
record Xml(XmlElement element) {
    /** @throws AwsException MalformedXML where the body is no XML or has another root */
    static Xml parse(byte[] body, String root) {
        return XmlElement.parse(body)
                .filter(element -> element.name().equals(root))
                .map(Xml::new)
                .orElseThrow(Xml::malformed);
    }

    static AwsException malformed() {
        return AwsException.badRequest(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema");
    }

    String name() {
        return element.name();
    }

    String text() {
        return element.text().strip();
    }

    List<Xml> children() {
        return element.children().stream().map(Xml::new).toList();
    }

    List<Xml> children(String name) {
        return children().stream().filter(child -> child.name().equals(name)).toList();
    }

    Optional<Xml> child(String name) {
        return element.child(name).map(Xml::new);
    }

    /** The child's text, empty where there is no such child. */
    Optional<String> text(String name) {
        return child(name).map(Xml::text);
    }

    /** The child's text with the blanks around it, which an object's key may have; MalformedXML where it is absent. */
    String exactly(String name) {
        return child(name).map(child -> child.element().text()).orElseThrow(Xml::malformed);
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
