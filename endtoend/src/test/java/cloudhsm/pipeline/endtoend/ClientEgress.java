package cloudhsm.pipeline.endtoend;

import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.IpRange;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;

/** What the default deployment's clients may reach, as somebody changes it by hand. */
record ClientEgress(Ec2Client ec2) {
    private static final IpPermission EVERYTHING = IpPermission.builder()
            .ipProtocol("-1")
            .ipRanges(IpRange.builder().cidrIp("0.0.0.0/0").build())
            .build();

    SecurityGroup group() {
        return ec2.describeSecurityGroups(request -> request.filters(Filter.builder()
                        .name("tag:Name")
                        .values("cloudhsm-client-default")
                        .build()))
                .securityGroups()
                .getFirst();
    }

    void close() {
        var id = group().groupId();
        ec2.revokeSecurityGroupEgress(request -> request.groupId(id).ipPermissions(EVERYTHING));
    }

    void open() {
        var id = group().groupId();
        ec2.authorizeSecurityGroupEgress(request -> request.groupId(id).ipPermissions(EVERYTHING));
    }
}
