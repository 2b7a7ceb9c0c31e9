package cloudhsm.pipeline.localcloud.account;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.regions.Region;

/** What the embedded AWS knows of AWS's Regions, those of the partition {@code aws}, and of their zones. */
public final class Regions {
    /** Where the embedded AWS is unless it is told otherwise. */
    public static final String DEFAULT = "eu-central-1";

    /** By AWS's price list of 2025-02-24 and the endpoints of its General Reference; CloudHSM may be in more. */
    private static final Set<String> WITH_CLOUDHSM = Set.of(
            "af-south-1",
            "ap-east-1",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2");

    /**
     * Melbourne and Spain.
     *
     * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/keystore-cloudhsm.html">CloudHSM key stores</a>
     */
    private static final Set<String> WITHOUT_KEY_STORES = Set.of("ap-southeast-4", "eu-south-2");

    /** In zone ids directions of two words have two letters, as in {@code apse2-az1}, and the others one. */
    private static final Map<String, String> DIRECTIONS =
            Map.of("northeast", "ne", "northwest", "nw", "southeast", "se", "southwest", "sw");

    private Regions() {}

    /** @throws IllegalArgumentException unless it is the name of a Region; the message says which there are */
    public static String requireKnown(String region) {
        if (names().anyMatch(region::equals)) return region;
        throw new IllegalArgumentException("there is no Region \"" + region + "\" in the embedded AWS; there are "
                + String.join(", ", names().sorted().toList()));
    }

    private static Stream<String> names() {
        return Region.regions().stream()
                .filter(region -> !region.isGlobalRegion())
                .filter(region -> region.metadata() != null
                        && region.metadata().partition().id().equals("aws"))
                .map(Region::id);
    }

    /** Three in each Region; really some have fewer and some more. */
    public static List<String> zones(String region) {
        return List.of(region + "a", region + "b", region + "c");
    }

    /** CloudHSM is not in every zone [TPL#33]: in the third one here it is not. Empty where it is not in the Region. */
    public static List<String> zonesWithCloudHsm(String region) {
        return WITH_CLOUDHSM.contains(region) ? zones(region).subList(0, 2) : List.of();
    }

    /** Whether KMS takes CloudHSM clusters as key stores there. */
    public static boolean haveKeyStores(String region) {
        return !WITHOUT_KEY_STORES.contains(region);
    }

    /** The id of a zone, such as {@code euc1-az1} of {@code eu-central-1a}; in other accounts it may be another's. */
    public static String zoneId(String zone) {
        var words = zone.split("-");
        var number = words[2].substring(0, words[2].length() - 1);
        var letter = zone.charAt(zone.length() - 1);
        return words[0] + DIRECTIONS.getOrDefault(words[1], words[1].substring(0, 1)) + number + "-az"
                + (letter - 'a' + 1);
    }
}
