/** Looks at an AWS account, before and after a deployment to it: reads only. */
package cloudhsm.pipeline.runlocal.doctor;
