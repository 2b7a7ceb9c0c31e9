package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.XmlElement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** The caller, the clock, and what the Region offers. */
final class WhoAndWhere {
    /** A request that is dated otherwise is refused [IAM:reference_sigv-troubleshooting]. */
    private static final Duration MOST_CLOCK_DIFFERENCE = Duration.ofMinutes(5);

    /** KMS has no CloudHSM key stores there [KMS:keystore-cloudhsm]. */
    private static final Set<String> WITHOUT_KEY_STORES =
            Set.of("ap-southeast-4", "eu-south-2", "cn-north-1", "cn-northwest-1");

    /** New Zealand and Taipei [LAM:snapstart]. */
    private static final Set<String> WITHOUT_SNAP_START = Set.of("ap-southeast-6", "ap-east-2");

    private static final int NEEDED_ZONES = 2;

    private final Aws aws;
    private final Findings findings;

    WhoAndWhere(Aws aws, Findings findings) {
        this.aws = aws;
        this.findings = findings;
    }

    /** Who asks; empty where AWS does not know, and then nothing else can be asked. */
    Optional<Caller> caller() {
        try {
            var caller = Caller.of(aws);
            findings.right("identity", "you are " + caller.arn() + ".");
            return Optional.of(caller);
        } catch (AwsFailure unknown) {
            findings.unseen("identity", unknown);
            return Optional.empty();
        } finally {
            clock();
        }
    }

    private void clock() {
        aws.clockDifference().ifPresent(difference -> {
            var seconds = difference.toSeconds();
            var said = "this machine's clock is " + Math.abs(seconds) + " s " + (seconds < 0 ? "behind" : "ahead of")
                    + " AWS's";
            if (difference.abs().compareTo(MOST_CLOCK_DIFFERENCE) <= 0) findings.right("clock", said + ".");
            else
                findings.wrong(
                        "clock",
                        said + "; AWS refuses what is dated more than five minutes away from its own.",
                        "set the clock, for example with chronyc makestep or timedatectl set-ntp true");
        });
    }

    /**
     * The zones that offer CloudHSM, none where the pipeline cannot be in the Region or where it is not known. Empty
     * where nothing more can be asked in the Region.
     */
    Optional<Set<String>> zones(Caller caller) {
        if (!partition(caller)) return Optional.empty();
        var zones = new TreeSet<String>();
        try {
            zones.addAll(zonesWithCloudHsm());
        } catch (AwsFailure failure) {
            findings.unseen("CloudHSM", failure);
            if (failure.isOfEveryCall()) return Optional.empty();
        }
        keyStores();
        snapStart(caller);
        return Optional.of(zones);
    }

    private boolean partition(Caller caller) {
        var ofRegion = software.amazon.awssdk.regions.Region.of(aws.region()).metadata();
        if (ofRegion == null) {
            findings.wrong(
                    "Region",
                    aws.region() + " is no Region that this build knows.",
                    "check the name given with --region");
        } else if (!ofRegion.partition().id().equals(caller.partition())) {
            findings.wrong(
                    "Region",
                    aws.region() + " is in the partition "
                            + ofRegion.partition().id() + ", and the account is in " + caller.partition() + ".",
                    "choose a Region of " + caller.partition() + " with --region");
        } else {
            findings.right(
                    "Region",
                    aws.region() + " (" + ofRegion.description() + "), partition " + caller.partition() + ".");
            return true;
        }
        return false;
    }

    private void keyStores() {
        if (WITHOUT_KEY_STORES.contains(aws.region())) {
            findings.wrong(
                    "CloudHSM key stores",
                    "KMS has none in " + aws.region() + ".",
                    "deploy to another Region; only Melbourne, Spain, Beijing and Ningxia have none");
            return;
        }
        findings.look("CloudHSM key stores", () -> {
            aws.json(Api.KMS, "DescribeCustomKeyStores", Json.object().put("Limit", 1));
            findings.right("CloudHSM key stores", "KMS in " + aws.region() + " answers for them.");
        });
    }

    private void snapStart(Caller caller) {
        if (WITHOUT_SNAP_START.contains(aws.region())) {
            findings.wrong(
                    "Lambda",
                    "SnapStart is not offered in " + aws.region()
                            + ", and the re-encryption function is deployed with it.",
                    "deploy to another Region, or take SnapStart out of ReencryptObjectsFunction in template.yaml");
        } else if (caller.partition().equals("aws")) {
            findings.right(
                    "Lambda",
                    "java25 with SnapStart is offered in every commercial Region but New Zealand and Taipei; AWS has no"
                            + " call that tells runtimes or arm64.");
        } else {
            findings.noted(
                    "Lambda",
                    "AWS documents SnapStart for commercial Regions, and has no call that tells runtimes.",
                    "expect that CreateFunction refuses ReencryptObjectsFunction's SnapStart");
        }
    }

    /** EC2 knows them by CloudHSM's endpoint service. */
    private Set<String> zonesWithCloudHsm() {
        var name = "com.amazonaws." + aws.region() + ".cloudhsmv2";
        try {
            var answer = aws.query(Api.EC2, "DescribeVpcEndpointServices", Map.of("ServiceName.1", name));
            var zones = new TreeSet<String>();
            for (var service : Xml.items(answer, "serviceDetailSet"))
                zones.addAll(texts(service, "availabilityZoneSet"));
            if (zones.size() >= NEEDED_ZONES) {
                findings.right("CloudHSM", "offered in " + String.join(", ", zones) + ".");
            } else {
                findings.wrong(
                        "CloudHSM",
                        "offered in " + zones.size() + " zone of " + aws.region() + "; a key store needs HSMs in two.",
                        "deploy to another Region");
            }
            return zones;
        } catch (AwsFailure failure) {
            if (!failure.code().equals("InvalidServiceName")) throw failure;
            findings.wrong("CloudHSM", "not offered in " + aws.region() + ".", "deploy to another Region");
            return Set.of();
        }
    }

    private static List<String> texts(XmlElement element, String list) {
        return Xml.items(element, list).stream().map(XmlElement::text).toList();
    }
}
