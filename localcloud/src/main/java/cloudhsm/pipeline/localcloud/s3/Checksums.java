package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;

/**
 * The checksums that S3 keeps of an object, by algorithm; base64 as in the headers.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html">Checking object
 *     integrity</a>
 */
final class Checksums {
    /** What S3 computes where the client says nothing. */
    static final String DEFAULT = "CRC64NVME";

    private static final Set<String> ALGORITHMS = Set.of("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256");
    private static final long[] CRC64NVME_TABLE = crc64NvmeTable();
    private static final List<long[]> ZERO_BYTES = zeroBytes();

    /** For each place in a word of eight bytes, what a byte there makes of the remainder once all eight are taken. */
    private static final long[][] CRC64NVME_BY_PLACE = crc64NvmeByPlace();

    private static final VarHandle WORD = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private Checksums() {}

    static String header(String algorithm) {
        return "x-amz-checksum-" + algorithm.toLowerCase(Locale.ROOT);
    }

    /** The XML element of the checksum. */
    static String element(String algorithm) {
        return "Checksum" + algorithm;
    }

    /** @throws AwsException InvalidRequest for an algorithm that S3 does not have */
    static String known(String algorithm) {
        var upper = algorithm.toUpperCase(Locale.ROOT);
        if (!ALGORITHMS.contains(upper)) {
            throw S3Errors.invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the"
                    + " valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
        }
        return upper;
    }

    /**
     * Checks the body against every digest the request carries, in a header or trailer.
     *
     * @return the checksums to keep
     * @throws AwsException BadDigest, InvalidDigest
     */
    static Map<String, String> verify(S3Request request, byte[] body) {
        request.header("content-md5").ifPresent(md5 -> {
            if (decoded(md5, "Content-MD5").length != 16) throw invalidDigest("Content-MD5");
            if (!md5.equals(base64(digest("MD5", body)))) {
                throw AwsException.badRequest(
                        "BadDigest", "The Content-MD5 you specified did not match what we received.");
            }
        });
        var kept = new LinkedHashMap<String, String>();
        for (var algorithm : ALGORITHMS) {
            var claimed = request.header(header(algorithm));
            if (claimed.isEmpty()) continue;
            decoded(claimed.get(), header(algorithm));
            var actual = compute(algorithm, body);
            if (!actual.equals(claimed.get())) {
                throw AwsException.badRequest(
                        "BadDigest", "The " + algorithm + " you specified did not match the calculated checksum.");
            }
            kept.put(algorithm, actual);
        }
        if (kept.size() > 1) {
            throw S3Errors.invalidRequest(
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not" + " allowed.");
        }
        if (kept.isEmpty()) {
            var algorithm = request.header("x-amz-sdk-checksum-algorithm")
                    .map(Checksums::known)
                    .orElse(DEFAULT);
            kept.put(algorithm, compute(algorithm, body));
        }
        return kept;
    }

    private static byte[] decoded(String base64, String header) {
        try {
            return Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException noBase64) {
            throw invalidDigest(header);
        }
    }

    private static AwsException invalidDigest(String header) {
        return AwsException.badRequest(
                header.equals("Content-MD5") ? "InvalidDigest" : "InvalidRequest",
                header.equals("Content-MD5")
                        ? "The Content-MD5 you specified was invalid."
                        : "Value for " + header + " header is invalid.");
    }

    static String compute(String algorithm, byte[] body) {
        return switch (algorithm) {
            case "CRC32" -> {
                var crc = new CRC32();
                crc.update(body);
                yield base64(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
            }
            case "CRC32C" -> {
                var crc = new CRC32C();
                crc.update(body);
                yield base64(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
            }
            case "CRC64NVME" ->
                base64(ByteBuffer.allocate(8).putLong(crc64Nvme(body)).array());
            case "SHA1" -> base64(digest("SHA-1", body));
            case "SHA256" -> base64(digest("SHA-256", body));
            default -> throw new IllegalArgumentException(algorithm);
        };
    }

    static String md5Hex(byte[] body) {
        return HexFormat.of().formatHex(digest("MD5", body));
    }

    static byte[] digest(String algorithm, byte[] body) {
        try {
            return MessageDigest.getInstance(algorithm).digest(body);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    /** The headers of these checksums. */
    static Map<String, String> headers(Map<String, String> checksums) {
        var headers = new TreeMap<String, String>();
        checksums.forEach((algorithm, value) -> {
            headers.put(header(algorithm), value);
            headers.put("x-amz-checksum-type", type(value));
        });
        return headers;
    }

    /** A checksum of parts' checksums ends with their number. */
    static String type(String value) {
        return value.contains("-") ? "COMPOSITE" : "FULL_OBJECT";
    }

    private static long crc64Nvme(byte[] body) {
        long crc = ~0L;
        int next = 0;
        for (; next + 8 <= body.length; next += 8) crc = word(crc ^ (long) WORD.get(body, next));
        for (; next < body.length; next++) crc = CRC64NVME_TABLE[(int) (crc ^ body[next]) & 0xff] ^ (crc >>> 8);
        return ~crc;
    }

    /** Eight bytes at once ("slicing by 8"), several times as fast as one after the other. */
    private static long word(long word) {
        return CRC64NVME_BY_PLACE[0][(int) word & 0xff]
                ^ CRC64NVME_BY_PLACE[1][(int) (word >>> 8) & 0xff]
                ^ CRC64NVME_BY_PLACE[2][(int) (word >>> 16) & 0xff]
                ^ CRC64NVME_BY_PLACE[3][(int) (word >>> 24) & 0xff]
                ^ CRC64NVME_BY_PLACE[4][(int) (word >>> 32) & 0xff]
                ^ CRC64NVME_BY_PLACE[5][(int) (word >>> 40) & 0xff]
                ^ CRC64NVME_BY_PLACE[6][(int) (word >>> 48) & 0xff]
                ^ CRC64NVME_BY_PLACE[7][(int) (word >>> 56)];
    }

    private static long[][] crc64NvmeByPlace() {
        var byPlace = new long[8][256];
        for (int i = 0; i < 256; i++) {
            long crc = CRC64NVME_TABLE[i];
            for (int place = 7; place >= 0; place--) {
                byPlace[place][i] = crc;
                crc = zeroByte(crc);
            }
        }
        return byPlace;
    }

    /**
     * The CRC64NVME of so many zero bytes, without going through them: a zero byte is a linear map of the remainder, so
     * many of them are that map's power.
     *
     * @throws AwsException NotImplemented for another algorithm
     */
    static String ofZeros(String algorithm, long count) {
        if (!algorithm.equals(DEFAULT)) throw S3Errors.notImplemented(algorithm + " of simulated bytes");
        long crc = ~0L;
        int power = 0;
        for (long left = count; left > 0; left >>>= 1, power++) {
            if ((left & 1) == 1) crc = applied(ZERO_BYTES.get(power), crc);
        }
        return base64(ByteBuffer.allocate(8).putLong(~crc).array());
    }

    /** By i: what 2^i zero bytes make of a remainder, as the images of its 64 bits. */
    private static List<long[]> zeroBytes() {
        var maps = new ArrayList<long[]>();
        var map = new long[64];
        for (int bit = 0; bit < 64; bit++) map[bit] = zeroByte(1L << bit);
        while (maps.size() < 63) {
            maps.add(map);
            var squared = new long[64];
            for (int bit = 0; bit < 64; bit++) squared[bit] = applied(map, map[bit]);
            map = squared;
        }
        return List.copyOf(maps);
    }

    private static long zeroByte(long crc) {
        return CRC64NVME_TABLE[(int) crc & 0xff] ^ (crc >>> 8);
    }

    private static long applied(long[] map, long crc) {
        long sum = 0;
        for (int bit = 0; bit < 64; bit++) if ((crc >>> bit & 1) == 1) sum ^= map[bit];
        return sum;
    }

    private static long[] crc64NvmeTable() {
        var table = new long[256];
        for (int i = 0; i < 256; i++) {
            long crc = i;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >>> 1) ^ 0x9A6C9329AC4BC9B5L : crc >>> 1;
            table[i] = crc;
        }
        return table;
    }
}
