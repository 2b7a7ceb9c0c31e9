package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.regex.Pattern;

/**
 * A range of IPv4 addresses.
 *
 * @param first the lowest address, as a number
 * @param size how many addresses, a power of two
 */
record Cidr(long first, long size) {
    private static final Pattern FORM = Pattern.compile("(\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3})/(\\d{1,2})");

    /** @throws AwsException InvalidParameterValue for text that is no range of 16 to 65,536 addresses, as VPCs need */
    static Cidr parse(String text) {
        var form = FORM.matcher(text);
        if (!form.matches()) throw malformed(text);
        var prefix = Integer.parseInt(form.group(2));
        if (prefix < 16 || prefix > 28) throw malformed(text);
        var size = 1L << (32 - prefix);
        return new Cidr(number(form.group(1)) / size * size, size);
    }

    private static AwsException malformed(String text) {
        return AwsException.badRequest(
                "InvalidParameterValue",
                "Value (" + text + ") for parameter cidrBlock is invalid. This is not a valid CIDR block.");
    }

    private static long number(String address) {
        long number = 0;
        for (var part : address.split("\\.")) number = number << 8 | Integer.parseInt(part);
        return number;
    }

    boolean contains(Cidr other) {
        return first <= other.first && other.first + other.size <= first + size;
    }

    boolean overlaps(Cidr other) {
        return first < other.first + other.size && other.first < first + size;
    }

    /** Where the address stands in this range; below 0 or beyond {@link #size} for one outside. */
    long position(String address) {
        return number(address) - first;
    }

    String address(long position) {
        var number = first + position;
        return (number >> 24) + "." + (number >> 16 & 255) + "." + (number >> 8 & 255) + "." + (number & 255);
    }
}
