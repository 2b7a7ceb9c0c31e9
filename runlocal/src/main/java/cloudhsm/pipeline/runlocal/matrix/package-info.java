/** The proof that no single fault loses a run: the pipeline is run once for each call it makes and each fault of it. */
package cloudhsm.pipeline.runlocal.matrix;
