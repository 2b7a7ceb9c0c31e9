package cloudhsm.pipeline.localcloud.ssm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ssm.model.CommandInvocationStatus;
import software.amazon.awssdk.services.ssm.model.InvalidDocumentException;
import software.amazon.awssdk.services.ssm.model.InvalidInstanceIdException;
import software.amazon.awssdk.services.ssm.model.InvalidParametersException;
import software.amazon.awssdk.services.ssm.model.InvocationDoesNotExistException;

class RunCommandTest {
    private static final String PACKAGE = "cloudhsm-cli-5.18.0-1.amzn2023.aarch64.rpm";
    private static final String PACKAGE_URL =
            "https://s3.amazonaws.com/cloudhsmv2-software/CloudHsmClient/Amzn2023/" + PACKAGE;

    private final LocalCloud aws = LocalCloud.start();

    @AfterEach
    void close() {
        aws.close();
    }

    @Test
    void scriptSeesItsOwnDiskAndNothingOfThisMachine() {
        var client = ClientInstance.launch(aws);
        var result = client.shell(
                "echo kept > /opt/cloudhsm/kept",
                "cat /opt/cloudhsm/kept; ls /opt/cloudhsm /tmp",
                "echo \"home $HOME\"; env | grep -c JAVA_HOME || true",
                "command -v python3 || echo no python3");
        assertEquals("Success", result.statusDetails(), result.standardErrorContent());
        assertEquals(
                "kept\n/opt/cloudhsm:\nkept\n\n/tmp:\nhome /root\n0\nno python3\n",
                result.standardOutputContent(),
                "paths must read as on an instance");
        assertEquals(
                "kept\n",
                client.shell("cat /opt/cloudhsm/kept").standardOutputContent(),
                "an instance keeps its disk from one command to the next");
    }

    @Test
    void failingScriptIsFailedWithItsExitStatus() {
        var result = ClientInstance.launch(aws).shell("echo out", "echo bad >&2", "exit 7");
        assertEquals(CommandInvocationStatus.FAILED, result.status());
        assertEquals(7, result.responseCode());
        assertEquals("out\n", result.standardOutputContent());
        assertEquals("bad\nfailed to run commands: exit status 7", result.standardErrorContent());
    }

    @Test
    void invocationIsUnknownRightAfterSendCommand() {
        var client = ClientInstance.launch(aws);
        var commandId = client.send("AWS-RunShellScript", Map.of("commands", List.of("true")));
        assertThrows(InvocationDoesNotExistException.class, () -> client.invocation(commandId));
        aws.advance(Duration.ofSeconds(4));
        assertEquals(
                CommandInvocationStatus.IN_PROGRESS,
                client.invocation(commandId).status());
        aws.advance(Duration.ofSeconds(40));
        assertEquals(
                CommandInvocationStatus.SUCCESS, client.invocation(commandId).status());
    }

    @Test
    void longOutputIsCut() {
        var result = ClientInstance.launch(aws).shell("head -c 30000 /dev/zero | tr '\\0' x", "echo end");
        assertEquals(24_000, result.standardOutputContent().length());
        assertFalse(result.standardOutputContent().endsWith("end\n"), "the end is what AWS cuts off");
    }

    @Test
    void executionTimeoutCountsTimeOnTheInstance() {
        var client = ClientInstance.launch(aws);
        var result = client.run(
                "AWS-RunShellScript", Map.of("commands", List.of("sleep 600"), "executionTimeout", List.of("300")));
        assertEquals("ExecutionTimedOut", result.statusDetails());
    }

    @Test
    void instanceThatDoesNotRunTakesNoCommands() {
        var client = ClientInstance.launch(aws);
        client.ec2.stopInstances(request -> request.instanceIds(client.instanceId));
        aws.advance(Duration.ofMinutes(5));
        assertThrows(InvalidInstanceIdException.class, () -> client.shell("true"));
        client.ec2.startInstances(request -> request.instanceIds(client.instanceId));
        aws.advance(Duration.ofMinutes(5));
        assertEquals(CommandInvocationStatus.SUCCESS, client.shell("true").status(), "it registers again");
    }

    @Test
    void instanceInTheClusterGroupAloneNeverRegisters() {
        var vpcId = aws.ec2().subnets().getFirst().vpcId();
        var group = aws.ec2().createClusterSecurityGroup(vpcId, "cloudhsm-cluster-x-sg");
        var client = ClientInstance.launch(aws, group);
        assertTrue(
                client.ssm
                        .describeInstanceInformation()
                        .instanceInformationList()
                        .isEmpty(),
                "that group lets nothing out to SSM's endpoint");
    }

    @Test
    void parametersMustMatchTheDocument() {
        var client = ClientInstance.launch(aws);
        aws.ssm().createDocument("greet", Json.parse("""
            {"schemaVersion": "2.2",
             "parameters": {"Name": {"type": "String", "allowedPattern": "^[a-z]+$"}},
             "mainSteps": [{"action": "aws:runShellScript", "name": "greet",
                            "inputs": {"runCommand": ["echo hello {{ Name }}"]}}]}\
            """));
        assertEquals(
                "hello anna\n",
                client.run("greet", Map.of("Name", List.of("anna"))).standardOutputContent());
        assertThrows(InvalidParametersException.class, () -> client.send("greet", Map.of()));
        assertThrows(
                InvalidParametersException.class,
                () -> client.send("greet", Map.of("Name", List.of("anna; id"))),
                "the pattern is what keeps text out of the script");
        assertThrows(
                InvalidParametersException.class,
                () -> client.send("greet", Map.of("Name", List.of("anna"), "Other", List.of("x"))));
        assertThrows(InvalidDocumentException.class, () -> client.send("nothing", Map.of()));
    }

    @Test
    void packageHasItsPinnedHashAndInstallsTheTools() {
        var result = ClientInstance.launch(aws)
                .shell(
                        "set -e",
                        "curl -fsS -o /tmp/cli.rpm " + PACKAGE_URL,
                        "sha256sum /tmp/cli.rpm | cut -d' ' -f1",
                        "test ! -e /opt/cloudhsm/bin/cloudhsm-cli",
                        "dnf -y install /tmp/cli.rpm >/dev/null",
                        "ls /opt/cloudhsm/bin");
        assertEquals("Success", result.statusDetails(), result.standardErrorContent());
        assertEquals(
                aws.ssm().packageSha256(PACKAGE) + "\ncloudhsm-cli\nconfigure-cli\n", result.standardOutputContent());
    }

    @Test
    void downloadWithoutEgressTimesOut() {
        var client = ClientInstance.launch(aws);
        client.takeEgressAway();
        var result = client.shell("curl -sS -o /dev/null " + PACKAGE_URL + " || echo \"status $?\"");
        assertEquals("status 28\n", result.standardOutputContent());
    }

    @Test
    void awsCliActsUnderTheInstancesRole() {
        var client = ClientInstance.launch(aws);
        var refused = client.shell("aws cloudhsmv2 describe-clusters");
        assertEquals(254, refused.responseCode(), "the role has no right to this");
        assertTrue(refused.standardErrorContent().contains("AccessDeniedException"), refused.standardErrorContent());
        ClientInstance.allow(client.role, "ssm:UpdateInstanceInformation", "cloudhsm:DescribeClusters");
        assertEquals(0, client.shell("aws cloudhsmv2 describe-clusters").responseCode());
    }
}
