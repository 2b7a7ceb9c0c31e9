/** What all services of one account in one Region share. */
package cloudhsm.pipeline.localcloud.account;
