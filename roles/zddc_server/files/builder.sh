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
