package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** What AWS's price list says of an HSM hour in the Region, beside what the pipeline would show. */
final class Price {
    /** The end of the usage type of hsm2m.medium; the beginning is the Region's. */
    private static final String USAGE = "CloudHSMv2Usage-hsm2m.m";

    private static final String TABLE =
            "functions/provisioning/src/main/resources/cloudhsm/pipeline/provisioning/price/hsm-prices.csv";

    private final Aws aws;
    private final Findings findings;
    private final Path root;

    Price(Aws aws, Findings findings, Path root) {
        this.aws = aws;
        this.findings = findings;
        this.root = root;
    }

    /**
     * Compares the two.
     *
     * @param parameter PricePerHsmHour, "" where it is not set
     * @return what AWS lists, in US dollars for an HSM and hour; empty where that is not known
     */
    Optional<BigDecimal> check(Caller caller, String parameter) {
        var ofAws = new AtomicReference<BigDecimal>();
        if (caller.partition().equals("aws-us-gov")) {
            findings.noted(
                    "price", "the Price List API has no endpoint in this partition.", "look at AWS's price page");
            return Optional.empty();
        }
        findings.look("price", () -> {
            var listed = listed();
            if (listed.size() == 1) ofAws.set(listed.getFirst());
            compare(parameter, listed);
        });
        return Optional.ofNullable(ofAws.get());
    }

    private void compare(String parameter, List<BigDecimal> listed) {
        if (listed.size() != 1) {
            findings.noted(
                    "price",
                    "AWS's price list has " + listed.size() + " prices of an hour of hsm2m.medium in " + aws.region()
                            + ".",
                    "look at AWS's price page, and deploy with PricePerHsmHour");
            return;
        }
        var price = listed.getFirst();
        var said = "an HSM costs " + dollars(price) + " USD an hour in " + aws.region() + " by AWS's price list, ";
        var ofTable = table(aws.region());
        if (!parameter.isEmpty()) {
            var same = new BigDecimal(parameter).compareTo(price) == 0;
            tell(said + "and PricePerHsmHour says " + parameter + ".", same, price);
        } else if (ofTable.isPresent()) {
            var table = said + "which executions go by, and the pipeline's table says " + dollars(ofTable.get()) + ".";
            if (ofTable.get().compareTo(price) == 0) findings.right("price", table);
            else
                findings.noted(
                        "price", table, "deploy with PricePerHsmHour=" + dollars(price) + " for all warnings to agree");
        } else {
            findings.noted(
                    "price",
                    said + "which executions go by, and the pipeline's table has none.",
                    "deploy with PricePerHsmHour=" + dollars(price) + " for all warnings to agree");
        }
    }

    private void tell(String said, boolean same, BigDecimal price) {
        if (same) findings.right("price", said);
        else
            findings.wrong(
                    "price",
                    said + " Reports, warnings and maxCostUsd go by the latter.",
                    "deploy with PricePerHsmHour=" + dollars(price));
    }

    private static String dollars(BigDecimal price) {
        return price.setScale(2, java.math.RoundingMode.UP).toPlainString();
    }

    private List<BigDecimal> listed() {
        var input = Json.object().put("ServiceCode", "CloudHSM").put("FormatVersion", "aws_v1");
        var filters = input.putArray("Filters");
        for (var filter : List.of("regionCode " + aws.region(), "productFamily Dedicated-Host", "operation Hourly")) {
            filters.addObject()
                    .put("Type", "TERM_MATCH")
                    .put("Field", filter.split(" ")[0])
                    .put("Value", filter.split(" ")[1]);
        }
        return aws.pages(Api.PRICING, "GetProducts", input, "PriceList", "NextToken", "NextToken").stream()
                .map(document -> Json.parse(document.asText()))
                .filter(record -> record.path("product")
                        .path("attributes")
                        .path("usagetype")
                        .asText()
                        .endsWith(USAGE))
                .flatMap(record -> record.path("terms").path("OnDemand").valueStream())
                .flatMap(term -> term.path("priceDimensions").valueStream())
                .map(dimension -> dimension.path("pricePerUnit").path("USD"))
                .filter(JsonNode::isTextual)
                .map(usd -> new BigDecimal(usd.asText()))
                .toList();
    }

    private Optional<BigDecimal> table(String region) {
        try (var lines = Files.lines(root.resolve(TABLE))) {
            return lines.map(line -> line.split(","))
                    .filter(cells -> cells[0].equals(region))
                    .map(cells -> new BigDecimal(cells[1]))
                    .findFirst();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
