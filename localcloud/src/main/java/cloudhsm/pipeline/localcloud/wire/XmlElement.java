package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * An element as it was written, and what a shape says it means.
 *
 * @param name without its namespace
 * @param text the element's own, without its children's
 */
public record XmlElement(String name, Map<String, String> attributes, List<XmlElement> children, String text) {
    private static final XMLInputFactory FACTORY = XMLInputFactory.newFactory();

    static {
        FACTORY.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        FACTORY.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    }

    /** The document's root, or empty if the bytes are no XML or have a document type, as no AWS request has. */
    public static Optional<XmlElement> parse(byte[] document) {
        try {
            var reader = FACTORY.createXMLStreamReader(new ByteArrayInputStream(document));
            for (int event = reader.next(); event != XMLStreamConstants.START_ELEMENT; event = reader.next()) {
                if (event == XMLStreamConstants.DTD) return Optional.empty();
            }
            var root = read(reader);
            while (reader.hasNext()) reader.next();
            return Optional.of(root);
        } catch (XMLStreamException malformed) {
            return Optional.empty();
        }
    }

    private static XmlElement read(XMLStreamReader reader) throws XMLStreamException {
        var name = reader.getLocalName();
        var attributes = new LinkedHashMap<String, String>();
        for (int i = 0; i < reader.getAttributeCount(); i++) {
            var prefix = reader.getAttributePrefix(i);
            var attribute = reader.getAttributeLocalName(i);
            attributes.put(
                    prefix == null || prefix.isEmpty() ? attribute : prefix + ":" + attribute,
                    reader.getAttributeValue(i));
        }
        var children = new ArrayList<XmlElement>();
        var text = new StringBuilder();
        while (true) {
            switch (reader.next()) {
                case XMLStreamConstants.START_ELEMENT -> children.add(read(reader));
                case XMLStreamConstants.END_ELEMENT -> {
                    return new XmlElement(name, attributes, children, text.toString());
                }
                case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA -> text.append(reader.getText());
                default -> {
                    // Comments say nothing.
                }
            }
        }
    }

    public Optional<XmlElement> child(String name) {
        return children.stream().filter(child -> child.name().equals(name)).findFirst();
    }

    /** The members that the shape has in the body; an element that stands for none is there under its own name. */
    ObjectNode structure(ServiceModel model, Shape shape) {
        var structure = Json.object();
        var byElement = new LinkedHashMap<String, Shape.Member>();
        for (var member : shape.members().values()) {
            if (member.xmlAttribute()) {
                var attribute = attributes.get(member.wireName());
                if (attribute != null) structure.put(member.name(), attribute);
            } else if (member.inBody()) {
                byElement.put(member.wireName(), member);
            }
        }
        for (var child : children) {
            var member = byElement.get(child.name());
            if (member == null) structure.put(child.name(), child.text());
            else child.into(structure, model, member);
        }
        return structure;
    }

    private void into(ObjectNode structure, ServiceModel model, Shape.Member member) {
        var shape = model.shape(member);
        if (shape.type().equals("list") && (shape.flattened() || member.flattened())) {
            structure
                    .withArray(member.name())
                    .add(value(model, model.shape(shape.element().orElseThrow())));
        } else {
            structure.set(member.name(), value(model, shape));
        }
    }

    private JsonNode value(ServiceModel model, Shape shape) {
        return switch (shape.type()) {
            case "structure" -> structure(model, shape);
            case "list" -> {
                var list = Json.array();
                var element = model.shape(shape.element().orElseThrow());
                children.forEach(child -> list.add(child.value(model, element)));
                yield list;
            }
            case "map" -> {
                var map = Json.object();
                var element = model.shape(shape.element().orElseThrow());
                for (var entry : children) {
                    map.set(
                            entry.child("key").map(XmlElement::text).orElse(""),
                            entry.child("value").orElse(entry).value(model, element));
                }
                yield map;
            }
            default -> Text.value(shape, text);
        };
    }
}
