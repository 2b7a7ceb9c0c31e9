/** What every protocol of AWS is written with: JSON, answers, and the one exception that carries a refusal. */
package cloudhsm.pipeline.localcloud.protocol;
