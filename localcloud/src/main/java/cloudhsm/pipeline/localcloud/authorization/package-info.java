/** Who calls, and what policies let them do. */
package cloudhsm.pipeline.localcloud.authorization;
