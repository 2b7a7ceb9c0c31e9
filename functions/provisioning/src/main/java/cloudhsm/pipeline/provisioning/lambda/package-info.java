/** Lambda's plumbing: JSON in and out, and the clients for AWS. */
package cloudhsm.pipeline.provisioning.lambda;
