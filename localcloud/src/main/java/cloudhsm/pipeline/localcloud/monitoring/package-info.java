/** CloudWatch, as far as alarms are described. */
package cloudhsm.pipeline.localcloud.monitoring;
