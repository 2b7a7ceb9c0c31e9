package cloudhsm.pipeline.localcloud.servicequotas;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Quotas;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;

class ServiceQuotasServiceTest {
    private final LocalCloud cloud = LocalCloud.start();

    @AfterEach
    void close() {
        cloud.close();
    }

    private JsonNode call(String operation, String service, String code) {
        var input = Json.object().put("ServiceCode", service).put("QuotaCode", code);
        return cloud.endpoint().call(cloud.iam().administrator(), "servicequotas", operation, input);
    }

    @Test
    void aQuotaToWhichNothingWasAppliedHasItsDefaultAlone() {
        var refused = assertThrows(AwsException.class, () -> call("GetServiceQuota", "cloudhsm", Quotas.CLUSTERS));
        assertEquals("NoSuchResourceException", refused.code());
        var quota =
                call("GetAWSDefaultServiceQuota", "cloudhsm", Quotas.CLUSTERS).path("Quota");
        assertEquals(4.0, quota.path("Value").asDouble());
        assertEquals("Clusters per Region", quota.path("QuotaName").asText());
    }

    @Test
    void whatIsAppliedIsSaidListedAndHolds() {
        cloud.account().quotas().apply(Quotas.CLUSTERS, 0);
        assertEquals(
                0.0,
                call("GetServiceQuota", "cloudhsm", Quotas.CLUSTERS)
                        .at("/Quota/Value")
                        .asDouble());
        var listed = cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "servicequotas",
                        "ListServiceQuotas",
                        Json.object().put("ServiceCode", "cloudhsm"));
        assertEquals(1, listed.path("Quotas").size());
        var subnet = cloud.ec2().subnets().getFirst().subnetId();
        assertThrows(
                CloudHsmInvalidRequestException.class,
                () -> cloud.client(CloudHsmV2Client.builder())
                        .createCluster(cluster ->
                                cluster.hsmType("hsm2m.medium").mode("FIPS").subnetIds(subnet)));
    }

    @Test
    void lambdasConcurrencyIsTheQuotas() {
        cloud.lambda().concurrencyQuota(10);
        assertEquals(
                10.0,
                call("GetServiceQuota", "lambda", Quotas.CONCURRENT_EXECUTIONS)
                        .at("/Quota/Value")
                        .asDouble());
    }

    @Test
    void anUnknownQuotaIsRefused() {
        var refused = assertThrows(AwsException.class, () -> call("GetAWSDefaultServiceQuota", "cloudhsm", "L-0"));
        assertEquals("NoSuchResourceException", refused.code());
    }
}
