#!/bin/bash
# description: Gives kmsuser the password in its secret on every HSM, which also unlocks it; creates it where it is missing.
# parameter AdminSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds the admin's password
# parameter KmsUserSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds kmsuser's password

ADMIN_SECRET='{{ AdminSecret }}'
KMSUSER_SECRET='{{ KmsUserSecret }}'
MOST_TRIES=3

# Sets WITHOUT and UNUSABLE: addresses of the HSMs that lack kmsuser, and of those where KMS cannot log in as it.
look() {
  local address role
  WITHOUT=()
  UNUSABLE=()
  list_users
  for address in "${ADDRESSES[@]}"; do
    role=$(user_field "$address" kmsuser role)
    case $role in
      crypto-user | crypto_user) [[ $(user_field "$address" kmsuser locked) == false ]] || UNUSABLE+=("$address") ;;
      '') WITHOUT+=("$address") ;;
      *) fail USER_ROLE_WRONG "On the HSM at $address of cluster $CLUSTER_ID kmsuser has the role $role; KMS needs a crypto user. Nothing was changed. Next: as admin, delete that user; then start a new execution." ;;
    esac
  done
}

look
read_secret "$ADMIN_SECRET" admin
ADMIN_PASSWORD=$SECRET
read_secret "$KMSUSER_SECRET" kmsuser
KMSUSER_PASSWORD=$SECRET

# A try that reached only some HSMs is completed by the next.
for ((try = 1; try <= MOST_TRIES; try++)); do
  create=()
  [[ ${#WITHOUT[@]} == 0 ]] || create=("user create --username kmsuser --role crypto-user --password $KMSUSER_PASSWORD")
  as_admin ${create[@]+"${create[@]}"} "user change-password --username kmsuser --role crypto-user --password $KMSUSER_PASSWORD"
  # The last answer is that to logout.
  changed=${CODES[${#CODES[@]}-2]-none}
  look
  [[ $changed != 0 || ${#WITHOUT[@]} -gt 0 || ${#UNUSABLE[@]} -gt 0 ]] || break
done
unset SECRET ADMIN_PASSWORD KMSUSER_PASSWORD create
if [[ $changed != 0 || ${#WITHOUT[@]} -gt 0 || ${#UNUSABLE[@]} -gt 0 ]]; then
  fail PASSWORD_RESET_FAILED "After $MOST_TRIES tries not every HSM of cluster $CLUSTER_ID has kmsuser's password; without kmsuser: ${WITHOUT[*]-}; locked: ${UNUSABLE[*]-}. The CLI says: \"$PROBLEM\". Next: start a new execution; it sets the same password on all of them."
fi
report RESET '' "kmsuser has the password in $KMSUSER_SECRET on each of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID, and is not locked."
