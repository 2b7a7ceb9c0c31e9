package cloudhsm.pipeline.localcloud.pricing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PricingServiceTest {
    private final LocalCloud cloud = LocalCloud.start();

    @AfterEach
    void close() {
        cloud.close();
    }

    private JsonNode getProducts(ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), "pricing", "GetProducts", input);
    }

    private static ObjectNode request(String... filters) {
        var input = Json.object().put("ServiceCode", "CloudHSM");
        for (var filter : filters) {
            var words = filter.split(" ");
            input.withArray("/Filters")
                    .addObject()
                    .put("Type", words[0])
                    .put("Field", words[1])
                    .put("Value", words[2]);
        }
        return input;
    }

    @Test
    void aPriceIsADocumentInAString() {
        var list = getProducts(request("TERM_MATCH regionCode eu-central-1", "CONTAINS usagetype hsm2m.m"))
                .path("PriceList");
        assertEquals(1, list.size());
        assertTrue(list.get(0).isTextual(), "AWS sends each record as text");
        var record = Json.parse(list.get(0).asText());
        assertEquals(
                "EUC1-CloudHSMv2Usage-hsm2m.m",
                record.at("/product/attributes/usagetype").asText());
        var dimension = record.path("terms")
                .path("OnDemand")
                .elements()
                .next()
                .path("priceDimensions")
                .elements()
                .next();
        assertEquals("1.9200000000", dimension.at("/pricePerUnit/USD").asText());
    }

    @Test
    void everyFilterMustFit() {
        assertEquals(
                3,
                getProducts(request("TERM_MATCH regionCode us-east-1"))
                        .path("PriceList")
                        .size());
        assertEquals(
                2,
                getProducts(request("TERM_MATCH regionCode us-east-1", "EQUALS operation Hourly"))
                        .path("PriceList")
                        .size());
        assertEquals(
                0,
                getProducts(request("TERM_MATCH regionCode us-east-1", "NONE_OF operation Hourly,Upfront"))
                        .path("PriceList")
                        .size(),
                "no match is an empty list");
    }

    @Test
    void pricesComeInPages() {
        var all = new ArrayList<String>();
        var input = request("ANY_OF regionCode us-east-1,us-east-2").put("MaxResults", 4);
        var page = getProducts(input);
        page.path("PriceList").forEach(price -> all.add(price.asText()));
        assertEquals(4, all.size());
        getProducts(input.put("NextToken", page.path("NextToken").asText()))
                .path("PriceList")
                .forEach(price -> all.add(price.asText()));
        assertEquals(6, List.copyOf(new java.util.LinkedHashSet<>(all)).size());
    }

    @Test
    void anotherServiceIsNotKnownHere() {
        var refused =
                assertThrows(AwsException.class, () -> getProducts(Json.object().put("ServiceCode", "AWSCloudHSM")));
        assertEquals("InvalidParameterException", refused.code());
    }
}
