#!/bin/bash
# What all scripts for the EC2 client share. build/SsmDocuments.java puts this file in front of each of them; SSM puts
# the parameters in place of their names in double braces. The last line of the standard output is one line of JSON;
# everything else goes to the error output. Relies on bash, coreutils, grep, sed, curl, dnf and the AWS CLI.
#
# parameter ClusterId ^cluster-[2-7a-zA-Z]{11,16}$ The CloudHSM cluster
# parameter HsmAddresses ^[0-9]{1,3}(\.[0-9]{1,3}){3}(\x20[0-9]{1,3}(\.[0-9]{1,3}){3}){0,27}$ IPv4 addresses of all its HSMs, separated by spaces
# parameter TrustAnchor ^[A-Za-z0-9+/=]+$ The certificate that signed the cluster's, PEM in base64; not secret
# parameter Region ^[a-z]{2}(-[a-z]+)+-[0-9]$ The cluster's Region
# parameter CliPackageUrl ^https://[a-zA-Z0-9./_-]+\.rpm$ Where the CloudHSM CLI's package is
# parameter CliPackageSha256 ^[0-9a-f]{64}$ Its SHA-256; nothing else is installed

set -euo pipefail
set +x # no trace: passwords pass through variables

CLUSTER_ID='{{ ClusterId }}'
read -r -a ADDRESSES <<<'{{ HsmAddresses }}'
TRUST_ANCHOR='{{ TrustAnchor }}'
REGION='{{ Region }}'
PACKAGE_URL='{{ CliPackageUrl }}'
PACKAGE_SHA256='{{ CliPackageSha256 }}'

CLI=/opt/cloudhsm/bin/cloudhsm-cli
CONFIGURE=/opt/cloudhsm/bin/configure-cli
CONFIGURATION=/opt/cloudhsm/etc/cloudhsm-cli.cfg
# The name and place that the CLI expects unless it is told otherwise.
ANCHOR_FILE=/opt/cloudhsm/etc/customerCA.crt
INSTALLED_SHA256=/opt/cloudhsm/etc/package.sha256

# How often something is tried that may pass.
MOST_ATTEMPTS=5

# By address: what "user list" says there, as JSON.
declare -A USERS=()
REPORTED=no

json_string() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# report OUTCOME REASON MESSAGE: the one line that the caller reads.
report() {
  local hsms='' address
  for address in "${ADDRESSES[@]}"; do
    [[ -n ${USERS[$address]-} ]] || continue
    hsms+="${hsms:+,}{\"address\":\"$address\",\"users\":${USERS[$address]}}"
  done
  REPORTED=yes
  printf '{"outcome":"%s","reason":"%s","message":%s,"hsms":[%s]}\n' "$1" "$2" "$(json_string "$3")" "$hsms"
}

# fail REASON MESSAGE: not inside a command substitution, whose output would swallow the report.
fail() {
  report FAILED "$1" "$2"
  exit 1
}

# Whatever ends a script, the caller gets its line.
finish() {
  local status=$?
  if [[ $status != 0 && $REPORTED == no ]]; then
    report FAILED UNEXPECTED "The script for cluster $CLUSTER_ID ended with status $status; its error output says more. Next: start a new execution."
  fi
  exit "$status"
}
trap finish EXIT

# require_reachable HOST WHAT-FOR
require_reachable() {
  local status=0
  curl --silent --output /dev/null --connect-timeout 10 --max-time 20 --retry 2 "https://$1/" || status=$?
  [[ $status == 0 ]] && return
  fail ENDPOINT_UNREACHABLE "The client cannot reach https://$1/ (curl exit status $status), which it needs $2. One of its security groups must let TCP 443 out, and its subnet needs a route there. Nothing was changed. Next: add that rule to its group, or that route to its subnet, then start a new execution."
}

# Installs the pinned package, unless that very package is installed.
ensure_cli() {
  [[ -x $CLI && -r $INSTALLED_SHA256 && $(<"$INSTALLED_SHA256") == "$PACKAGE_SHA256" ]] && return
  local host directory package actual
  host=${PACKAGE_URL#https://}
  host=${host%%/*}
  require_reachable "$host" "to download the CloudHSM CLI"
  directory=$(mktemp -d /var/tmp/cloudhsm-cli.XXXXXX)
  package=$directory/${PACKAGE_URL##*/}
  if ! curl --fail --silent --show-error --location --connect-timeout 10 --max-time 300 --retry 4 --retry-connrefused --output "$package" "$PACKAGE_URL"; then
    rm -rf "$directory"
    fail PACKAGE_DOWNLOAD_FAILED "The CloudHSM CLI cannot be downloaded from $PACKAGE_URL; AWS disables the links of old releases. Nothing was installed. Next: pin a current release and its SHA-256, then start a new execution."
  fi
  actual=$(sha256sum "$package")
  actual=${actual%% *}
  if [[ $actual != "$PACKAGE_SHA256" ]]; then
    rm -rf "$directory"
    fail PACKAGE_HASH_MISMATCH "$PACKAGE_URL has the SHA-256 $actual, not $PACKAGE_SHA256. Nothing was installed. Next: compare with AWS's release page; pin the hash only if it stands there."
  fi
  if ! dnf -y install "$package" >&2; then
    rm -rf "$directory"
    fail PACKAGE_INSTALL_FAILED "dnf cannot install ${package##*/}; the error output of this command says why. Next: remove the cause, then start a new execution."
  fi
  printf '%s' "$PACKAGE_SHA256" >"$INSTALLED_SHA256"
  rm -rf "$directory"
}

ensure_trust_anchor() {
  if ! base64 --decode <<<"$TRUST_ANCHOR" >"$ANCHOR_FILE.new" || ! grep -q -- '-----BEGIN CERTIFICATE-----' "$ANCHOR_FILE.new"; then
    fail TRUST_ANCHOR_MALFORMED "The parameter TrustAnchor of cluster $CLUSTER_ID is no PEM certificate in base64. Nothing was changed. Next: correct what sends it."
  fi
  chmod 0644 "$ANCHOR_FILE.new"
  mv "$ANCHOR_FILE.new" "$ANCHOR_FILE"
}

# The CLI acts only on the HSMs it was configured with, so it gets all of them, and a configuration of its own for each.
configure_cli() {
  local address
  rm -f /opt/cloudhsm/etc/hsm-*.cfg
  for address in "${ADDRESSES[@]}"; do
    "$CONFIGURE" -a "$address" >&2
    cp "$CONFIGURATION" "/opt/cloudhsm/etc/hsm-$address.cfg"
  done
  "$CONFIGURE" -a "${ADDRESSES[@]}" >&2
}

# error_codes OUTPUT: one for each command that the CLI answered.
error_codes() {
  grep -o '"error_code": *-\{0,1\}[0-9]*' <<<"$1" | grep -o -- '-\{0,1\}[0-9]*$' || true
}

# error_text OUTPUT: what the CLI says of commands that failed.
error_text() {
  tr -d '\n' <<<"$1" | sed 's/"error_code"/\n&/g' | sed -n '/"error_code": *0/!s/.*"data": *"\([^"]*\)".*/\1/p' | tr '\n' ' '
}

# let_pass ATTEMPT: a pause before the next attempt; up to 4 s behind the first, twice as long each time, at most 20 s.
let_pass() {
  local most=$((2 ** $1 * 2))
  ((most <= 20)) || most=20
  sleep "$((RANDOM % most + 1))"
}

# Fills USERS: what each HSM itself says, asked one by one. An HSM may fail while CloudHSM takes a backup of it.
list_users() {
  local address output attempt
  for address in "${ADDRESSES[@]}"; do
    for ((attempt = 1; attempt <= MOST_ATTEMPTS; attempt++)); do
      output=$("$CLI" user list --config "/opt/cloudhsm/etc/hsm-$address.cfg" || true)
      [[ $(error_codes "$output") != 0 ]] || break
      [[ $attempt == "$MOST_ATTEMPTS" ]] || let_pass "$attempt"
    done
    if [[ $(error_codes "$output") != 0 ]]; then
      fail HSM_UNREACHABLE "The HSM at $address of cluster $CLUSTER_ID does not list its users, asked $MOST_ATTEMPTS times. The CLI says: \"$(error_text "$output")\". The client must be in the cluster's security group, and the trust anchor must be the cluster's. Nothing was changed. Next: check both, then start a new execution."
    fi
    USERS[$address]=$(tr -d '\n' <<<"$output" | sed -n 's/.*"users": *\(\[.*\]\).*/\1/p')
  done
}

# user_field ADDRESS USERNAME FIELD: empty where the HSM has no such user.
user_field() {
  local users=${USERS[$1]//\"username\"/$'\n"username"'}
  sed -n "/^\"username\": *\"$2\"/s/.*\"$3\": *\"\([^\"]*\)\".*/\1/p" <<<"$users"
}

# get_secret ARN: puts the password into SECRET. Throttling, 5xx and lost answers pass; the CLI itself tries little.
get_secret() {
  local attempt problem
  problem=$(mktemp /var/tmp/get-secret.XXXXXX)
  for ((attempt = 1; attempt <= MOST_ATTEMPTS; attempt++)); do
    if SECRET=$(aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text --region "$REGION" 2>"$problem"); then
      rm -f "$problem"
      return 0
    fi
    cat "$problem" >&2
    if grep -q 'AccessDenied\|ResourceNotFound\|InvalidRequest\|InvalidParameter\|DecryptionFailure' "$problem"; then break; fi
    [[ $attempt == "$MOST_ATTEMPTS" ]] || let_pass "$attempt"
  done
  rm -f "$problem"
  return 1
}

# read_secret ARN WHOSE: puts the password into SECRET. It stays in this shell: no file, no argument of a program.
read_secret() {
  require_reachable "secretsmanager.$REGION.amazonaws.com" "to read the password of $2"
  if ! get_secret "$1"; then
    fail SECRET_UNREADABLE "The client cannot read the secret $1 with the password of $2; the error output of this command says why. Nothing was changed. Next: let the client's role read it, then start a new execution."
  fi
  if [[ ! $SECRET =~ ^[A-Za-z0-9]{8,32}$ ]]; then
    fail PASSWORD_UNUSABLE "The secret $1 does not hold 8 to 32 letters and digits, which a password of $2 must be for the CLI and for KMS. Nothing was changed. Next: store such a password, then start a new execution."
  fi
}

# as_admin COMMAND...: has the CLI do them on every HSM, as the admin whose password is in ADMIN_PASSWORD; KMSUSER_PASSWORD
# is kmsuser's. Sets CODES, one for each command with the login first and the logout last, and PROBLEM.
as_admin() {
  local output reason=LOGIN_FAILED
  # printf is built into bash, so the passwords are in no program's arguments. The exit status says nothing in this mode.
  output=$(printf '%s\n' "login --username admin --role admin --password $ADMIN_PASSWORD" "$@" logout quit | "$CLI" interactive || true)
  mapfile -t CODES < <(error_codes "$output")
  PROBLEM=$(error_text "$output")
  PROBLEM=${PROBLEM//"$ADMIN_PASSWORD"/(password)}
  PROBLEM=${PROBLEM//"$KMSUSER_PASSWORD"/(password)}
  [[ ${CODES[0]-none} != 0 ]] || return 0
  [[ $PROBLEM != *locked* ]] || reason=USER_LOCKED
  fail "$reason" "admin cannot log in to cluster $CLUSTER_ID with the password in $ADMIN_SECRET. The CLI says: \"$PROBLEM\". Five wrong passwords lock a user. Next: put the right password into the secret, then start a new execution."
}

ensure_cli
ensure_trust_anchor
configure_cli
