package cloudhsm.pipeline.localcloud;
