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
      *) fail USER_ROLE_WRONG "On the HSM at $address of cluster $CLUSTER_ID kmsuser has the role $role; KMS needs a crypto user. Nothing was changed. Next: an admin deletes that user, then start the stage again." ;;
    esac
    if [[ -n $role && $(user_field "$address" kmsuser locked) != false ]]; then
      fail USER_LOCKED "On the HSM at $address of cluster $CLUSTER_ID kmsuser is locked after wrong passwords. Nothing was changed. Next: disconnect the key store, an admin changes kmsuser's password to the one in $KMSUSER_SECRET, then connect again."
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
admin_password=$SECRET
read_secret "$KMSUSER_SECRET" kmsuser
kmsuser_password=$SECRET

for ((try = 1; try <= MOST_TRIES && ${#WITHOUT[@]} > 0; try++)); do
  output=$(printf '%s\n' \
    "login --username admin --role admin --password $admin_password" \
    "user create --username kmsuser --role crypto-user --password $kmsuser_password" \
    logout quit | "$CLI" interactive || true)
  mapfile -t codes < <(error_codes "$output")
  problem=$(error_text "$output")
  problem=${problem//"$admin_password"/(password)}
  problem=${problem//"$kmsuser_password"/(password)}
  if [[ ${codes[0]-none} != 0 ]]; then
    reason=LOGIN_FAILED
    [[ $problem == *locked* ]] && reason=USER_LOCKED
    fail "$reason" "admin cannot log in to cluster $CLUSTER_ID with the password in $ADMIN_SECRET. The CLI says: \"$problem\". Five wrong passwords lock a user. Next: put the right password into the secret, then start the stage again."
  fi
  look
done
unset SECRET admin_password kmsuser_password output

if [[ ${#WITHOUT[@]} -gt 0 ]]; then
  fail USER_CREATION_FAILED "After $MOST_TRIES tries these HSMs of cluster $CLUSTER_ID still have no kmsuser: ${WITHOUT[*]}. The CLI says: \"$problem\". Next: start the stage again; it completes kmsuser with the same password. Connect the key store only then."
fi
if [[ $before == 0 ]]; then
  report CREATED '' "Each of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID has kmsuser now."
else
  report COMPLETED '' "kmsuser was missing on some of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID; each has it now, with one password."
fi
