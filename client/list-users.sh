#!/bin/bash
# description: Lists the users of each HSM of the cluster, as that HSM alone reports them.

list_users
report LISTED '' "Each of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID has listed its users."
