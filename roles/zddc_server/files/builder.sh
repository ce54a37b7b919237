# Functions that fetch.sh and build.sh share.
set -eu
# The group may write too, so that the cache outlives a change of the user.
umask 0002
# One stream keeps the order of the lines in the log.
exec 2>&1
say() { echo "$step: $*"; }

binary=$BIN_DIR/zddc-server record=$BIN_DIR/zddc-server.record
# The value of a line NAME=VALUE of a record.
value() { sed -n "s/^$1=//p" "$2"; }
checksum() { sha256sum "$1" | cut -d ' ' -f 1; }
# Whether a record is of this build, and names this binary.
fits() {
  [ -f "$1" ] && [ -f "$2" ] && [ "$(value build "$1")" = "$BUILD_KEY" ] && [ "$(value sha256 "$1")" = "$(checksum "$2")" ]
}

# The path of the cache, empty without a cache. The cache holds binaries by their checksum, a record for each build that names
# its binary, a copy of the repository, and Go's caches. Every file is written under another name, then renamed.
cache=${CACHE_DIR:-}
kept=$cache/records/$BUILD_KEY-$(uname -m)
# Sets up the credentials and the CA certificates that the pod was given. Without ACCESS_DIR there are none.
given=${ACCESS_DIR:-/nowhere}
take_access() {
  mkdir -p "$HOME"
  # curl, which git uses, reads this one in lower case only.
  [ -z "${HTTP_PROXY-}" ] || export http_proxy="${http_proxy-$HTTP_PROXY}"
  if [ -e "$given/ca.crt" ]; then
    for own in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem /dev/null; do
      [ ! -r "$own" ] || break
    done
    # The echo separates files whose last line has no newline.
    for file in "$own" "$given/ca.crt"; do cat "$file" && echo; done > "$BUILD_DIR/ca.crt.part"
    mv "$BUILD_DIR/ca.crt.part" "$BUILD_DIR/ca.crt"
    export SSL_CERT_FILE="$BUILD_DIR/ca.crt" GIT_SSL_CAINFO="$BUILD_DIR/ca.crt"
  fi
  if [ -e "$given/ssh-key" ]; then
    GIT_SSH_COMMAND="ssh -F none -i '$given/ssh-key' -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=20 \
-o StrictHostKeyChecking=yes -o UserKnownHostsFile='$given/known_hosts' -o GlobalKnownHostsFile=/dev/null"
    export GIT_SSH_COMMAND
  fi
  if [ -e "$given/password" ]; then
    # For this host only, even after a redirect. Go fetches modules of the same host with it too.
    # shellcheck disable=SC2016 # git's shell reads the files when git asks for the password
    git config --global "credential.$(echo "$SOURCE_REPO" | cut -d / -f 1-3).helper" '!password() {
      [ "$1" = get ] || return 0
      [ ! -s "$ACCESS_DIR/username" ] && echo username=git || printf "username=%s\n" "$(cat "$ACCESS_DIR/username")"
      printf "password=%s\n" "$(cat "$ACCESS_DIR/password")"
    }; password'
  fi
}
# Waits a number of seconds for a lock. The lock ends with this process.
lock() {
  command -v flock > /dev/null || return 0
  timeout "$2" flock "$3" "$1"
}
writable() {
  # The first command that fails prints why.
  for folder in tmp binaries records sources; do mkdir -p "$cache/$folder" || return; done
  part=$(mktemp "$cache/tmp/XXXXXX") && rm "$part"
}
