/** The Price List Query API. */
package cloudhsm.pipeline.localcloud.pricing;
