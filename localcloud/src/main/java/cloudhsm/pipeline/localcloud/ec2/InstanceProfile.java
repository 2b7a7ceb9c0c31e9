package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.authorization.Role;

/** An IAM instance profile: the one role that an instance may act under. */
record InstanceProfile(String name, String arn, String instanceProfileId, Role role) {}
