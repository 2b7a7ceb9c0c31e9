package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.faults.Faults;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * One thing that goes wrong in a run, as {@code --fault} names it: {@code THING:KIND:WHERE}.
 *
 * @param where what the kind needs to know: a call, an Availability Zone, a state, a detail type; may be empty
 */
record Fault(Kind kind, String where) {
    /** How late a late event is: more than the tick that makes up for a lost one. */
    private static final Duration LATE = Duration.ofMinutes(2);

    /** How long a zone has no room for an HSM: longer than it takes to come to the first one. */
    private static final Duration NO_CAPACITY = Duration.ofMinutes(15);

    /** How many answers in a row are old: a stage reads once, the observer once more. */
    private static final int STALE_READS = 3;

    /** What can go wrong. */
    enum Kind {
        CALL_THROTTLED(
                "call:throttled",
                "SERVICE:OPERATION:NUMBER",
                "kms:CreateKey:1",
                "the service refuses this call because there are too many"),
        CALL_INTERNAL_ERROR(
                "call:internal-error",
                "SERVICE:OPERATION:NUMBER",
                "cloudhsm:DescribeClusters:3",
                "the service fails with HTTP 500; nothing is done"),
        CALL_ANSWER_LOST(
                "call:answer-lost",
                "SERVICE:OPERATION:NUMBER",
                "cloudhsm:CreateHsm:1",
                "the call is carried out, and its answer never arrives"),
        CALL_FUNCTION_KILLED(
                "call:function-killed",
                "SERVICE:OPERATION:NUMBER",
                "kms:CreateCustomKeyStore:1",
                "the call is carried out, and the function that made it dies"),
        EVENT_LOST("event:lost", "DETAIL-TYPE", "HSM State Change", "EventBridge loses the next event of this type"),
        EVENT_TWICE("event:twice", "DETAIL-TYPE", "Key Store State Change", "the next one is delivered twice"),
        EVENT_LATE("event:late", "DETAIL-TYPE", "Cluster State Change", "the next one comes two minutes late"),
        READ_STALE(
                "read:stale",
                "STATE",
                "CreateHsms",
                "from then on DescribeClusters answers three times as it was at the state's beginning"),
        HSM_DEGRADED(
                "hsm:degraded",
                "ZONE",
                "eu-central-1a",
                "the next HSM created there comes out DEGRADED and never heals"),
        HSM_REFUSED(
                "hsm:refused",
                "ZONE",
                "eu-central-1a",
                "for the first quarter of an hour AWS has no room for an HSM there"),
        HSM_REPLACED(
                "hsm:replaced",
                "STATE",
                "InitializeCluster",
                "AWS replaces the first HSM when the state begins: another id, the same network interface"),
        HSM_LOST(
                "hsm:lost",
                "MINUTES",
                "5",
                "so long after the provisioning somebody deletes an HSM; shows how the pipeline heals it"),
        USER_MISSING(
                "user:missing", "STATE", "ConnectKeyStore", "kmsuser is deleted from one HSM when the state begins"),
        PASSWORD_WRONG(
                "password:wrong", "STATE", "ConnectKeyStore", "kmsuser's password is changed when the state begins"),
        CONNECTION(
                "connection",
                "CONNECTION-ERROR-CODE",
                "NETWORK_ERRORS",
                "KMS's next connection to the cluster fails with this code");

        private final String spelling;
        private final String where;
        private final String example;
        private final String meaning;

        Kind(String spelling, String where, String example, String meaning) {
            this.spelling = spelling;
            this.where = where;
            this.example = example;
            this.meaning = meaning;
        }

        /** What goes wrong, as a clause for a person. */
        String meaning() {
            return meaning;
        }

        /** As it is written, with the words to replace in capitals. */
        String form() {
            return spelling + ":" + where;
        }

        String example() {
            return spelling + ":" + example;
        }
    }

    private static final List<String> CONNECTION_ERROR_CODES = List.of(
            "INVALID_CREDENTIALS",
            "CLUSTER_NOT_FOUND",
            "NETWORK_ERRORS",
            "INTERNAL_ERROR",
            "INSUFFICIENT_CLOUDHSM_HSMS",
            "USER_LOCKED_OUT",
            "USER_NOT_FOUND",
            "USER_LOGGED_IN",
            "SUBNET_NOT_FOUND",
            "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET");

    /**
     * Reads a fault as it is given on the command line.
     *
     * @throws IllegalArgumentException if it names no kind, or not what the kind needs; the message says which there are
     */
    static Fault parse(String text) {
        var kind = Arrays.stream(Kind.values())
                .filter(candidate -> text.startsWith(candidate.spelling + ":"))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no fault \"" + text + "\"; there are "
                        + Arrays.stream(Kind.values()).map(Kind::form).collect(Collectors.joining(", "))));
        var fault = new Fault(kind, text.substring(kind.spelling.length() + 1));
        if (!fault.isComplete()) {
            throw new IllegalArgumentException("\"" + text + "\" is not " + kind.form() + ", as in " + kind.example()
                    + (kind == Kind.CONNECTION ? "; the codes are " + String.join(", ", CONNECTION_ERROR_CODES) : ""));
        }
        return fault;
    }

    private boolean isComplete() {
        return switch (kind) {
            case CALL_THROTTLED, CALL_INTERNAL_ERROR, CALL_ANSWER_LOST, CALL_FUNCTION_KILLED ->
                where.matches("[a-z]+:[A-Za-z]+:[1-9][0-9]*");
            case CONNECTION -> CONNECTION_ERROR_CODES.contains(where);
            case HSM_DEGRADED, HSM_REFUSED -> where.matches("[a-z]{2}(-[a-z]+)+-\\d[a-z]");
            case HSM_LOST -> where.matches("[1-9][0-9]{0,3}");
            case EVENT_LOST, EVENT_TWICE, EVENT_LATE, READ_STALE, HSM_REPLACED, USER_MISSING, PASSWORD_WRONG ->
                !where.isBlank();
        };
    }

    /** Whether there is such a place in the Region: a zone may be another's. */
    boolean isIn(String region) {
        return switch (kind) {
            case HSM_DEGRADED, HSM_REFUSED -> Regions.zones(region).contains(where);
            default -> true;
        };
    }

    /** Whether the embedded AWS answers the call, where it is of one. */
    boolean isAnsweredBy(LocalCloud cloud) {
        return switch (kind) {
            case CALL_THROTTLED, CALL_INTERNAL_ERROR, CALL_ANSWER_LOST, CALL_FUNCTION_KILLED -> {
                var parts = where.split(":");
                yield cloud.endpoint().services().stream()
                        .anyMatch(service -> service.signingName().equals(parts[0])
                                && service.operations().contains(parts[1]));
            }
            default -> true;
        };
    }

    @Override
    public String toString() {
        return kind.spelling + ":" + where;
    }

    /**
     * Makes it happen once, when its moment comes.
     *
     * @return whether it has happened
     */
    BooleanSupplier injectInto(LocalCloud cloud) {
        return switch (kind) {
            case CALL_THROTTLED -> call(cloud, Faults.Kind.THROTTLED);
            case CALL_INTERNAL_ERROR -> call(cloud, Faults.Kind.INTERNAL_ERROR);
            case CALL_ANSWER_LOST -> call(cloud, Faults.Kind.ANSWER_LOST);
            case CALL_FUNCTION_KILLED -> call(cloud, Faults.Kind.FUNCTION_KILLED);
            case EVENT_LOST -> cloud.events().loseNext(where);
            case EVENT_TWICE -> cloud.events().deliverNextTwice(where);
            case EVENT_LATE -> cloud.events().delayNext(where, LATE);
            case HSM_DEGRADED -> cloud.cloudHsm().nextHsmDegrades(where);
            case CONNECTION -> cloud.kms().failNextConnection(where);
            case READ_STALE -> {
                var entered = new AtomicBoolean();
                onceEntered(cloud, () -> {
                    cloud.cloudHsm().answerNextDescribesFromNow(STALE_READS);
                    entered.set(true);
                });
                yield entered::get;
            }
            case HSM_REPLACED ->
                toAnHsm(cloud, List::getFirst, hsm -> cloud.cloudHsm().replaceHsm(hsm));
            case HSM_REFUSED -> refuseHsms(cloud);
            case HSM_LOST -> loseAnHsm(cloud);
            case USER_MISSING ->
                toAnHsm(cloud, List::getLast, hsm -> cloud.cloudHsm().deleteUserOnOneHsm(hsm, "kmsuser"));
            case PASSWORD_WRONG ->
                toAnHsm(cloud, List::getLast, any -> cloud.cloudHsm().changePassword("kmsuser", "changedByHand1"));
        };
    }

    private BooleanSupplier call(LocalCloud cloud, Faults.Kind outcome) {
        var parts = where.split(":");
        return cloud.faults().add(parts[0], parts[1], Integer.parseInt(parts[2]), outcome);
    }

    private void onceEntered(LocalCloud cloud, Runnable effect) {
        var done = new AtomicBoolean();
        cloud.states().onHistoryEvent((execution, event) -> {
            var entered = event.path("stateEnteredEventDetails").path("name").asText();
            if (entered.equals(where) && done.compareAndSet(false, true)) effect.run();
        });
    }

    /** When the state begins, if an HSM is ACTIVE then. */
    private BooleanSupplier toAnHsm(LocalCloud cloud, Function<List<Hsm>, Hsm> choice, Consumer<String> effect) {
        var happened = new AtomicBoolean();
        onceEntered(cloud, () -> befall(cloud, choice, effect, happened));
        return happened::get;
    }

    private static void befall(
            LocalCloud cloud, Function<List<Hsm>, Hsm> choice, Consumer<String> effect, AtomicBoolean happened) {
        var active = cloud.cloudHsm().everCreated().stream().filter(Hsm::active).toList();
        if (active.isEmpty()) return;
        effect.accept(choice.apply(active).hsmId());
        happened.set(true);
    }

    private BooleanSupplier refuseHsms(LocalCloud cloud) {
        var refused = cloud.cloudHsm().zoneIsFull(where, true);
        cloud.time()
                .schedule(
                        NO_CAPACITY,
                        "fault hsm:refused:" + where,
                        () -> cloud.cloudHsm().zoneIsFull(where, false));
        return refused;
    }

    private BooleanSupplier loseAnHsm(LocalCloud cloud) {
        var provisioned = new AtomicBoolean();
        var happened = new AtomicBoolean();
        cloud.states().onHistoryEvent((execution, event) -> {
            if (event.path("type").asText().equals("ExecutionSucceeded")
                    && execution.stateMachineArn().endsWith("-provision")
                    && provisioned.compareAndSet(false, true)) {
                cloud.time()
                        .schedule(
                                Duration.ofMinutes(Long.parseLong(where)),
                                "fault hsm:lost:" + where,
                                () -> befall(
                                        cloud,
                                        List::getLast,
                                        hsm -> cloud.cloudHsm().deleteHsm(hsm),
                                        happened));
            }
        });
        return happened::get;
    }
}
