package cloudhsm.pipeline.localcloud.servicequotas;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Quotas.Quota;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Service Quotas, read-only. A quota to which nothing was applied is not found as an applied one; its default is.
 *
 * @see <a href="https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html">GetServiceQuota</a>
 */
public final class ServiceQuotasService extends JsonService {
    private final Account account;

    public ServiceQuotasService(Account account) {
        super("servicequotas", "1.1");
        this.account = account;
        on("GetServiceQuota", this::getServiceQuota);
        on("GetAWSDefaultServiceQuota", this::getDefault);
        on("ListServiceQuotas", this::list);
    }

    private JsonNode getServiceQuota(ObjectNode input, AwsRequest request) {
        var quota = quota(input, request, "GetServiceQuota");
        var value = account.quotas().applied(quota.code()).orElseThrow(ServiceQuotasService::notFound);
        return Json.object().set("Quota", described(quota, value));
    }

    private JsonNode getDefault(ObjectNode input, AwsRequest request) {
        var quota = quota(input, request, "GetAWSDefaultServiceQuota");
        return Json.object().set("Quota", described(quota, quota.byDefault()));
    }

    private JsonNode list(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "servicequotas:ListServiceQuotas", "*");
        var service = required(input, "ServiceCode");
        if (account.quotas().all().stream().noneMatch(quota -> quota.service().equals(service))) throw notFound();
        var answer = Json.object();
        var list = answer.putArray("Quotas");
        for (var quota : account.quotas().all()) {
            if (!quota.service().equals(service)) continue;
            account.quotas().applied(quota.code()).ifPresent(value -> list.add(described(quota, value)));
        }
        return answer;
    }

    private Quota quota(ObjectNode input, AwsRequest request, String operation) {
        var service = required(input, "ServiceCode");
        var code = required(input, "QuotaCode");
        account.iam()
                .authorize(
                        request.caller(),
                        "servicequotas:" + operation,
                        operation.equals("GetServiceQuota") ? arn(service, code) : "*");
        return account.quotas().all().stream()
                .filter(quota -> quota.service().equals(service) && quota.code().equals(code))
                .findFirst()
                .orElseThrow(ServiceQuotasService::notFound);
    }

    private static AwsException notFound() {
        return AwsException.badRequest(
                "NoSuchResourceException", "The request failed because the specified service quota does not exist.");
    }

    private String arn(String service, String code) {
        return account.arn("servicequotas", service + "/" + code);
    }

    private ObjectNode described(Quota quota, double value) {
        return Json.object()
                .put("ServiceCode", quota.service())
                .put("ServiceName", quota.serviceName())
                .put("QuotaArn", arn(quota.service(), quota.code()))
                .put("QuotaCode", quota.code())
                .put("QuotaName", quota.name())
                .put("Value", value)
                .put("Unit", "None")
                .put("Adjustable", quota.adjustable())
                .put("GlobalQuota", false);
    }
}
