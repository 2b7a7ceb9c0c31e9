package cloudhsm.pipeline.localcloud.account;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.AvailabilityZone;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.KmsException;

/** What differs from Region to Region. */
class RegionsTest {
    @ParameterizedTest
    @CsvSource({"eu-central-1, euc1", "us-east-1, use1", "ap-southeast-2, apse2", "mx-central-1, mxc1"})
    void zonesAndTheirIdsAreTheRegions(String region, String id) {
        try (var cloud = LocalCloud.start(region, 1);
                var ec2 = cloud.client(Ec2Client.builder())) {
            var zones = ec2.describeAvailabilityZones().availabilityZones();
            assertEquals(
                    Map.of(region + "a", id + "-az1", region + "b", id + "-az2", region + "c", id + "-az3"),
                    zones.stream().collect(Collectors.toMap(AvailabilityZone::zoneName, AvailabilityZone::zoneId)));
            assertTrue(zones.stream().allMatch(zone -> zone.regionName().equals(region)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ap-southeast-4", "ap-east-2"})
    void cloudHsmIsNotReachedWhereItIsNot(String region) {
        try (var cloud = LocalCloud.start(region, 1);
                var ec2 = cloud.client(Ec2Client.builder());
                var cloudHsm = cloud.client(CloudHsmV2Client.builder())) {
            assertThrows(SdkClientException.class, cloudHsm::describeClusters);
            assertEquals(0, cloud.calls("DescribeClusters"));
            var service = "com.amazonaws." + region + ".cloudhsmv2";
            var refused = assertThrows(
                    Ec2Exception.class,
                    () -> ec2.describeVpcEndpointServices(request -> request.serviceNames(service)));
            assertEquals("InvalidServiceName", refused.awsErrorDetails().errorCode());
            assertFalse(ec2.describeVpcEndpointServices().serviceNames().contains(service));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "eu-south-2, ValidationException",
        "ap-southeast-4, ValidationException",
        "us-east-1, CloudHsmClusterNotFoundException"
    })
    void kmsHasNoKeyStoresInTwoRegions(String region, String code) {
        try (var cloud = LocalCloud.start(region, 1);
                var kms = cloud.client(KmsClient.builder())) {
            var refused = assertThrows(
                    KmsException.class,
                    () -> kms.createCustomKeyStore(request -> request.customKeyStoreName("store")
                            .cloudHsmClusterId("cluster-aaaaaaaaaaa")
                            .trustAnchorCertificate("-----BEGIN CERTIFICATE-----")
                            .keyStorePassword("password1")));
            assertEquals(code, refused.awsErrorDetails().errorCode());
        }
    }

    @Test
    void aKeyOfAnotherRegionIsNotFound() {
        try (var cloud = LocalCloud.start("us-east-1", 1);
                var kms = cloud.client(KmsClient.builder())) {
            var arn = kms.createKey().keyMetadata().arn();
            assertTrue(arn.startsWith("arn:aws:kms:us-east-1:111122223333:key/"), arn);
            assertEquals(
                    arn, kms.describeKey(key -> key.keyId(arn)).keyMetadata().arn());
            var elsewhere = arn.replace("us-east-1", "eu-central-1");
            var refused = assertThrows(KmsException.class, () -> kms.describeKey(key -> key.keyId(elsewhere)));
            assertEquals("NotFoundException", refused.awsErrorDetails().errorCode());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"eu-central-9", "aws-global", "cn-north-1", "us-gov-west-1", "EU-CENTRAL-1", ""})
    void aRegionThatThePartitionDoesNotHaveIsRefusedWithThoseThatItHas(String region) {
        var refused = assertThrows(IllegalArgumentException.class, () -> LocalCloud.start(region, 1));
        assertTrue(refused.getMessage().startsWith("there is no Region \"" + region + "\""), refused.getMessage());
        assertTrue(refused.getMessage().contains(" us-east-1,"), refused.getMessage());
        assertFalse(refused.getMessage().contains(", us-gov"), refused.getMessage());
    }
}
