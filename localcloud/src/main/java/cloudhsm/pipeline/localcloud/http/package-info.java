/** The endpoint: who signed a request, which service answers it, and what goes wrong on the way. */
package cloudhsm.pipeline.localcloud.http;
