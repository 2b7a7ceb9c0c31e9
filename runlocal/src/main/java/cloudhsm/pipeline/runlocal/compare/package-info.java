/** Where a run on a real account differs from one on the embedded AWS. */
package cloudhsm.pipeline.runlocal.compare;
