package cloudhsm.pipeline.localcloud.cloudhsm;

/** What a program on an instance printed, and its exit status. */
public record CommandResult(int exitStatus, String standardOutput, String standardError) {}
