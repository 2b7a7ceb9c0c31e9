#!/bin/bash
# description: Gives kmsuser the password in its secret on every HSM, which also unlocks it; creates it where it is missing.
# parameter AdminSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds the admin's password
# parameter KmsUserSecret ^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$ ARN of the secret that holds kmsuser's password

ADMIN_SECRET='{{ AdminSecret }}'
KMSUSER_SECRET='{{ KmsUserSecret }}'

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
      *) fail USER_ROLE_WRONG "On the HSM at $address of cluster $CLUSTER_ID kmsuser has the role $role; KMS needs a crypto user. Nothing was changed. Next: an admin deletes that user, then start the stage again." ;;
    esac
  done
}

look
read_secret "$ADMIN_SECRET" admin
admin_password=$SECRET
read_secret "$KMSUSER_SECRET" kmsuser
kmsuser_password=$SECRET

create=()
[[ ${#WITHOUT[@]} == 0 ]] || create=("user create --username kmsuser --role crypto-user --password $kmsuser_password")
# printf is built into bash, so the passwords are in no program's arguments.
output=$(printf '%s\n' \
  "login --username admin --role admin --password $admin_password" \
  ${create[@]+"${create[@]}"} \
  "user change-password --username kmsuser --role crypto-user --password $kmsuser_password" \
  logout quit | "$CLI" interactive || true)
mapfile -t codes < <(error_codes "$output")
problem=$(error_text "$output")
problem=${problem//"$admin_password"/(password)}
problem=${problem//"$kmsuser_password"/(password)}
unset SECRET admin_password kmsuser_password create output
if [[ ${codes[0]-none} != 0 ]]; then
  fail LOGIN_FAILED "admin cannot log in to cluster $CLUSTER_ID with the password in $ADMIN_SECRET. The CLI says: \"$problem\". Five wrong passwords lock a user. Next: put the right password into the secret, then start the stage again."
fi
# The last answer is that to logout.
changed=${codes[${#codes[@]}-2]-none}
look
if [[ $changed != 0 || ${#WITHOUT[@]} -gt 0 || ${#UNUSABLE[@]} -gt 0 ]]; then
  fail PASSWORD_RESET_FAILED "Not every HSM of cluster $CLUSTER_ID took kmsuser's password; without kmsuser: ${WITHOUT[*]-}; locked: ${UNUSABLE[*]-}. The CLI says: \"$problem\". Next: start the stage again; it sets the same password on all of them."
fi
report RESET '' "kmsuser has the password in $KMSUSER_SECRET on each of the ${#ADDRESSES[@]} HSMs of cluster $CLUSTER_ID, and is not locked."
