#!/bin/bash
# description: Creates the crypto user kmsuser on every HSM of the cluster, or completes it where it is missing.
# parameter AdminSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds the admin's password
# parameter KmsUserSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds kmsuser's password

ADMIN_SECRET='{{ AdminSecret }}'
KMSUSER_SECRET='{{ KmsUserSecret }}'
# A try that reached only some HSMs is completed by the next.
MOST_TRIES=3

# Sets WITH and WITHOUT: how many HSMs have kmsuser as a crypto user, and the addresses of those that have not.
look() {
  local address role
  WITH=0
  WITHOUT=()
  list_users
  for address in "${ADDRESSES[@]}"; do
    role=$(user_field "$address" kmsuser role)
    case $role in
      crypto-user | crypto_user) WITH=$((WITH + 1)) ;;
      '') WITHOUT+=("$address") ;;
      *) fail USER_ROLE_WRONG "On the HSM at $address of cluster $CLUSTER_ID kmsuser has the role $role; KMS needs a crypto user. Nothing was changed. Next: as admin, delete that user; then start a new execution." ;;
    esac
    if [[ -n $role && $(user_field "$address" kmsuser locked) != false ]]; then
      fail USER_LOCKED "On the HSM at $address of cluster $CLUSTER_ID kmsuser is locked after wrong passwords. Nothing was changed. Next: disconnect the key store if it is connected; as admin, change kmsuser's password to the one in $KMSUSER_SECRET, which unlocks it; then start a new execution, which connects again."
    fi
  done
}

look
before=$WITH
if [[ ${#WITHOUT[@]} == 0 ]]; then
  report ALREADY_THERE '' "Every HSM of cluster $CLUSTER_ID has kmsuser; nothing was changed."
  exit 0
fi

read_secret "$ADMIN_SECRET" admin
ADMIN_PASSWORD=$SECRET
read_secret "$KMSUSER_SECRET" kmsuser
KMSUSER_PASSWORD=$SECRET

for ((try = 1; try <= MOST_TRIES && ${#WITHOUT[@]} > 0; try++)); do
  as_admin "user create --username kmsuser --role crypto-user --password $KMSUSER_PASSWORD"
  look
done
unset SECRET ADMIN_PASSWORD KMSUSER_PASSWORD

if [[ ${#WITHOUT[@]} -gt 0 ]]; then
  fail USER_CREATION_FAILED "After $MOST_TRIES tries these HSMs of cluster $CLUSTER_ID still have no kmsuser: ${WITHOUT[*]}. The CLI says: \"$PROBLEM\". Next: start a new execution; it completes kmsuser with the same password. Connect the key store only then."
fi
if [[ $before == 0 ]]; then
  report CREATED '' "Each of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID has kmsuser now."
else
  report COMPLETED '' "kmsuser was missing on some of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID; each has it now, with one password."
fi
