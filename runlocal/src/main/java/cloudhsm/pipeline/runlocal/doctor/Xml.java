package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.wire.XmlElement;
import java.util.List;

/** What is read of XML answers. */
final class Xml {
    private Xml() {}

    /** The text of the child; "" where there is none. */
    static String text(XmlElement element, String child) {
        return element.child(child).map(XmlElement::text).orElse("");
    }

    /** The elements of a list, whatever each is called. */
    static List<XmlElement> items(XmlElement element, String list) {
        return element.child(list).map(XmlElement::children).orElse(List.of());
    }
}
