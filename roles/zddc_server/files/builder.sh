# What fetch.sh and build.sh share.
set -eu
# A cache goes on with its group, should the user become another.
umask 0002
# One stream, so that the log keeps the order of the lines.
exec 2>&1
say() { echo "$step: $*"; }

binary=$BIN_DIR/zddc-server record=$BIN_DIR/zddc-server.record
# A line NAME=VALUE of a record.
value() { sed -n "s/^$1=//p" "$2"; }
checksum() { sha256sum "$1" | cut -d ' ' -f 1; }
# Whether a record is of this build, and a binary the one that it names.
fits() {
  [ -f "$1" ] && [ -f "$2" ] && [ "$(value build "$1")" = "$BUILD_KEY" ] && [ "$(value sha256 "$1")" = "$(checksum "$2")" ]
}

# The cache, empty where there is none. It holds binaries by their checksum, a record for each build, which names its
# binary, a copy of the repository and Go's caches. Every file comes by a name of its own and a rename.
cache=${CACHE_DIR:-}
kept=$cache/records/$BUILD_KEY-$(uname -m)
# Takes what the pod was given to get in at the repository and to trust. With ACCESS_DIR unset there is no such file.
given=${ACCESS_DIR:-/nowhere}
take_access() {
  mkdir -p "$HOME"
  # curl, which git asks with, knows this one in lower case alone.
  [ -z "${HTTP_PROXY-}" ] || export http_proxy="${http_proxy-$HTTP_PROXY}"
  if [ -e "$given/ca.crt" ]; then
    for own in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem /dev/null; do
      [ ! -r "$own" ] || break
    done
    # A last line without an end would run into the first of the next.
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
    # For this host alone, wherever it may lead to. Go gets modules of the same host so as well.
    # shellcheck disable=SC2016 # git's shell reads the files, when it is asked
    git config --global "credential.$(echo "$SOURCE_REPO" | cut -d / -f 1-3).helper" '!password() {
      [ "$1" = get ] || return 0
      [ ! -s "$ACCESS_DIR/username" ] && echo username=git || printf "username=%s\n" "$(cat "$ACCESS_DIR/username")"
      printf "password=%s\n" "$(cat "$ACCESS_DIR/password")"
    }; password'
  fi
}
# Waits at most so many seconds for a lock, which ends with this process, however that ends.
lock() {
  command -v flock > /dev/null || return 0
  timeout "$2" flock "$3" "$1"
}
writable() {
  # The first that fails says why.
  for folder in tmp binaries records sources; do mkdir -p "$cache/$folder" || return; done
  part=$(mktemp "$cache/tmp/XXXXXX") && rm "$part"
}
