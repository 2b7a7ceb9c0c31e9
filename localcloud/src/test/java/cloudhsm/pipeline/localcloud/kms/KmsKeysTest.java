package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.AliasListEntry;
import software.amazon.awssdk.services.kms.model.AlreadyExistsException;
import software.amazon.awssdk.services.kms.model.DisabledException;
import software.amazon.awssdk.services.kms.model.InvalidMarkerException;
import software.amazon.awssdk.services.kms.model.KeyListEntry;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.KmsInvalidStateException;
import software.amazon.awssdk.services.kms.model.NotFoundException;
import software.amazon.awssdk.services.kms.model.TagException;
import software.amazon.awssdk.services.kms.model.UnsupportedOperationException;

class KmsKeysTest {
    private final LocalCloud cloud = LocalCloud.start();
    private final Callers callers = new Callers(cloud);
    private final KmsClient kms = callers.client(KmsClient.builder(), callers.administrator());

    @AfterEach
    void close() {
        kms.close();
        cloud.close();
    }

    private String createKey() {
        return kms.createKey(key -> key.description("reports")).keyMetadata().arn();
    }

    private KeyState stateOf(String keyId) {
        return kms.describeKey(key -> key.keyId(keyId)).keyMetadata().keyState();
    }

    private void encrypt(String keyId) {
        kms.encrypt(request -> request.keyId(keyId).plaintext(SdkBytes.fromUtf8String("text")));
    }

    @Test
    void newKeyIsEnabledAndTheAccountsOwn() {
        var key = kms.createKey(request -> request.description("reports")).keyMetadata();
        assertEquals(KeyState.ENABLED, key.keyState());
        assertEquals("AWS_KMS", key.originAsString());
        assertEquals("CUSTOMER", key.keyManagerAsString());
        assertEquals("arn:aws:kms:eu-central-1:111122223333:key/" + key.keyId(), key.arn());
        assertTrue(key.enabled());
    }

    @Test
    void keyIsFoundByIdArnAliasAndAliasArn() {
        var arn = createKey();
        kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(arn));
        var id = arn.substring(arn.indexOf('/') + 1);
        var aliasArn = "arn:aws:kms:eu-central-1:111122223333:alias/reports";
        for (var name : new String[] {id, arn, "alias/reports", aliasArn}) {
            assertEquals(
                    arn, kms.describeKey(key -> key.keyId(name)).keyMetadata().arn(), name);
            assertEquals(arn, cloud.kms().resolveKey(name), name);
        }
    }

    @Test
    void unknownKeyIsNotFoundInAwsWords() {
        var unknown = assertThrows(
                NotFoundException.class,
                () -> kms.describeKey(key -> key.keyId("00000000-0000-4000-a000-000000000000")));
        assertEquals(
                "Key 'arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-a000-000000000000' does not exist",
                unknown.awsErrorDetails().errorMessage());
    }

    @Test
    void managementOperationsTakeNoAlias() {
        var arn = createKey();
        kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(arn));
        assertThrows(
                NotFoundException.class,
                () -> kms.disableKey(key -> key.keyId("alias/reports")),
                "AWS resolves aliases only where it reads or uses a key");
        assertEquals(KeyState.ENABLED, stateOf(arn));
    }

    @Test
    void disabledKeyRefusesUseUntilEnabled() {
        var arn = createKey();
        kms.disableKey(key -> key.keyId(arn));
        var refused = assertThrows(DisabledException.class, () -> encrypt(arn));
        assertEquals(arn + " is disabled.", refused.awsErrorDetails().errorMessage());
        kms.enableKey(key -> key.keyId(arn));
        encrypt(arn);
    }

    @Test
    void asymmetricKeyIsRefusedRatherThanMadeSymmetric() {
        assertThrows(UnsupportedOperationException.class, () -> kms.createKey(key -> key.keySpec("RSA_2048")));
        assertThrows(UnsupportedOperationException.class, () -> kms.createKey(key -> key.multiRegion(true)));
        assertThrows(UnsupportedOperationException.class, () -> kms.createKey(key -> key.origin("EXTERNAL")));
    }

    @Test
    void cloudHsmOriginNeedsAStore() {
        var refused = assertThrows(KmsException.class, () -> kms.createKey(key -> key.origin("AWS_CLOUDHSM")));
        assertEquals("ValidationException", refused.awsErrorDetails().errorCode());
    }

    @Test
    void keysAreListedPageByPage() {
        var first = createKey();
        var second = createKey();
        var page = kms.listKeys(request -> request.limit(1));
        assertEquals(first, page.keys().getFirst().keyArn());
        assertTrue(page.truncated());
        var last = kms.listKeys(request -> request.limit(1).marker(page.nextMarker()));
        assertEquals(second, last.keys().getFirst().keyArn());
        assertFalse(last.truncated());
        assertEquals(
                2,
                kms.listKeysPaginator().keys().stream()
                        .map(KeyListEntry::keyArn)
                        .distinct()
                        .count());
        assertThrows(InvalidMarkerException.class, () -> kms.listKeys(request -> request.marker("nonsense")));
    }

    @Test
    void aliasNamesOneKeyAndMovesByUpdate() {
        var first = createKey();
        var second = createKey();
        kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(first));
        assertThrows(
                AlreadyExistsException.class,
                () -> kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(second)));
        kms.updateAlias(alias -> alias.aliasName("alias/reports").targetKeyId(second));
        assertEquals(second, cloud.kms().resolveKey("alias/reports"));
        assertEquals(
                "alias/reports",
                kms.listAliases(request -> request.keyId(second)).aliases().stream()
                        .map(AliasListEntry::aliasName)
                        .findFirst()
                        .orElseThrow());
        kms.deleteAlias(alias -> alias.aliasName("alias/reports"));
        assertThrows(NotFoundException.class, () -> kms.describeKey(key -> key.keyId("alias/reports")));
    }

    @Test
    void aliasWithoutItsPrefixOrInAwsOwnIsRefused() {
        var arn = createKey();
        for (var name : new String[] {"reports", "alias/", "alias/aws/reports", "alias/a b"}) {
            assertThrows(
                    KmsException.class,
                    () -> kms.createAlias(alias -> alias.aliasName(name).targetKeyId(arn)),
                    name);
        }
        assertEquals(0, kms.listAliases().aliases().size());
    }

    @Test
    void tagsAreKeptAndAwsOwnAreRefused() {
        var arn = kms.createKey(key -> key.tags(tag -> tag.tagKey("team").tagValue("reports")))
                .keyMetadata()
                .arn();
        kms.tagResource(
                request -> request.keyId(arn).tags(tag -> tag.tagKey("stage").tagValue("test")));
        kms.untagResource(request -> request.keyId(arn).tagKeys("team"));
        var tags = kms.listResourceTags(request -> request.keyId(arn)).tags();
        assertEquals(1, tags.size());
        assertEquals("stage", tags.getFirst().tagKey());
        assertThrows(
                TagException.class,
                () -> kms.tagResource(request ->
                        request.keyId(arn).tags(tag -> tag.tagKey("aws:x").tagValue("y"))));
    }

    @Test
    void deletionWindowIsSevenToThirtyDays() {
        var arn = createKey();
        for (var days : new int[] {1, 6, 31}) {
            assertThrows(
                    KmsException.class,
                    () -> kms.scheduleKeyDeletion(request -> request.keyId(arn).pendingWindowInDays(days)));
        }
        assertEquals(30, kms.scheduleKeyDeletion(request -> request.keyId(arn)).pendingWindowInDays());
    }

    @Test
    void keyPendingDeletionIsOfNoUseAndComesBackDisabled() {
        var arn = createKey();
        kms.scheduleKeyDeletion(request -> request.keyId(arn).pendingWindowInDays(7));
        assertEquals(
                cloud.time().now().plus(Duration.ofDays(7)),
                kms.describeKey(key -> key.keyId(arn)).keyMetadata().deletionDate());
        var refused = assertThrows(KmsInvalidStateException.class, () -> encrypt(arn));
        assertEquals(arn + " is pending deletion.", refused.awsErrorDetails().errorMessage());
        assertEquals(400, refused.statusCode(), "SDKs do not retry it by themselves");
        assertThrows(KmsInvalidStateException.class, () -> kms.enableKey(key -> key.keyId(arn)));
        kms.cancelKeyDeletion(key -> key.keyId(arn));
        assertEquals(KeyState.DISABLED, stateOf(arn));
        cloud.advance(Duration.ofDays(9));
        assertEquals(KeyState.DISABLED, stateOf(arn), "a cancelled deletion must not come after all");
    }

    @Test
    void keyIsDeletedUpToADayAfterItsDate() {
        var arn = createKey();
        kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(arn));
        kms.scheduleKeyDeletion(request -> request.keyId(arn).pendingWindowInDays(7));
        cloud.advance(Duration.ofDays(7).minusSeconds(1));
        assertEquals(KeyState.PENDING_DELETION, stateOf(arn));
        cloud.advance(Duration.ofHours(24).plusSeconds(1));
        assertThrows(NotFoundException.class, () -> stateOf(arn));
        assertTrue(kms.listAliases().aliases().isEmpty(), "aliases go with their key");
    }

    @Test
    void grantsAreRefusedByName() {
        var arn = createKey();
        var refused = assertThrows(
                KmsException.class,
                () -> kms.createGrant(
                        grant -> grant.keyId(arn).granteePrincipal("someone").operationsWithStrings("Decrypt")));
        assertEquals("UnknownOperationException", refused.awsErrorDetails().errorCode());
    }
}
