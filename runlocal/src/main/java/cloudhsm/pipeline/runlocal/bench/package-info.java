/** Measures the re-encryption function against what one would otherwise take, all on one embedded AWS. */
package cloudhsm.pipeline.runlocal.bench;
