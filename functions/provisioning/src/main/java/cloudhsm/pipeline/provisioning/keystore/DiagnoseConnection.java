package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.client.ClientCommand;
import cloudhsm.pipeline.provisioning.client.ClientReport;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.keystore.ConnectionError.Repair;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/**
 * Says in plain words why a key store did not connect, with what can be seen of it on the HSMs and in the network, and
 * what is done about it. Changes nothing. A failure that is not the key store's is passed on as it is.
 */
public final class DiagnoseConnection extends StageHandler<DiagnoseConnection.Input> {
    /** Over all codes; each try takes up to half an hour of the HSMs. */
    static final int MOST_TRIES = 6;

    private static final Set<String> OF_THE_USER =
            Set.of("INVALID_CREDENTIALS", "USER_LOCKED_OUT", "USER_NOT_FOUND", "USER_LOGGED_IN");

    private static final Set<String> OF_THE_NETWORK =
            Set.of("NETWORK_ERRORS", "SUBNET_NOT_FOUND", "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET");

    /**
     * @param instanceId the client that runs the CloudHSM CLI; "" where none was launched
     * @param trustAnchor PEM of the root that the cluster was initialized with
     * @param failures the codes of this execution's earlier failed connections, each as often as it came
     * @param error under which ConnectKeyStore failed
     * @param cause what it said
     */
    public record Input(
            String keyStoreId,
            String clusterId,
            String instanceId,
            String trustAnchor,
            List<String> failures,
            String error,
            String cause) {
        public Input {
            trustAnchor = Pem.bareChain(Objects.requireNonNull(trustAnchor, "trustAnchor"));
            failures = List.copyOf(failures);
        }
    }

    /**
     * @param code KMS's ConnectionErrorCode
     * @param evidence what was seen, a sentence each
     * @param repair what is done about it: a {@link Repair}
     * @param says all of it for a person
     * @param failures the codes so far, this one included
     */
    public record Output(String code, List<String> evidence, String repair, String says, List<String> failures) {
        public Output {
            evidence = List.copyOf(evidence);
            failures = List.copyOf(failures);
        }
    }

    private final KeyStores keyStores;
    private final Clusters clusters;
    private final NetworkEvidence network;
    private final ClientCommand listUsers;

    /** Called by Lambda, once per execution environment. */
    public DiagnoseConnection() {
        this(
                Aws.kms(),
                Aws.cloudHsm(),
                Aws.ec2(),
                new ClientCommand(Aws.ssm(), Aws.environment("LIST_USERS_DOCUMENT"), ClientCommand.Cli.ofFunction()),
                StageRuntime.ofFunction());
    }

    /** @param listUsers changes nothing and lists the users of each HSM */
    DiagnoseConnection(
            KmsClient kms, CloudHsmV2Client cloudHsm, Ec2Client ec2, ClientCommand listUsers, StageRuntime runtime) {
        super(Input.class, runtime);
        this.keyStores = new KeyStores(kms);
        this.clusters = new Clusters(cloudHsm);
        this.network = new NetworkEvidence(ec2);
        this.listUsers = listUsers;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var store = keyStores.find(input.keyStoreId());
        if (store.isEmpty() || store.get().connectionState() != ConnectionStateType.FAILED) {
            return new Outcome.Failed(input.error(), input.cause());
        }
        var code = Objects.requireNonNullElse(store.get().connectionErrorCodeAsString(), "INTERNAL_ERROR");
        var cluster = clusters.find(input.clusterId());
        var evidence = new ArrayList<String>();
        evidence.add(ofHsms(input, cluster));
        if (cluster.isPresent() && OF_THE_NETWORK.contains(code)) evidence.addAll(network.of(cluster.get()));
        if (cluster.isPresent()
                && OF_THE_USER.contains(code)
                && hasActiveHsm(cluster.get())
                && !input.instanceId().isEmpty()) {
            var progress = awaited.filter(resource -> resource.type() == Resource.Type.COMMAND)
                    .map(listUsers::progress)
                    .orElseGet(() -> listUsers.send(
                            input.instanceId(), ClientCommand.target(cluster.get(), input.trustAnchor())));
            switch (progress) {
                case ClientCommand.Progress.Running running -> {
                    return running.waiting();
                }
                case ClientCommand.Progress.Succeeded succeeded -> evidence.addAll(ofUsers(succeeded.report()));
                case ClientCommand.Progress.Ended ended ->
                    evidence.add("The users of the HSMs could not be listed ("
                            + ended.failed().reason() + ").");
            }
        }
        settle(Question.CONNECTION_ERROR_CODE, code + ". " + String.join(" ", evidence));
        return new Outcome.Done(diagnosis(input, store.get(), code, evidence));
    }

    private static boolean hasActiveHsm(Cluster cluster) {
        return !ClientCommand.target(cluster, "").get("HsmAddresses").isEmpty();
    }

    private static String ofHsms(Input input, Optional<Cluster> cluster) {
        if (cluster.isEmpty()) return "CloudHSM shows no cluster " + input.clusterId() + ".";
        var hsms = Clusters.hsms(cluster.get()).stream()
                .map(hsm -> hsm.hsmId() + " in " + hsm.availabilityZone() + " " + hsm.stateAsString())
                .toList();
        return "Cluster " + input.clusterId() + " is " + cluster.get().stateAsString() + " and has "
                + (hsms.isEmpty() ? "no HSM" : String.join(", ", hsms)) + ".";
    }

    private static List<String> ofUsers(ClientReport report) {
        return report.hsms().stream()
                .map(hsm -> "On the HSM at " + hsm.address() + " "
                        + report.userAt(hsm.address(), "kmsuser")
                                .map(user -> "kmsuser is a " + user.role() + ", "
                                        + (user.locked().equals("false") ? "not locked" : "locked"))
                                .orElse("there is no kmsuser")
                        + ".")
                .toList();
    }

    private static Output diagnosis(Input input, CustomKeyStoresListEntry store, String code, List<String> evidence) {
        var error = ConnectionError.of(code);
        var failures = Stream.concat(input.failures().stream(), Stream.of(code)).toList();
        var attempt = Collections.frequency(failures, code);
        var repaired = attempt <= error.tries() && failures.size() <= MOST_TRIES;
        var repair = repaired ? error.repair() : Repair.PERSON;
        var what = "Key store " + store.customKeyStoreId() + " (" + store.customKeyStoreName() + ") of cluster "
                + store.cloudHsmClusterId() + " is FAILED with " + code + ": " + error.meaning() + ". Seen: "
                + String.join(" ", evidence);
        var then = repaired
                ? " Repair " + attempt + " of " + error.tries() + ": the key store is disconnected, " + repair.words()
                        + ", then it is connected again."
                : (attempt > 1 ? " " + (failures.size() - 1) + " repairs did not help." : "")
                        + " The key store is being disconnected; its keys cannot be used, and its HSMs go on billing."
                        + " Next: " + error.next("connects again") + ".";
        return new Output(code, evidence, repair.name(), what + then, failures);
    }
}
