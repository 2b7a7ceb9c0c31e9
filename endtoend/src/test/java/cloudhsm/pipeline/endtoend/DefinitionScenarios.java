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
                        pausing(),
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

    private static String found(String leftAlone, boolean healing, boolean client) {
        return """
            {"found": {"leftAlone": "%s", "reason": "Because.", "healing": %s, "resumed": false, "client": %s},
             "plan": {"deployment": "default", "zones": ["eu-central-1a", "eu-central-1b"], "subnetIds": ["subnet-1"],
                      "clientSubnetId": "subnet-1", "clientInstanceType": "t4g.small", "keepClient": false,
                      "hsmType": "hsm2m.medium", "mode": "FIPS", "sourceBackupId": "", "hsmCount": 2,
                      "backupRetentionDays": 90,
                      "identityPolicy": "REQUIRE_AWS", "manufacturerRoot": "", "expiredRoot": "REFUSE",
                      "certificateValidity": "P3652D", "caKey": "DISCARD", "keyStoreName": "k", "keyAlias": "alias/k",
                      "keyDescription": "", "keyAdministrators": [], "keyUsers": [], "keyDeletable": true,
                      "keyPolicy": null, "buckets": [{"name": "b", "adopt": false}], "limits": {}, "hourlyCostUsd": 3.84}}\
            """.formatted(leftAlone, healing, client);
    }

    private static final String NO_CHANGE =
            "{\"hsms\": [{\"hsmId\": \"hsm-1\"}, {\"hsmId\": \"hsm-2\"}], \"created\": 0, \"deleted\": 0}";

    private static final String ACTIVATED = "{\"activated\": true}";

    private static List<DefinitionScenario> provisioning() {
        return List.of(
                provision("an empty account")
                        .goes(
                                "Preflight",
                                "WhoStartedIt?",
                                "SetLimits",
                                "CreateCluster",
                                "IsAClientNeeded?",
                                "LaunchClient",
                                "CreateFirstHsm",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "IsTheClusterActive?",
                                "AwaitClient",
                                "ActivateCluster",
                                "CreateHsms",
                                "IsTheClientThere?",
                                "CreateKmsUser",
                                "CreateKeyStore",
                                "ConnectKeyStore",
                                "CreateKey",
                                "EachBucket",
                                "SecureBucket",
                                "ProveEncryption",
                                "AllProven?",
                                "TerminateClient",
                                "DidItSucceed?",
                                "Report"),
                provision("nothing to do")
                        .when("Preflight", result(found("", false, false)))
                        .when("CreateFirstHsm", result(ACTIVATED))
                        .when("CreateHsms", result(NO_CHANGE))
                        .goes(
                                "CreateCluster",
                                "IsAClientNeeded?",
                                "CreateFirstHsm",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "IsTheClusterActive?",
                                "ActivateCluster",
                                "CreateHsms",
                                "IsTheClientThere?",
                                "CreateKmsUser"),
                provision("an HSM is lost, as the health check has found")
                        .when("Preflight", result(found("", true, true)))
                        .when("CreateFirstHsm", result(ACTIVATED))
                        .goes(
                                "Preflight",
                                "WhoStartedIt?",
                                "CreateCluster",
                                "IsAClientNeeded?",
                                "LaunchClient",
                                "CreateFirstHsm",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "IsTheClusterActive?",
                                "ActivateCluster",
                                "CreateHsms",
                                "IsTheClientThere?",
                                "AwaitClient",
                                "ActivateCluster",
                                "CreateHsms",
                                "IsTheClientThere?",
                                "CreateKmsUser"),
                provision("what the health check has found is left alone")
                        .when("Preflight", result(found("A person disconnected its key store.", true, false)))
                        .goes("Preflight", "WhoStartedIt?", "LeaveAlone"),
                provision("an HSM is lost after all was found well")
                        .when("Preflight", result(found("", false, false)))
                        .when("CreateFirstHsm", result(ACTIVATED))
                        .goes("CreateHsms", "IsTheClientThere?", "LaunchClient", "CreateFirstHsm"),
                provision("AWS replaces the HSM before the certificate is issued")
                        .when("IssueClusterCertificate", error("CSR_CHANGED"))
                        .goes(
                                "IssueAnotherCertificate?",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "IsTheClusterActive?"),
                provision("AWS replaces the HSM before the cluster is initialized")
                        .when("InitializeCluster", error("CSR_CHANGED"), error("CSR_CHANGED"))
                        .goes(
                                "IssueAnotherCertificate?",
                                "VerifyHsmIdentity",
                                "IssueClusterCertificate",
                                "InitializeCluster",
                                "IsTheClusterActive?"),
                provision("AWS replaces the HSM three times")
                        .when("InitializeCluster", times(3, error("CSR_CHANGED")))
                        .goes(
                                "IssueAnotherCertificate?",
                                "CsrKeepsChanging",
                                "TerminateClient",
                                "DidItSucceed?",
                                "ReportFailure",
                                "FailExecution")
                        .fails("CSR_KEEPS_CHANGING"),
                provision("a failed execution is redriven")
                        .when("CreateCluster", error("CLUSTER_DEGRADED"))
                        .when("FailExecution", result("{}"))
                        .goes(
                                "CreateCluster",
                                "TerminateClient",
                                "DidItSucceed?",
                                "ReportFailure",
                                "FailExecution",
                                "Preflight",
                                "WhoStartedIt?",
                                "SetLimits",
                                "CreateCluster",
                                "IsAClientNeeded?"),
                provision("the client's end fails as well")
                        .when("CreateKey", error("KEY_DISABLED"))
                        .when("TerminateClient", error("UNAUTHORIZED"))
                        .goes("CreateKey", "TerminateClient", "ReportFailure", "FailExecution")
                        .fails("KEY_DISABLED"),
                redriven("pause", "BeginPause", DEPLOYMENT),
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
                provision("the client ends before it is online")
                        .when("AwaitClient", error("CLIENT_GONE"))
                        .goes("AwaitClient", "LaunchAnotherClient?", "LaunchClient", "CreateFirstHsm"),
                provision("the client is gone before the activation")
                        .when("ActivateCluster", error("CLIENT_GONE"))
                        .goes("ActivateCluster", "LaunchAnotherClient?", "LaunchClient", "CreateFirstHsm"),
                provision("the client is gone before kmsuser exists")
                        .when("CreateKmsUser", error("CLIENT_GONE"))
                        .goes("CreateKmsUser", "LaunchAnotherClient?", "LaunchClient", "CreateFirstHsm"),
                provision("four clients are gone")
                        .when("CreateKmsUser", times(4, error("CLIENT_GONE")))
                        .goes(
                                "CreateKmsUser",
                                "LaunchAnotherClient?",
                                "TerminateClient",
                                "DidItSucceed?",
                                "ReportFailure",
                                "FailExecution")
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
                                "CreateHsms",
                                "IsTheClientThere?",
                                "CreateKmsUser",
                                "CreateKeyStore",
                                "ConnectKeyStore",
                                "CreateKey"),
                provision("the network is disturbed")
                        .when("ConnectKeyStore", error("NETWORK_ERRORS"))
                        .when("DiagnoseConnection", result(diagnosis("NETWORK_ERRORS", "WAIT")))
                        .goes("WhatHelps?", "LetTheNetworkSettle", "CreateHsms", "IsTheClientThere?", "CreateKmsUser"),
                provision("KMS has another password")
                        .when("ConnectKeyStore", error("INVALID_CREDENTIALS"))
                        .when("DiagnoseConnection", result(diagnosis("INVALID_CREDENTIALS", "RESET_PASSWORD")))
                        .goes("WhatHelps?", "CreateHsms", "IsTheClientThere?", "ResetKmsUser", "CreateKmsUser"),
                provision("the client is gone while the password is set")
                        .when("ConnectKeyStore", error("INVALID_CREDENTIALS"))
                        .when("DiagnoseConnection", result(diagnosis("INVALID_CREDENTIALS", "RESET_PASSWORD")))
                        .when("ResetKmsUser", error("CLIENT_GONE"))
                        .goes("ResetKmsUser", "LaunchAnotherClient?", "LaunchClient", "CreateFirstHsm"),
                provision("only a person can help")
                        .when("ConnectKeyStore", error("CLUSTER_NOT_FOUND"))
                        .when("DiagnoseConnection", result(diagnosis("CLUSTER_NOT_FOUND", "PERSON")))
                        .goes(
                                "DiagnoseConnection",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "TerminateClient",
                                "DidItSucceed?",
                                "ReportFailure",
                                "FailExecution")
                        .fails("CLUSTER_NOT_FOUND"),
                provision("KMS is connected and cannot use the key")
                        .when("ProveEncryption", error("KEY_UNUSABLE"))
                        .goes(
                                "ProveEncryption",
                                "BucketFailed",
                                "AllProven?",
                                "DisconnectKeyStore",
                                "WhatHelps?",
                                "CreateHsms",
                                "IsTheClientThere?",
                                "CreateKmsUser",
                                "CreateKeyStore",
                                "ConnectKeyStore",
                                "CreateKey",
                                "EachBucket",
                                "SecureBucket",
                                "ProveEncryption",
                                "AllProven?",
                                "TerminateClient"),
                provision("KMS still cannot use the key")
                        .when("ProveEncryption", error("KEY_UNUSABLE"), error("KEY_UNUSABLE"))
                        .goes(
                                "ProveEncryption",
                                "BucketFailed",
                                "AllProven?",
                                "TerminateClient",
                                "DidItSucceed?",
                                "ReportFailure")
                        .fails("KEY_UNUSABLE"),
                provision("a stage of a bucket answers what nobody can read")
                        .when("SecureBucket", result("{}"))
                        .goes("SecureBucket", "ProveEncryption", "TerminateClient", "DidItSucceed?", "ReportFailure")
                        .fails("States.QueryEvaluationError"),
                provision("one of two buckets is not accepted")
                        .when(
                                "Preflight",
                                result(found("", false, false)
                                        .replace(
                                                "{\"name\": \"b\", \"adopt\": false}",
                                                "{\"name\": \"a\", \"adopt\": true}, {\"name\": \"b\","
                                                        + " \"adopt\": false}")))
                        .when("SecureBucket", error("NOTIFICATION_REFUSED"))
                        .goes(
                                "EachBucket",
                                "SecureBucket",
                                "BucketFailed",
                                "SecureBucket",
                                "ProveEncryption",
                                "AllProven?",
                                "TerminateClient",
                                "DidItSucceed?",
                                "ReportFailure")
                        .fails("NOTIFICATION_REFUSED"));
    }

    private static List<DefinitionScenario> pausing() {
        return List.of(
                scenario("pause", "two HSMs", DEPLOYMENT)
                        .goes("BeginPause", "IsThereACluster?", "DeleteHsms", "RemoveLimits", "ReportPaused"),
                scenario("pause", "no cluster yet", DEPLOYMENT)
                        .when("BeginPause", result("""
                            {"deployment": "default", "clusterId": "", "ownersHsmIds": [], "buckets": [], "interrupted": "",
                             "tearingDown": false}\
                            """))
                        .goes("BeginPause", "IsThereACluster?", "NoHsms", "RemoveLimits", "ReportPaused"),
                scenario("pause", "a teardown is at work", DEPLOYMENT)
                        .when("BeginPause", error("DEPLOYMENT_LOCKED"))
                        .goes("BeginPause", "ReportFailure")
                        .fails("DEPLOYMENT_LOCKED"));
    }

    private static DefinitionScenario teardown(String name) {
        return scenario("teardown", name, TEARDOWN);
    }

    private static String plan(String data, String meter, String bucket, String keyStoreId) {
        return plan(data, meter, bucket, keyStoreId, false);
    }

    private static String plan(String data, String meter, String bucket, String keyStoreId, boolean interrupt) {
        return """
            {"deployment": "default", "data": "%s", "previousVersionsMayGo": false,
             "pendingWindowInDays": 7, "meter": "%s",
             "meterNote": "", "buckets": [%s], "keyStoreId": "%s", "keyIds": ["190dca37-b796-4638-a27d-5cd11758b5c2"],
             "clusterIds": ["cluster-m6scvxgqtfh"], "adoptedCluster": {"clusterId": "", "ownersHsmIds": []}, "hsms": 2,
             "pricePerHsmHourUsd": 1.92, "stopNowUsd": 3.84, "deleteMaterialUsd": 372.48,
             "leftAlone": [], "shared": [], "interrupt": %s, "refusal": ""}\
            """.formatted(data, meter, bucket.isEmpty() ? "" : bucket(bucket, false, data), keyStoreId, interrupt);
    }

    private static String bucket(String name, boolean adopted, String data) {
        return "{\"name\": \"%s\", \"adopted\": %s, \"data\": \"%s\", \"returnTo\": \"\"}"
                .formatted(name, adopted, data);
    }

    private static List<DefinitionScenario> teardown() {
        return List.of(
                teardown("everything is deleted")
                        .goes(
                                "PlanTeardown",
                                "WhatAboutTheData?",
                                "EachBucket",
                                "WhatAboutTheBucket?",
                                "BucketDone",
                                "AllBucketsDone?",
                                "EachBucket",
                                "WhatAboutTheBucket?",
                                "EmptyBucket",
                                "MoreToDelete?",
                                "DeleteBucket",
                                "BucketDone",
                                "AllBucketsDone?",
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
                                "BucketDone",
                                "AllBucketsDone?",
                                "ScheduleKeyDeletion"),
                teardown("somebody goes on uploading")
                        .when("DeleteBucket", times(3, error("BUCKET_NOT_EMPTY")))
                        .goes(
                                "DeleteBucket",
                                "EmptyItAgain?",
                                "BucketFailed",
                                "AllBucketsDone?",
                                "StopTheMeter?",
                                "ReportFailure",
                                "FailExecution")
                        .fails("BUCKET_NOT_EMPTY"),
                teardown("a stage of a bucket answers what nobody can read")
                        .when("EmptyBucket", result("{}"))
                        .goes("EmptyBucket", "MoreToDelete?", "StopTheMeter?", "ReportFailure", "FailExecution")
                        .fails("States.QueryEvaluationError"),
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
                        .goes(
                                "WhatAboutTheBucket?",
                                "ReleaseBucket",
                                "ReturnTheObjects?",
                                "BucketDone",
                                "AllBucketsDone?",
                                "ScheduleKeyDeletion"),
                teardown("the data stays, readable")
                        .when("PlanTeardown", result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1")))
                        .goes(
                                "WhatAboutTheData?",
                                "EachBucket",
                                "WhatAboutTheBucket?",
                                "ReturnObjects",
                                "AllReturned?",
                                "BucketDone",
                                "AllBucketsDone?",
                                "EachBucket",
                                "WhatAboutTheBucket?",
                                "ReleaseBucket",
                                "ReturnTheObjects?",
                                "LetUploadsSettle",
                                "ReturnObjects",
                                "AllReturned?",
                                "ObjectsReturned",
                                "BucketDone",
                                "AllBucketsDone?",
                                "ScheduleKeyDeletion"),
                teardown("a bucket that was adopted is given back")
                        .when(
                                "PlanTeardown",
                                result(plan("DELETE", "STOP_NOW", "", "cks-1")
                                        .replace(
                                                "\"buckets\": []",
                                                "\"buckets\": [" + bucket("theirs", true, "KEEP_READABLE") + "]")))
                        .goes(
                                "ReleaseBucket",
                                "ReturnTheObjects?",
                                "LetUploadsSettle",
                                "ReturnObjects",
                                "AllReturned?",
                                "GiveBackBucket",
                                "ObjectsReturned",
                                "BucketDone"),
                teardown("the data cannot stay readable")
                        .when("PlanTeardown", result(plan("KEEP_READABLE", "STOP_NOW", "b", "cks-1")))
                        .when("ReturnObjects", result(LOCKED))
                        .goes(
                                "ReturnObjects",
                                "AllReturned?",
                                "ObjectsNotReturned",
                                "BucketFailed",
                                "AllBucketsDone?",
                                "StopTheMeter?",
                                "ReportFailure")
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
                        .goes(
                                "WhatAboutTheData?",
                                "EachBucket",
                                "AllBucketsDone?",
                                "EachBucket",
                                "AllBucketsDone?",
                                "ScheduleKeyDeletion",
                                "KeepAnHsm?",
                                "DeleteHsms"),
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
                                "PlanReencryption",
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
                reencrypt("no record names the bucket", "")
                        .when("PlanReencryption", error("BUCKET_NOT_OURS"))
                        .goes("PlanReencryption")
                        .fails("BUCKET_NOT_OURS"),
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
