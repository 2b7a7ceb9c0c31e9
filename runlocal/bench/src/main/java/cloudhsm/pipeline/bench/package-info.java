/** What the benchmark compares the pipeline's function with; never deployed. */
package cloudhsm.pipeline.bench;
