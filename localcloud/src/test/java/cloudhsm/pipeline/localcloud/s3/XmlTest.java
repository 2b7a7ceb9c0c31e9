package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class XmlTest {
    private static Xml parse(String document) {
        return Xml.parse(document.getBytes(StandardCharsets.UTF_8), "Delete");
    }

    @Test
    void namesHaveNoNamespaceAndTextNoSpaceAround() {
        var delete = parse(
                "<?xml version=\"1.0\"?><!-- two --><a:Delete xmlns:a=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                        + "<a:Quiet> true </a:Quiet><a:Object><a:Key>a &amp; b</a:Key></a:Object></a:Delete>");
        assertEquals("true", delete.required("Quiet"));
        assertEquals("a & b", delete.children("Object").getFirst().required("Key"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "no XML",
                "<Delete>",
                "<Other/>",
                "<Delete/><Delete/>",
                "<Delete/>more",
                "<Delete>&undefined;</Delete>",
                "<!DOCTYPE Delete><Delete/>",
                "<!DOCTYPE Delete [<!ENTITY x \"y\">]><Delete>&x;</Delete>"
            })
    void whatIsNoDocumentOfThatRootIsMalformed(String document) {
        assertEquals(
                "MalformedXML",
                assertThrows(AwsException.class, () -> parse(document)).code());
    }

    @Test
    void elementWhereTextBelongsIsNoText() {
        assertEquals("", parse("<Delete><Quiet><b>true</b></Quiet></Delete>").required("Quiet"));
    }
}
