package cloudhsm.pipeline.provisioning;
