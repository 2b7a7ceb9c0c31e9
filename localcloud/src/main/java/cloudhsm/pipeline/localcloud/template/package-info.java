/** Deploys an AWS SAM template to the embedded AWS: what is not understood is an error, never left out in silence. */
package cloudhsm.pipeline.localcloud.template;
