package cloudhsm.pipeline.localcloud.pricing;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The Price List Query API, for CloudHSM alone. Its endpoints are in few Regions, whatever Region is priced. Each price
 * is a JSON document in a string.
 *
 * @see <a href="https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html">Finding
 *     services and products</a>
 */
public final class PricingService extends JsonService {
    private static final int LARGEST_PAGE = 100;
    private static final String PAGE = "page-";

    /** US dollars per HSM and hour of both types, in AWS's price list of 2025-02-24; other Regions are left out. */
    private static final Map<String, String> HSM_HOUR = new TreeMap<>(Map.ofEntries(
            Map.entry("af-south-1", "1.7400000000"),
            Map.entry("ap-east-1", "2.1700000000"),
            Map.entry("ap-northeast-1", "1.8100000000"),
            Map.entry("ap-northeast-2", "1.5400000000"),
            Map.entry("ap-northeast-3", "1.8100000000"),
            Map.entry("ap-south-1", "2.0500000000"),
            Map.entry("ap-south-2", "2.0500000000"),
            Map.entry("ap-southeast-1", "1.8600000000"),
            Map.entry("ap-southeast-2", "1.9900000000"),
            Map.entry("ap-southeast-3", "2.4900000000"),
            Map.entry("ca-central-1", "2.0000000000"),
            Map.entry("eu-central-1", "1.9200000000"),
            Map.entry("eu-central-2", "2.5600000000"),
            Map.entry("eu-north-1", "1.4000000000"),
            Map.entry("eu-south-1", "1.6200000000"),
            Map.entry("eu-west-1", "1.4700000000"),
            Map.entry("eu-west-2", "1.5900000000"),
            Map.entry("eu-west-3", "2.1800000000"),
            Map.entry("il-central-1", "2.5100000000"),
            Map.entry("me-central-1", "2.5100000000"),
            Map.entry("me-south-1", "1.6600000000"),
            Map.entry("sa-east-1", "2.7200000000"),
            Map.entry("us-east-1", "1.6000000000"),
            Map.entry("us-east-2", "1.4500000000"),
            Map.entry("us-west-1", "1.8100000000"),
            Map.entry("us-west-2", "1.4500000000")));

    /** Of each Region: the two types by the hour, and what was once paid in advance. */
    private static final List<String> USAGE_TYPES =
            List.of("CloudHSMv2Usage", "CloudHSMv2Usage-hsm2m.m", "CloudHSMv2Upfront");

    private final Account account;

    public PricingService(Account account) {
        super("pricing", "1.1");
        this.account = account;
        on("GetProducts", this::getProducts);
    }

    /** US dollars for one HSM and one hour in the Region; empty where the list has none. */
    public static Optional<BigDecimal> hsmHour(String region) {
        return Optional.ofNullable(HSM_HOUR.get(region)).map(BigDecimal::new);
    }

    private JsonNode getProducts(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "pricing:GetProducts", "*");
        if (!text(input, "FormatVersion").orElse("aws_v1").equals("aws_v1")) {
            throw AwsException.badRequest("InvalidParameterException", "The format version is not supported.");
        }
        if (!required(input, "ServiceCode").equals("CloudHSM")) {
            throw AwsException.badRequest(
                    "InvalidParameterException", "The embedded AWS knows prices of the ServiceCode CloudHSM only");
        }
        var found = products().stream()
                .filter(product -> fits(product.path("product"), input.path("Filters")))
                .map(Json::text)
                .toList();
        var from = text(input, "NextToken").map(PricingService::index).orElse(0);
        var to = Math.min(found.size(), from + input.path("MaxResults").asInt(LARGEST_PAGE));
        var answer = Json.object().put("FormatVersion", "aws_v1");
        var list = answer.putArray("PriceList");
        found.subList(Math.min(from, to), to).forEach(list::add);
        if (to < found.size()) answer.put("NextToken", PAGE + to);
        return answer;
    }

    private static int index(String token) {
        if (token.matches(PAGE + "\\d{1,6}")) return Integer.parseInt(token.substring(PAGE.length()));
        throw AwsException.badRequest("InvalidNextTokenException", "The pagination token is invalid. Try again.");
    }

    private static boolean fits(JsonNode product, JsonNode filters) {
        for (var filter : filters) {
            var field = filter.path("Field").asText();
            var value = filter.path("Value").asText();
            var actual = field.equals("productFamily")
                    ? product.path(field).asText()
                    : product.path("attributes").path(field).asText();
            var fits = switch (filter.path("Type").asText()) {
                case "CONTAINS" -> actual.contains(value);
                case "ANY_OF" -> Arrays.asList(value.split(",")).contains(actual);
                case "NONE_OF" -> !Arrays.asList(value.split(",")).contains(actual);
                default -> actual.equals(value);
            };
            if (!fits) return false;
        }
        return true;
    }

    private static List<ObjectNode> products() {
        var products = new ArrayList<ObjectNode>();
        HSM_HOUR.forEach((region, price) -> USAGE_TYPES.forEach(usage -> products.add(product(region, usage, price))));
        return products;
    }

    private static ObjectNode product(String region, String usage, String price) {
        var hourly = !usage.endsWith("Upfront");
        // Assumed: price-list-record
        var sku = Integer.toUnsignedString((region + usage).hashCode(), 36).toUpperCase(java.util.Locale.ROOT);
        var record = Json.object().put("serviceCode", "CloudHSM");
        var product = record.putObject("product")
                .put("productFamily", "Dedicated-Host")
                .put("sku", sku);
        product.putObject("attributes")
                .put("servicecode", "CloudHSM")
                .put("regionCode", region)
                .put("instanceFamily", "CloudHSM-v2")
                .put("operation", hourly ? "Hourly" : "Upfront")
                .put("usagetype", region.equals("us-east-1") ? usage : prefix(region) + "-" + usage);
        var dimension = record.putObject("terms")
                .putObject("OnDemand")
                .putObject(sku + ".JRTCKXETXF")
                .putObject("priceDimensions")
                .putObject(sku + ".JRTCKXETXF.6YS6EN2CT7");
        dimension
                .put("unit", hourly ? "Hrs" : "Quantity")
                .put("beginRange", "0")
                .put("endRange", "Inf")
                .putObject("pricePerUnit")
                .put("USD", hourly ? price : "0.0000000000");
        return record;
    }

    /** As bills abbreviate a Region: {@code EUC1} for eu-central-1. */
    private static String prefix(String region) {
        var parts = region.split("-");
        return (parts[0] + parts[1].charAt(0) + parts[2]).toUpperCase(java.util.Locale.ROOT);
    }
}
