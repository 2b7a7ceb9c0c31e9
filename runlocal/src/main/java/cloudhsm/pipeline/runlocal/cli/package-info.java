/** ./run-local and its subcommands. */
package cloudhsm.pipeline.runlocal.cli;
