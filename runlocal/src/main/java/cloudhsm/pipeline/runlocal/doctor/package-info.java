/** Looks at an AWS account, before and after a deployment to it: reads only. Its client is also the rehearsal's. */
package cloudhsm.pipeline.runlocal.doctor;
