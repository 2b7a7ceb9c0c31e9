/** Service Quotas: what the account may have. */
package cloudhsm.pipeline.localcloud.servicequotas;
