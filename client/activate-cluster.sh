#!/bin/bash
# description: Gives the cluster's admin its password, once; lists the users of each HSM.
# parameter AdminSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds the admin's password

ADMIN_SECRET='{{ AdminSecret }}'

is_activated() {
  local address
  for address in "${ADDRESSES[@]}"; do
    [[ $(user_field "$address" admin role) == admin ]] || return 1
  done
}

list_users
if is_activated; then
  report ALREADY_ACTIVATED '' "Cluster $CLUSTER_ID was activated before; nothing was changed."
  exit 0
fi

read_secret "$ADMIN_SECRET" admin
# printf is built into bash, so the password is in no program's arguments. The exit status says nothing in this mode.
output=$(printf 'cluster activate --password %s\nquit\n' "$SECRET" | "$CLI" interactive || true)
problem=$(error_text "$output")
problem=${problem//"$SECRET"/(password)}
unset SECRET output

list_users
if ! is_activated; then
  fail ACTIVATION_FAILED "Cluster $CLUSTER_ID is not activated. The CLI says: \"$problem\". The password is in $ADMIN_SECRET. Next: check that the cluster is INITIALIZED, then start a new execution; it changes nothing if the activation has come through."
fi
report ACTIVATED '' "Cluster $CLUSTER_ID is activated; the password of admin is in $ADMIN_SECRET."
