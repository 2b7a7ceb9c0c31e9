package cloudhsm.pipeline.localcloud.cloudhsm;

import java.util.HashSet;
import java.util.Set;

/** What goes differently from the usual, and on demand. */
final class Switches {
    private boolean deletedStaysListed = true;
    private boolean concurrentFirstHsms;
    private boolean concurrentHsms;
    private boolean updatesShown;
    private HsmHardware hardware = HsmHardware.SOUND;
    private final Set<String> degrading = new HashSet<>();
    private final Set<String> full = new HashSet<>();
    private final Set<String> refusing = new HashSet<>();
    private final Set<String> omittedUsers = new HashSet<>();

    boolean deletedStaysListed() {
        return deletedStaysListed;
    }

    void setDeletedStaysListed(boolean listed) {
        deletedStaysListed = listed;
    }

    boolean concurrentFirstHsms() {
        return concurrentFirstHsms;
    }

    void setConcurrentFirstHsms(boolean accepted) {
        concurrentFirstHsms = accepted;
    }

    boolean concurrentHsms() {
        return concurrentHsms;
    }

    void setConcurrentHsms(boolean accepted) {
        concurrentHsms = accepted;
    }

    boolean updatesShown() {
        return updatesShown;
    }

    void setUpdatesShown(boolean shown) {
        updatesShown = shown;
    }

    HsmHardware hardware() {
        return hardware;
    }

    void setHardware(HsmHardware hardware) {
        this.hardware = hardware;
    }

    void degradeNext(String availabilityZone) {
        degrading.add(availabilityZone);
    }

    boolean willDegrade(String availabilityZone) {
        return degrading.contains(availabilityZone);
    }

    /** Whether the HSM that has just been built there fails; asked once per HSM. */
    boolean degrades(String availabilityZone) {
        return degrading.remove(availabilityZone);
    }

    void setFull(String availabilityZone, boolean withoutCapacity) {
        if (withoutCapacity) full.add(availabilityZone);
        else full.remove(availabilityZone);
    }

    /** Whether the HSM that is asked for there has no room; asked once per HSM. */
    boolean isFull(String availabilityZone) {
        var isFull = full.contains(availabilityZone);
        if (isFull) refusing.add(availabilityZone);
        return isFull;
    }

    boolean hasRefused(String availabilityZone) {
        return refusing.contains(availabilityZone);
    }

    void omitUser(String username) {
        omittedUsers.add(username);
    }

    /** The users that the clone being made now lacks; asked once per clone. */
    Set<String> takeOmittedUsers() {
        var users = Set.copyOf(omittedUsers);
        omittedUsers.clear();
        return users;
    }
}
