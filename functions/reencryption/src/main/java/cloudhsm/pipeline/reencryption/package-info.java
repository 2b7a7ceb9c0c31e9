package cloudhsm.pipeline.reencryption;
