package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Resolver.ResourceValues;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes each resource by its type, and gives what Ref and Fn::GetAtt answer for it as AWS documents them. */
final class Resources implements AutoCloseable {
    private final LocalCloud cloud;
    private final Names names;
    private final Roles roles;
    private final Functions functions;
    private final StateMachines stateMachines;
    private final Buckets buckets;
    private final Alarms alarms;
    private final Resolver resolver;

    Resources(LocalCloud cloud, Path root, Names names, Resolver resolver) {
        this.cloud = cloud;
        this.names = names;
        this.resolver = resolver;
        roles = new Roles(cloud.iam(), names);
        functions = new Functions(cloud, root, names, roles);
        stateMachines = new StateMachines(cloud, root, names, roles);
        buckets = new Buckets(cloud, names);
        alarms = new Alarms(cloud.account(), cloud.sns(), cloud.monitoring(), names);
    }

    Functions functions() {
        return functions;
    }

    StateMachines stateMachines() {
        return stateMachines;
    }

    @Override
    public void close() {
        buckets.close();
    }

    ResourceValues create(String id, String type, Properties properties) {
        var values = switch (type) {
            case "AWS::Serverless::Function" -> functions.create(id, properties, resolver);
            case "AWS::Serverless::StateMachine" -> stateMachines.create(id, properties, resolver);
            case "AWS::Serverless::SimpleTable" -> simpleTable(id, properties);
            case "AWS::DynamoDB::Table" -> table(id, properties);
            case "AWS::SQS::Queue" -> queue(id, properties);
            case "AWS::SQS::QueuePolicy" -> queuePolicy(id, properties);
            case "AWS::SNS::Topic" -> topic(id, properties);
            case "AWS::SNS::TopicPolicy" -> topicPolicy(id, properties);
            case "AWS::SNS::Subscription" -> subscription(properties);
            case "AWS::Events::Rule" -> {
                var rule = EventRules.create(cloud, names, id, properties);
                yield new ResourceValues(rule.name(), Map.of("Arn", rule.arn()));
            }
            case "AWS::Lambda::Permission" -> {
                functions.permit(properties);
                yield unnamed(id);
            }
            case "AWS::Lambda::EventSourceMapping" -> {
                var uuid = functions.createMapping(properties.required("FunctionName"), properties, "EventSourceArn");
                yield new ResourceValues(uuid, Map.of("Id", uuid));
            }
            case "AWS::IAM::Role" -> {
                var role = roles.create(id, properties);
                yield new ResourceValues(role.name(), Map.of("Arn", role.arn()));
            }
            case "AWS::IAM::ManagedPolicy" -> managedPolicy(id, properties);
            case "AWS::IAM::InstanceProfile" -> instanceProfile(id, properties);
            case "AWS::SSM::Document" -> document(id, properties);
            case "AWS::Logs::LogGroup" -> logGroup(id, properties);
            case "AWS::CloudWatch::Alarm" -> alarms.alarm(id, properties);
            case "AWS::CloudWatch::Dashboard" -> alarms.dashboard(id, properties);
            case "AWS::S3::Bucket" -> buckets.create(id, properties);
            case "AWS::S3::BucketPolicy" -> {
                buckets.putPolicy(properties);
                yield unnamed(id);
            }
            case "AWS::KMS::Key" -> key(properties);
            case "AWS::KMS::Alias" -> alias(properties);
            default ->
                throw new TemplateException("Resource " + id + ": the embedded AWS does not support the type " + type);
        };
        properties.requireAllRead();
        return values;
    }

    private ResourceValues unnamed(String id) {
        return new ResourceValues(names.physical(id, 64), Map.of());
    }

    private ResourceValues simpleTable(String id, Properties properties) {
        properties.withoutEffect("Tags", "SSESpecification", "PointInTimeRecoverySpecification");
        var key = properties.nested("PrimaryKey");
        var name = key.text("Name").orElse("id");
        var type = key.text("Type").orElse("String");
        key.requireAllRead();
        var input = Json.object().put("BillingMode", "PAY_PER_REQUEST");
        input.putArray("KeySchema").addObject().put("AttributeName", name).put("KeyType", "HASH");
        input.putArray("AttributeDefinitions")
                .addObject()
                .put("AttributeName", name)
                .put("AttributeType", type.substring(0, 1));
        return createTable(properties.text("TableName").orElseGet(() -> names.physical(id, 255)), input);
    }

    private ResourceValues table(String id, Properties properties) {
        properties.withoutEffect(
                "Tags",
                "SSESpecification",
                "PointInTimeRecoverySpecification",
                "DeletionProtectionEnabled",
                "TableClass");
        var name = properties.text("TableName").orElseGet(() -> names.physical(id, 255));
        var input = Json.object();
        for (var member : List.of("KeySchema", "AttributeDefinitions", "BillingMode", "ProvisionedThroughput")) {
            if (properties.has(member)) input.set(member, properties.node(member));
        }
        var values = createTable(name, input);
        var timeToLive = properties.nested("TimeToLiveSpecification");
        var enabled = timeToLive.text("Enabled").orElse("false").equals("true");
        var attribute = timeToLive.text("AttributeName");
        timeToLive.requireAllRead();
        if (enabled) cloud.dynamoDb().enableTimeToLive(name, attribute.orElseThrow());
        return values;
    }

    private ResourceValues createTable(String name, ObjectNode input) {
        var arn = cloud.dynamoDb().createTable(input.put("TableName", name));
        return new ResourceValues(name, Map.of("Arn", arn, "Name", name));
    }

    private ResourceValues queue(String id, Properties properties) {
        properties.withoutEffect("Tags");
        var name = properties.text("QueueName").orElseGet(() -> names.physical(id, 80));
        var attributes = new LinkedHashMap<String, String>();
        for (var member : properties.input("QueueName", "Tags").properties()) {
            var value = member.getValue();
            attributes.put(member.getKey(), value.isContainerNode() ? Json.text(value) : value.asText());
        }
        var arn = cloud.sqs().createQueue(name, attributes);
        var url = cloud.sqs().queueUrl(arn);
        return new ResourceValues(url, Map.of("Arn", arn, "QueueName", name, "QueueUrl", url));
    }

    private ResourceValues queuePolicy(String id, Properties properties) {
        var policy = Json.text(properties.requiredNode("PolicyDocument"));
        for (var url : properties.requiredNode("Queues")) {
            cloud.sqs().setQueueAttributes(cloud.sqs().queueArn(url.asText()), Map.of("Policy", policy));
        }
        return unnamed(id);
    }

    private ResourceValues topic(String id, Properties properties) {
        properties.withoutEffect("Tags", "TracingConfig");
        var attributes = new LinkedHashMap<String, String>();
        for (var member : List.of("DisplayName", "KmsMasterKeyId", "SignatureVersion")) {
            properties.text(member).ifPresent(text -> attributes.put(member, text));
        }
        var name = properties.text("TopicName").orElseGet(() -> names.physical(id, 256));
        var arn = cloud.sns().createTopic(name, attributes);
        for (var subscription : properties.node("Subscription")) {
            cloud.sns()
                    .subscribe(
                            arn,
                            subscription.path("Protocol").asText(),
                            subscription.path("Endpoint").asText(),
                            Map.of());
        }
        return new ResourceValues(arn, Map.of("TopicArn", arn, "TopicName", name));
    }

    private ResourceValues topicPolicy(String id, Properties properties) {
        var policy = Json.text(properties.requiredNode("PolicyDocument"));
        for (var arn : properties.requiredNode("Topics")) {
            cloud.sns().setTopicAttribute(arn.asText(), "Policy", policy);
        }
        return unnamed(id);
    }

    private ResourceValues subscription(Properties properties) {
        var arn = cloud.sns()
                .subscribe(
                        properties.required("TopicArn"),
                        properties.required("Protocol"),
                        properties.required("Endpoint"),
                        Map.of());
        return new ResourceValues(arn, Map.of("Arn", arn));
    }

    private ResourceValues managedPolicy(String id, Properties properties) {
        properties.withoutEffect("Description");
        var name = properties.text("ManagedPolicyName").orElseGet(() -> names.physical(id, 128));
        var arn = "arn:aws:iam::" + Iam.ACCOUNT + ":policy/" + name;
        var document = Roles.document(properties, properties.requiredNode("PolicyDocument"));
        roles.managed().add(arn, document);
        for (var roleName : properties.node("Roles")) {
            cloud.iam()
                    .role(roleName.asText())
                    .orElseThrow(() -> properties.invalid("the role " + roleName.asText() + " is missing"))
                    .policies()
                    .put(name, document);
        }
        return new ResourceValues(arn, Map.of("PolicyArn", arn));
    }

    private ResourceValues instanceProfile(String id, Properties properties) {
        if (!properties.text("Path").orElse("/").equals("/")) throw properties.invalid("Path can only be / here");
        var roleNames = properties.requiredNode("Roles");
        if (roleNames.size() != 1) throw properties.invalid("an instance profile has exactly one role");
        var roleName = roleNames.get(0).asText();
        var role = cloud.iam()
                .role(roleName)
                .orElseThrow(() -> properties.invalid("the role " + roleName + " is missing"));
        var name = properties.text("InstanceProfileName").orElseGet(() -> names.physical(id, 128));
        return new ResourceValues(name, Map.of("Arn", cloud.ec2().createInstanceProfile(name, role)));
    }

    private ResourceValues document(String id, Properties properties) {
        properties.withoutEffect("DocumentFormat", "Tags", "UpdateMethod");
        if (!properties.text("DocumentType").orElse("Command").equals("Command")) {
            throw properties.invalid("only DocumentType Command is supported");
        }
        if (!properties.text("TargetType").orElse("/AWS::EC2::Instance").equals("/AWS::EC2::Instance")) {
            throw properties.invalid("only TargetType /AWS::EC2::Instance is supported");
        }
        var name = properties.text("Name").orElseGet(() -> names.physical(id, 128));
        var content = properties.requiredNode("Content");
        cloud.ssm().createDocument(name, content.isTextual() ? Json.parse(content.asText()) : content);
        return new ResourceValues(name, Map.of());
    }

    private ResourceValues logGroup(String id, Properties properties) {
        properties.withoutEffect("Tags", "LogGroupClass", "KmsKeyId");
        var name = properties.text("LogGroupName").orElseGet(() -> names.physical(id, 512));
        cloud.logs().createLogGroup(name, properties.number("RetentionInDays", 0));
        return new ResourceValues(name, Map.of("Arn", cloud.account().arn("logs", "log-group:" + name + ":*")));
    }

    private ResourceValues key(Properties properties) {
        var input = Json.object();
        properties.text("Description").ifPresent(text -> input.put("Description", text));
        for (var member : List.of("KeySpec", "KeyUsage", "Origin", "MultiRegion")) {
            if (properties.has(member)) input.set(member, properties.node(member));
        }
        if (properties.has("KeyPolicy")) input.put("Policy", Json.text(properties.node("KeyPolicy")));
        properties.withoutEffect("EnableKeyRotation", "RotationPeriodInDays", "PendingWindowInDays", "Tags", "Enabled");
        var metadata = cloud.endpoint()
                .call(cloud.iam().administrator(), "kms", "CreateKey", input)
                .path("KeyMetadata");
        var id = metadata.path("KeyId").asText();
        return new ResourceValues(id, Map.of("Arn", metadata.path("Arn").asText(), "KeyId", id));
    }

    private ResourceValues alias(Properties properties) {
        var name = properties.required("AliasName");
        cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "kms",
                        "CreateAlias",
                        Json.object().put("AliasName", name).put("TargetKeyId", properties.required("TargetKeyId")));
        return new ResourceValues(name, Map.of());
    }
}
