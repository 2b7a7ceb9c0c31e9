package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.IpRange;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.GetCommandInvocationResponse;

/** A client instance that has registered with SSM, and the clients to talk to it. */
final class ClientInstance {
    static final String IMAGE = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";
    private static final Duration LONG_ENOUGH = Duration.ofMinutes(20);

    final LocalCloud aws;
    final Ec2Client ec2;
    final SsmClient ssm;
    final Role role;
    final String instanceId;

    private ClientInstance(LocalCloud aws, Ec2Client ec2, SsmClient ssm, Role role, String instanceId) {
        this.aws = aws;
        this.ec2 = ec2;
        this.ssm = ssm;
        this.role = role;
        this.instanceId = instanceId;
    }

    /** @param securityGroups the VPC's default group if none is given */
    static ClientInstance launch(LocalCloud aws, String... securityGroups) {
        var role = role(aws, "ssm:UpdateInstanceInformation", "secretsmanager:GetSecretValue");
        var profile = aws.ec2().createInstanceProfile("client", role);
        var ec2 = client(aws, Ec2Client.builder());
        var instanceId = ec2.runInstances(request -> request.imageId(IMAGE)
                        .instanceType(InstanceType.T4_G_MICRO)
                        .minCount(1)
                        .maxCount(1)
                        .iamInstanceProfile(one -> one.arn(profile))
                        .subnetId(aws.ec2().subnets().getFirst().subnetId())
                        .securityGroupIds(securityGroups))
                .instances()
                .getFirst()
                .instanceId();
        aws.advance(Duration.ofMinutes(2));
        return new ClientInstance(aws, ec2, client(aws, SsmClient.builder()), role, instanceId);
    }

    static Role role(LocalCloud aws, String... actions) {
        var trust = policy("{'Effect':'Allow','Principal':{'Service':'ec2.amazonaws.com'},'Action':'sts:AssumeRole'}");
        var role = aws.iam().createRole("client", trust);
        allow(role, actions);
        return role;
    }

    static void allow(Role role, String... actions) {
        var quoted = Arrays.stream(actions).map(action -> "'" + action + "'").toList();
        role.policies()
                .put("client", policy("{'Effect':'Allow','Action':[" + String.join(",", quoted) + "],'Resource':'*'}"));
    }

    static PolicyDocument policy(String statement) {
        return PolicyDocument.parse(Json.parse(("{'Statement':[" + statement + "]}").replace('\'', '"')));
    }

    static <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(LocalCloud aws, B builder) {
        return aws.client(builder);
    }

    String send(String document, Map<String, List<String>> parameters) {
        return ssm.sendCommand(request ->
                        request.documentName(document).instanceIds(instanceId).parameters(parameters))
                .command()
                .commandId();
    }

    /** Sends the document and waits until it has ended. */
    GetCommandInvocationResponse run(String document, Map<String, List<String>> parameters) {
        var commandId = send(document, parameters);
        aws.advance(LONG_ENOUGH);
        return invocation(commandId);
    }

    /** Runs commands as someone would type them. */
    GetCommandInvocationResponse shell(String... commands) {
        return run("AWS-RunShellScript", Map.of("commands", List.of(commands)));
    }

    GetCommandInvocationResponse invocation(String commandId) {
        return ssm.getCommandInvocation(request -> request.commandId(commandId).instanceId(instanceId));
    }

    /** From now on the instance can open no connection outside its VPC. */
    void takeEgressAway() {
        var groupId =
                aws.ec2().instance(instanceId).orElseThrow().securityGroupIds().getLast();
        var everywhere = IpRange.builder().cidrIp("0.0.0.0/0").build();
        var everything =
                IpPermission.builder().ipProtocol("-1").ipRanges(everywhere).build();
        ec2.revokeSecurityGroupEgress(request -> request.groupId(groupId).ipPermissions(everything));
    }
}
