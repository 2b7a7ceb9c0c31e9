package cloudhsm.pipeline.runlocal.doctor;

import java.util.Locale;

/** The APIs of AWS that are asked, and how each is spoken to. */
public enum Api {
    CLOUDFORMATION("cloudformation", "cloudformation", "CloudFormation", "2010-05-15"),
    CLOUDHSM("cloudhsmv2", "cloudhsm", "CloudHSM V2", "BaldrApiService 1.1"),
    CLOUDWATCH("monitoring", "monitoring", "CloudWatch", "GraniteServiceVersion20100801 1.0"),
    DYNAMODB("dynamodb", "dynamodb", "DynamoDB", "DynamoDB_20120810 1.0"),
    EC2("ec2", "ec2", "EC2", "2016-11-15"),
    IAM("iam", "iam", "IAM", "2010-05-08"),
    KMS("kms", "kms", "KMS", "TrentService 1.1"),
    LAMBDA("lambda", "lambda", "Lambda", ""),
    PRICING("api.pricing", "pricing", "Pricing", "AWSPriceListService 1.1"),
    QUOTAS("servicequotas", "servicequotas", "Service Quotas", "ServiceQuotasV20190624 1.1"),
    S3("s3", "s3", "S3", ""),
    SNS("sns", "sns", "SNS", "2010-03-31"),
    SQS("sqs", "sqs", "SQS", "AmazonSQS 1.0"),
    STATES("states", "states", "SFN", "AWSStepFunctions 1.0"),
    STS("sts", "sts", "STS", "2011-06-15");

    private final String endpointPrefix;
    private final String signingName;
    private final String serviceId;
    private final String version;

    /** @param version of the query protocol, or the target prefix and the version of the JSON protocol */
    Api(String endpointPrefix, String signingName, String serviceId, String version) {
        this.endpointPrefix = endpointPrefix;
        this.signingName = signingName;
        this.serviceId = serviceId;
        this.version = version;
    }

    /** As the host's name begins. */
    String endpointPrefix() {
        return endpointPrefix;
    }

    String signingName() {
        return signingName;
    }

    /** As AWS_ENDPOINT_URL_… and the services of a profile name it, in capitals. */
    String configurationName() {
        return serviceId.replace(' ', '_').toUpperCase(Locale.ROOT);
    }

    /** Of the query protocol. */
    String version() {
        return version;
    }

    /** Of the JSON protocol, before the operation's name. */
    String target() {
        return version.split(" ")[0];
    }

    String contentType() {
        return "application/x-amz-json-" + version.split(" ")[1];
    }

    @Override
    public String toString() {
        return serviceId;
    }

    /** The action that the operation needs, as policies name it. */
    String action(String operation) {
        return (this == CLOUDWATCH ? "cloudwatch" : signingName) + ":" + operation;
    }
}
