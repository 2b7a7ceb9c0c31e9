package cloudhsm.pipeline.localcloud.ec2;

import java.util.ArrayList;
import java.util.List;

/** A security group and its rules. */
final class SecurityGroup {
    /**
     * One rule: one range of ports to or from one peer.
     *
     * @param protocol {@code tcp}, {@code udp}, {@code icmp}, or {@code -1} for everything
     * @param peer an IPv4 range, or the id of a security group
     */
    record Rule(String protocol, int fromPort, int toPort, String peer) {
        static final String ANYWHERE = "0.0.0.0/0";

        static Rule everything(String peer) {
            return new Rule("-1", -1, -1, peer);
        }

        boolean coversTcp(int from, int to) {
            return protocol.equals("-1") || protocol.equals("tcp") && fromPort <= from && to <= toPort;
        }

        boolean namesGroup() {
            return peer.startsWith("sg-");
        }
    }

    /** The ports on which CloudHSM's clients and HSMs talk. */
    private static final int FIRST_CLUSTER_PORT = 2223;

    private static final int LAST_CLUSTER_PORT = 2225;

    final String groupId;
    final String groupName;
    final String description;
    final String vpcId;
    final List<Rule> ingress = new ArrayList<>();
    final List<Rule> egress = new ArrayList<>();

    SecurityGroup(String groupId, String groupName, String description, String vpcId) {
        this.groupId = groupId;
        this.groupName = groupName;
        this.description = description;
        this.vpcId = vpcId;
    }

    void addClusterRules() {
        var itself = new Rule("tcp", FIRST_CLUSTER_PORT, LAST_CLUSTER_PORT, groupId);
        ingress.add(itself);
        egress.add(itself);
    }

    boolean admitsItselfOnClusterPorts() {
        return admitsItself(ingress) && admitsItself(egress);
    }

    private boolean admitsItself(List<Rule> rules) {
        return rules.stream()
                .anyMatch(rule -> rule.coversTcp(FIRST_CLUSTER_PORT, LAST_CLUSTER_PORT)
                        && (rule.peer().equals(groupId) || rule.peer().equals(Rule.ANYWHERE)));
    }

    boolean letsOutTo443() {
        return egress.stream()
                .anyMatch(rule -> rule.coversTcp(443, 443) && rule.peer().equals(Rule.ANYWHERE));
    }
}
