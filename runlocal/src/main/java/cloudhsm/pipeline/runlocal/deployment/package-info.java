/** The project's template on an embedded AWS of its own, and what that account then holds. */
package cloudhsm.pipeline.runlocal.deployment;
