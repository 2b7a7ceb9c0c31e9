/** AWS's own service models: what a request may say, and what an answer must look like. */
package cloudhsm.pipeline.localcloud.wire;
