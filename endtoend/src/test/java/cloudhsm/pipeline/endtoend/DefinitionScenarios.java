package cloudhsm.pipeline.endtoend;

import static cloudhsm.pipeline.endtoend.DefinitionScenario.answered;
import static cloudhsm.pipeline.endtoend.DefinitionScenario.error;
import static cloudhsm.pipeline.endtoend.DefinitionScenario.result;
import static cloudhsm.pipeline.endtoend.DefinitionScenario.scenario;
import static cloudhsm.pipeline.endtoend.DefinitionScenario.times;

import java.util.List;
import java.util.stream.Stream;

/** The ways through the definitions. That each task's failure reaches a person is shown apart, for all of them. */
final class DefinitionScenarios {
    /** What a rehearsal of ReturnObjects says of two versions under Object Lock. */
    private static final String LOCKED = """
        {"Status": "SUCCEEDED", "Output": {"objects": 2, "outcomes": {"LEFT:LOCKED": 2}, "bytes": 0,
         "left": ["s3://b/a, s3://b/b: LEFT, LOCKED"], "failedPages": 0}}\
        """;

    private static final String TEARDOWN =
            "{\"deployment\": \"default\", \"confirm\": \"default\", \"data\": \"DELETE\"}";
    private static final String DEPLOYMENT = "{\"deployment\": \"default\"}";

    private DefinitionScenarios() {}

    static List<DefinitionScenario> all() {
        return Stream.of(
                        provisioning(),
                        lostClients(),
                        repairs(),
                        pauseAndResume(),
                        healing(),
                        teardown(),
                        teardownInOtherOrders(),
                        watching(),
                        reencryption())
                .flatMap(List::stream)
                .toList();
    }

    private static DefinitionScenario provision(String name) {
        return scenario("provision", name, "{}");
    }

    private static List<DefinitionScenario> provisioning() {
        return List.of(
                provision("an empty account")
                        .goes("Preflight", "SetLimits", "CreateCluster", "InitializeClusterAndLaunchClient"),
                provision("an empty account, after the client")
                        .goes(
                                "ActivateCluster",
                                "IsARepairUnderWay?",
                                "CreateSecondHsm",
                                "CreateKmsUser",
                                "CreateKeyStore",
                                "ConnectKeyStore",
                                "CreateKey",
                                "SecureBucket",
                                "ProveEncryption",
                                "Report"),
                provision("AWS replaces the HSM before the certificate is issued")
                        .when("IssueClusterCertificate", error("CSR_CHANGED"))
                        .goes(
                                "IssueAnotherCertificate?",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "ActivateCluster"),
                provision("AWS replaces the HSM before the cluster is initialized")
                        .when("InitializeCluster", error("CSR_CHANGED"), error("CSR_CHANGED"))
                        .goes(
                                "IssueAnotherCertificate?",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "ActivateCluster"),
                provision("AWS replaces the HSM three times")
                        .when("InitializeCluster", times(3, error("CSR_CHANGED")))
                        .goes("IssueAnotherCertificate?", "CsrKeepsChanging", "ReportFailure", "FailExecution")
                        .fails("CSR_KEEPS_CHANGING"),
                provision("a failed execution is redriven")
                        .when("CreateCluster", error("CLUSTER_DEGRADED"))
                        .when("FailExecution", result("{}"))
                        .goes(
                                "CreateCluster",
                                "ReportFailure",
                                "FailExecution",
                                "Preflight",
                                "SetLimits",
                                "CreateCluster",
                                "InitializeClusterAndLaunchClient"),
                redriven("pause", "BeginPause", DEPLOYMENT),
                redriven("resume", "BeginResume", DEPLOYMENT),
                redriven("heal", "CheckHealth", DEPLOYMENT),
                redriven("teardown", "PlanTeardown", TEARDOWN));
    }

    private static DefinitionScenario redriven(String machine, String first, String input) {
        return scenario(machine, "the deployment was locked, and the execution is redriven", input)
                .when(first, error("DEPLOYMENT_LOCKED"))
                .when("FailExecution", result("{}"))
                .goes(first, "ReportFailure", "FailExecution", first);
    }

    private static List<DefinitionScenario> lostClients() {
        return List.of(
                provision("the client is gone before the activation")
                        .when("ActivateCluster", error("CLIENT_GONE"))
                        .goes(
                                "ActivateCluster",
                                "LaunchAnotherClient?",
                                "RelaunchClient",
                                "ActivateCluster",
                                "IsARepairUnderWay?",
                                "CreateSecondHsm"),
                provision("the client is gone before kmsuser exists")
                        .when("CreateKmsUser", error("CLIENT_GONE"))
                        .goes("CreateKmsUser", "LaunchAnotherClient?", "RelaunchClient", "ActivateCluster"),
                provision("four clients are gone")
                        .when("CreateKmsUser", times(4, error("CLIENT_GONE")))
                        .goes("CreateKmsUser", "LaunchAnotherClient?", "ReportFailure", "FailExecution")
                        .fails("CLIENT_GONE"),
                scenario("resume", "the client is gone before kmsuser is proven", DEPLOYMENT)
                        .when("CreateKmsUser", error("CLIENT_GONE"))
                        .goes(
                                "CreateKmsUser",
                                "LaunchAnotherClient?",
                                "RelaunchClient",
                                "CreateKmsUser",
                                "ConnectKeyStore"),
                scenario("resume", "four clients are gone", DEPLOYMENT)
                        .when("CreateKmsUser", times(4, error("CLIENT_GONE")))
                        .goes("LaunchAnotherClient?", "ReportFailure", "FailExecution")
                        .fails("CLIENT_GONE"),
                scenario("heal", "no client comes online", DEPLOYMENT)
                        .when("LaunchClient", error("CLIENT_GONE"))
                        .goes("LaunchClient", "ReportFailure", "FailExecution")
                        .fails("CLIENT_GONE"),
                scenario("heal", "the client is gone before kmsuser is proven", DEPLOYMENT)
                        .when("CreateKmsUser", error("CLIENT_GONE"))
                        .goes("CreateKmsUser", "LaunchAnotherClient?", "LaunchClient", "IsThePasswordWrong?"),
                scenario("heal", "four clients are gone", DEPLOYMENT)
                        .when("CreateKmsUser", times(4, error("CLIENT_GONE")))
                        .goes("LaunchAnotherClient?", "ReportFailure", "FailExecution")
                        .fails("CLIENT_GONE"));
    }

    private static String diagnosis(String code, String repair) {
        return """
            {"code": "%s", "evidence": [], "repair": "%s", "says": "What %s means.", "failures": ["%s"]}\
            """.formatted(code, repair, code, code);
    }

    private static List<DefinitionScenario> repairs() {
        return List.of(
                provision("kmsuser is missing on an HSM")
                        .when("ConnectKeyStore", error("USER_NOT_FOUND"))
                        .when("DiagnoseConnection", result(diagnosis("USER_NOT_FOUND", "COMPLETE_USER")))
                        .goes(
                                "ConnectKeyStore",
                                "DiagnoseConnection",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "RestoreHsms",
                                "IsThePasswordWrong?",
                                "CreateKmsUser",
                                "CreateKeyStore",
                                "ConnectKeyStore",
                                "CreateKey"),
                provision("the network is disturbed")
                        .when("ConnectKeyStore", error("NETWORK_ERRORS"))
                        .when("DiagnoseConnection", result(diagnosis("NETWORK_ERRORS", "WAIT")))
                        .goes(
                                "WhatHelps?",
                                "LetTheNetworkSettle",
                                "RestoreHsms",
                                "IsThePasswordWrong?",
                                "CreateKmsUser"),
                provision("KMS has another password")
                        .when("ConnectKeyStore", error("INVALID_CREDENTIALS"))
                        .when("DiagnoseConnection", result(diagnosis("INVALID_CREDENTIALS", "RESET_PASSWORD")))
                        .goes("WhatHelps?", "RestoreHsms", "IsThePasswordWrong?", "ResetKmsUser", "CreateKmsUser"),
                provision("the client is gone while the password is set")
                        .when("ConnectKeyStore", error("INVALID_CREDENTIALS"))
                        .when("DiagnoseConnection", result(diagnosis("INVALID_CREDENTIALS", "RESET_PASSWORD")))
                        .when("ResetKmsUser", error("CLIENT_GONE"))
                        .goes(
                                "ResetKmsUser",
                                "LaunchAnotherClient?",
                                "RelaunchClient",
                                "ActivateCluster",
                                "IsARepairUnderWay?",
                                "RestoreHsms",
                                "IsThePasswordWrong?",
                                "ResetKmsUser",
                                "CreateKmsUser"),
                provision("only a person can help")
                        .when("ConnectKeyStore", error("CLUSTER_NOT_FOUND"))
                        .when("DiagnoseConnection", result(diagnosis("CLUSTER_NOT_FOUND", "PERSON")))
                        .goes(
                                "DiagnoseConnection",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "ReportFailure",
                                "FailExecution")
                        .fails("CLUSTER_NOT_FOUND"));
    }

    private static List<DefinitionScenario> pauseAndResume() {
        return List.of(
                scenario("pause", "two HSMs", DEPLOYMENT)
                        .goes("BeginPause", "IsThereACluster?", "DeleteHsms", "RemoveLimits", "ReportPaused"),
                scenario("pause", "no cluster yet", DEPLOYMENT)
                        .when("BeginPause", result("""
                            {"deployment": "default", "clusterId": "", "bucket": "", "interrupted": "",
                             "tearingDown": false}\
                            """))
                        .goes("BeginPause", "IsThereACluster?", "NoHsms", "RemoveLimits", "ReportPaused"),
                scenario("pause", "a teardown is at work", DEPLOYMENT)
                        .when("BeginPause", error("DEPLOYMENT_LOCKED"))
                        .goes("BeginPause", "ReportFailure")
                        .fails("DEPLOYMENT_LOCKED"),
                scenario("resume", "two HSMs come back", DEPLOYMENT).goes("BeginResume", "SetLimits", "RestoreHsms"),
                scenario("resume", "two HSMs are back", DEPLOYMENT)
                        .goes("CreateKmsUser", "ConnectKeyStore", "ProveEncryption", "ReportResumed"),
                scenario("resume", "the connection fails three times", DEPLOYMENT)
                        .when(
                                "ConnectKeyStore",
                                error("NETWORK_ERRORS"),
                                error("USER_NOT_FOUND"),
                                error("INTERNAL_ERROR"))
                        .goes(
                                "ConnectKeyStore",
                                "ConnectAgain?",
                                "LetTheNetworkSettle",
                                "DisconnectAgain",
                                "CreateKmsUser",
                                "ConnectKeyStore",
                                "ProveEncryption"),
                scenario("resume", "the connection fails four times", DEPLOYMENT)
                        .when("ConnectKeyStore", times(4, error("INTERNAL_ERROR")))
                        .goes("ConnectKeyStore", "ConnectAgain?", "ReportFailure", "FailExecution")
                        .fails("INTERNAL_ERROR"));
    }

    private static String health(String action, boolean diagnose, boolean reconnect, boolean mayReconnect) {
        return """
            {"action": "%s", "deployment": "default", "reason": "Because.", "diagnose": %s, "reconnect": %s,
             "mayReconnect": %s,
             "plan": {"deployment": "default", "zones": ["eu-central-1a", "eu-central-1b"],
                      "clientSubnetId": "subnet-1", "clientInstanceType": "t4g.small"},
             "resources": {"cluster": {"clusterId": "cluster-1", "vpcId": "vpc-1", "securityGroupId": "sg-1"},
                           "certificate": {"trustAnchor": "PEM"}, "activation": {"adminSecretArn": "arn"},
                           "client": {"instanceId": "i-1"}, "kmsUser": {"kmsUserSecretArn": "arn"},
                           "keyStore": {"keyStoreId": "cks-1"}, "key": {"keyArn": "arn"},
                           "bucket": {"bucket": "b"}}}\
            """.formatted(action, diagnose, reconnect, mayReconnect);
    }

    private static List<DefinitionScenario> healing() {
        return List.of(
                scenario("heal", "an HSM is lost", DEPLOYMENT)
                        .goes(
                                "CheckHealth",
                                "Heal?",
                                "RestoreHsms",
                                "LaunchClient",
                                "IsThePasswordWrong?",
                                "CreateKmsUser",
                                "ConnectKeyStore",
                                "ProveEncryption",
                                "ReportHealing"),
                scenario("heal", "somebody else is at work", DEPLOYMENT)
                        .when("CheckHealth", result(health("LEFT_ALONE", false, false, false)))
                        .goes("CheckHealth", "Heal?", "NothingToDo"),
                scenario("heal", "no HSM is left, so the key store is connected anew", DEPLOYMENT)
                        .when("CheckHealth", result(health("HEAL", false, true, true)))
                        .goes("CheckHealth", "Heal?", "DisconnectKeyStore", "WhatHelps?", "RestoreHsms"),
                scenario("heal", "the key store is FAILED", DEPLOYMENT)
                        .when("CheckHealth", result(health("HEAL", true, true, true)))
                        .when("DiagnoseConnection", result(diagnosis("NETWORK_ERRORS", "WAIT")))
                        .goes(
                                "CheckHealth",
                                "Heal?",
                                "DiagnoseConnection",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "LetTheNetworkSettle",
                                "RestoreHsms"),
                scenario("heal", "only a person can help", DEPLOYMENT)
                        .when("ConnectKeyStore", error("CLUSTER_NOT_FOUND"))
                        .when("DiagnoseConnection", result(diagnosis("CLUSTER_NOT_FOUND", "PERSON")))
                        .goes(
                                "ConnectKeyStore",
                                "DiagnoseConnection",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "ReportFailure")
                        .fails("CLUSTER_NOT_FOUND"),
                scenario("heal", "the client is gone while the password is set", DEPLOYMENT)
                        .when("ConnectKeyStore", error("INVALID_CREDENTIALS"))
                        .when("DiagnoseConnection", result(diagnosis("INVALID_CREDENTIALS", "RESET_PASSWORD")))
                        .when("ResetKmsUser", error("CLIENT_GONE"))
                        .goes(
                                "IsThePasswordWrong?",
                                "ResetKmsUser",
                                "LaunchAnotherClient?",
                                "LaunchClient",
                                "IsThePasswordWrong?",
                                "ResetKmsUser",
                                "CreateKmsUser"),
                scenario("heal", "the key cannot be used for a while", DEPLOYMENT)
                        .when("CheckHealth", result(health("HEAL", false, false, true)))
                        .when("ProveEncryption", error("PROOF_FAILED"), error("TOOK_TOO_LONG"))
                        .goes(
                                "ProveEncryption",
                                "ConnectAgain?",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "LetTheNetworkSettle"),
                scenario("heal", "the key cannot be used, and KMS must stay connected", DEPLOYMENT)
                        .when("CheckHealth", result(health("HEAL", false, false, false)))
                        .when("ProveEncryption", error("PROOF_FAILED"))
                        .goes("ProveEncryption", "ConnectAgain?", "ReportFailure")
                        .fails("PROOF_FAILED"));
    }

    private static DefinitionScenario teardown(String name) {
        return scenario("teardown", name, TEARDOWN);
    }

    private static String plan(String data, String meter, String bucket, String keyStoreId) {
        return plan(data, meter, bucket, keyStoreId, false);
    }

    private static String plan(String data, String meter, String bucket, String keyStoreId, boolean interrupt) {
        return """
            {"deployment": "default", "data": "%s", "returnTo": "", "previousVersionsMayGo": false,
             "pendingWindowInDays": 7, "meter": "%s",
             "meterNote": "", "bucket": "%s", "keyStoreId": "%s", "keyIds": ["190dca37-b796-4638-a27d-5cd11758b5c2"],
             "clusterIds": ["cluster-m6scvxgqtfh"], "hsms": 2, "stopNowUsd": 3.2, "deleteMaterialUsd": 310.4,
             "leftAlone": [], "shared": [], "interrupt": %s, "refusal": ""}\
            """.formatted(data, meter, bucket, keyStoreId, interrupt);
    }

    private static List<DefinitionScenario> teardown() {
        return List.of(
                teardown("everything is deleted")
                        .goes(
                                "PlanTeardown",
                                "WhatAboutTheData?",
                                "EmptyBucket",
                                "MoreToDelete?",
                                "DeleteBucket",
                                "ScheduleKeyDeletion",
                                "KeepAnHsm?",
                                "DisconnectKeyStore",
                                "DeleteHsms",
                                "DeleteHsmsOfCluster",
                                "WhatIsNext?",
                                "RemoveLimits",
                                "TerminateClient",
                                "AwaitKeyDeletion",
                                "WasAnHsmKept?",
                                "KeyStoreThere?",
                                "DeleteKeyStore",
                                "DeleteCluster",
                                "DeleteBackups",
                                "DeleteSecrets",
                                "DeleteLogGroups",
                                "DeleteLogGroup",
                                "TeardownReport",
                                "IsAnythingLeft?",
                                "TornDown"),
                teardown("more objects than one run deletes")
                        .when("EmptyBucket", result("""
                            {"at": "2026-11-02T13:39:33Z", "more": true, "deleted": 1000, "locked": [], "lockedCount": 0}\
                            """))
                        .goes("EmptyBucket", "MoreToDelete?", "EmptyBucket", "MoreToDelete?", "DeleteBucket"),
                teardown("somebody still uploads")
                        .when("DeleteBucket", error("BUCKET_NOT_EMPTY"), error("BUCKET_NOT_EMPTY"))
                        .goes(
                                "DeleteBucket",
                                "EmptyItAgain?",
                                "EmptyBucket",
                                "MoreToDelete?",
                                "DeleteBucket",
                                "ScheduleKeyDeletion"),
                teardown("somebody goes on uploading")
                        .when("DeleteBucket", times(3, error("BUCKET_NOT_EMPTY")))
                        .goes("DeleteBucket", "EmptyItAgain?", "ReportFailure", "FailExecution")
                        .fails("BUCKET_NOT_EMPTY"),
                teardown("something is left")
                        .when("TeardownReport", result("""
                            {"complete": false, "message": "An HSM is left."}\
                            """))
                        .goes("TeardownReport", "IsAnythingLeft?", "SomethingIsLeft", "ReportFailure", "FailExecution")
                        .fails("TEARDOWN_INCOMPLETE"),
                teardown("the cluster never wrote a log")
                        .when("DeleteLogGroup", error("CloudWatchLogs.ResourceNotFoundException"))
                        .goes("DeleteLogGroup", "NoLogGroup", "TeardownReport"));
    }

    private static List<DefinitionScenario> teardownInOtherOrders() {
        return List.of(
                teardown("the data stays, unreadable")
                        .when("PlanTeardown", result(plan("KEEP", "STOP_NOW", "b", "cks-1")))
                        .goes("WhatAboutTheData?", "ReleaseBucket", "ReturnTheObjects?", "ScheduleKeyDeletion"),
                teardown("the data stays, readable")
                        .when("PlanTeardown", result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1")))
                        .goes(
                                "WhatAboutTheData?",
                                "ReturnObjects",
                                "AllReturned?",
                                "ReleaseBucket",
                                "ReturnTheObjects?",
                                "LetUploadsSettle",
                                "ReturnObjects",
                                "AllReturned?",
                                "ObjectsReturned",
                                "ScheduleKeyDeletion"),
                teardown("the data cannot stay readable")
                        .when("PlanTeardown", result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1")))
                        .when("ReturnObjects", result(LOCKED))
                        .goes("ReturnObjects", "AllReturned?", "ObjectsNotReturned", "StopTheMeter?", "ReportFailure")
                        .fails("OBJECTS_NOT_RETURNED"),
                teardown("the data cannot stay readable, at a limit")
                        .when("PlanTeardown", result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1", true)))
                        .when("ReturnObjects", result(LOCKED))
                        .goes(
                                "StopTheMeter?",
                                "PauseInstead",
                                "DeleteHsms",
                                "DeleteHsmsOfCluster",
                                "WhatIsNext?",
                                "ReportFailure",
                                "FailExecution")
                        .fails("OBJECTS_NOT_RETURNED"),
                teardown("others use the deployment, at a limit")
                        .when(
                                "PlanTeardown",
                                result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1", true)
                                        .replace("\"refusal\": \"\"", "\"refusal\": \"s3://c is under the key, too\"")))
                        .goes("PlanTeardown", "WhatAboutTheData?", "StopTheMeter?", "PauseInstead", "DeleteHsms")
                        .fails("DEPLOYMENT_SHARED"),
                teardown("a limit cannot mark the deployment as paused, and stops the meter")
                        .when("PlanTeardown", result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1", true)))
                        .when("ReturnObjects", result(LOCKED))
                        .when("PauseInstead", error("DEPLOYMENT_LOCKED"))
                        .goes("PauseInstead", "DeleteHsms", "DeleteHsmsOfCluster", "WhatIsNext?", "ReportFailure")
                        .fails("OBJECTS_NOT_RETURNED"),
                teardown("one HSM stays until KMS has deleted the material")
                        .when("PlanTeardown", result(plan("DELETE", "DELETE_MATERIAL", "b", "cks-1")))
                        .goes(
                                "KeepAnHsm?",
                                "DeleteHsms",
                                "DeleteHsmsOfCluster",
                                "WhatIsNext?",
                                "RemoveLimits",
                                "TerminateClient",
                                "AwaitKeyDeletion",
                                "WasAnHsmKept?",
                                "DisconnectKeyStore",
                                "DeleteHsms",
                                "DeleteHsmsOfCluster",
                                "WhatIsNext?",
                                "KeyStoreThere?",
                                "DeleteKeyStore"),
                teardown("neither bucket nor key store exist")
                        .when("PlanTeardown", result(plan("DELETE", "STOP_NOW", "", "")))
                        .goes("WhatAboutTheData?", "ScheduleKeyDeletion", "KeepAnHsm?", "DeleteHsms"),
                teardown("no key store exists")
                        .when("PlanTeardown", result(plan("DELETE", "STOP_NOW", "b", "")))
                        .goes("WasAnHsmKept?", "KeyStoreThere?", "DeleteCluster"),
                teardown("somebody deletes the key store meanwhile")
                        .when("DisconnectKeyStore", error("KEY_STORE_GONE"))
                        .goes("DisconnectKeyStore", "DeleteHsms", "DeleteHsmsOfCluster", "WhatIsNext?"));
    }

    private static List<DefinitionScenario> watching() {
        return List.of(
                scenario(
                                "watch",
                                "a stage waits for two ticks",
                                "{\"waitId\": \"CreateCluster-8d0f5c1e6a3b47c29e1f0a5d4b7c6e83-aaf761f9\"}")
                        .when("Look", answered("{\"pending\": true, \"watched\": {\"state\": \"CREATE_IN_PROGRESS\"}}"))
                        .goes("Tick", "Look", "StillWaiting?", "Tick", "Look", "StillWaiting?", "Over"),
                scenario("watch", "the input has a member that nobody knows", "{\"waitId\": \"a\", \"waitID\": \"b\"}")
                        .goes("Begin", "InvalidInput")
                        .fails("INVALID_INPUT"),
                scenario("watch", "the input names no wait", "[]")
                        .goes("Begin", "InvalidInput")
                        .fails("INVALID_INPUT"));
    }

    private static DefinitionScenario reencrypt(String name, String more) {
        return scenario("reencrypt-existing", name, "{\"bucket\": \"b\"" + more + "}");
    }

    private static List<DefinitionScenario> reencryption() {
        var page = """
            {"objects": 3, "outcomes": {}, "bytes": 0, "retry": %d, "refused": %d, "failures": []}\
            """;
        return List.of(
                reencrypt("one page", "")
                        .goes(
                                "Plan",
                                "ListObjects",
                                "Listed?",
                                "ReencryptPages",
                                "Begin",
                                "ReencryptPage",
                                "Done?",
                                "Done",
                                "SummarizeReencryption"),
                reencrypt("more objects than one run lists", "")
                        .when("ListObjects", answered("{\"pages\": 1, \"objects\": 500, \"position\": \"k\"}"))
                        .goes("ListObjects", "Listed?", "ListObjects", "Listed?", "ReencryptPages"),
                reencrypt("a bucket of one's own", ", \"adopt\": {\"deployment\": \"default\", \"keyArn\": \"arn\"}")
                        .goes("Listed?", "SecureBucket", "ReencryptPages"),
                reencrypt("the bucket is not there", "")
                        .when("ListObjects", answered("""
                            {"failed": {"error": "NoSuchBucket", "cause": "There is no bucket b."}}\
                            """))
                        .goes("ListObjects", "Listed?", "NotListed")
                        .fails("NoSuchBucket"),
                reencrypt("the key store is disconnected for a while", "")
                        .when("ReencryptPage", answered(page.formatted(3, 0)), answered(page.formatted(1, 0)))
                        .goes(
                                "ReencryptPage",
                                "Done?",
                                "WaitForAws",
                                "ReencryptPage",
                                "Done?",
                                "WaitForAws",
                                "ReencryptPage",
                                "Done?",
                                "Done"),
                reencrypt("AWS refuses an object", "")
                        .when("ReencryptPage", error("cloudhsm.pipeline.reencryption.ObjectsNotReencryptedException"))
                        .goes("ReencryptPages", "Begin", "ReencryptPage")
                        .fails("States.ExceedToleratedFailureThreshold"));
    }
}
