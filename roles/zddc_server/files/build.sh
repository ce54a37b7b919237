# Builds zddc-server from $BUILD_DIR/src, at exactly SOURCE_COMMIT. Writes the binary and a record of the build to $BIN_DIR, and
# stores both in the cache. Skips the build if the binary is there.
step=build

# Passes on what go prints. Of the packages that it compiles, names one every three seconds.
digest() {
  count=0 next=0
  while IFS= read -r line; do
    case $line in
      *[!A-Za-z0-9._/-]*) echo "$line" ;;
      *)
        count=$((count + 1)) now=$(date +%s)
        [ "$now" -ge "$next" ] || continue
        say "package $count: $line"
        next=$((now + 3))
        ;;
    esac
  done
}
compile() {
  { go build -o "$binary" -v ./cmd/zddc-server 2>&1 || touch "$BUILD_DIR/failed"; } | digest
}
# The checksum comes last, so that a truncated record has none.
describe() {
  echo "build=$BUILD_KEY"
  echo "commit=$SOURCE_COMMIT"
  echo "go=$(go env GOVERSION)"
  echo "platform=$(go env GOOS)/$(go env GOARCH)"
  echo "flags=$BUILD_FLAGS"
  # Go stamps the commit into the binary if it finds a Git repository.
  go version -m "$binary" | sed -n 's/^\tbuild\t\(vcs\.[a-z]*=.*\)/\1/p'
  echo "built=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "sha256=$(checksum "$binary")"
}

# Writes the record to the log and to the container's termination message.
tell() {
  while IFS= read -r line; do say "  $line"; done < "$record"
  [ ! -w /dev/termination-log ] || cat "$record" > /dev/termination-log
}

# Puts a file into the cache by a rename, so that no other pod reads a partial file.
put() {
  part=$(mktemp "$cache/tmp/XXXXXX") || return
  cp "$1" "$part" && chmod 0644 "$part" && mv -f "$part" "$2" || { rm -f "$part"; return 1; }
}
keep() {
  writable && put "$binary" "$cache/binaries/$(checksum "$binary")" && put "$record" "$kept"
}
# A build Job fails without the cache. A pod serves without it.
no_cache() {
  if full; then
    say "the disk of the cache is full, the cache itself uses $(($(kib) / 1024)) MiB: raise zddc_server_build_cache_size if \
that makes the disk larger, or lower zddc_server_build_cache_limit, which is $CACHE_MIB MiB"
  else
    say "the cache cannot be written by user $(id -u), group $(id -g): $1"
  fi
  [ -z "${CACHE_REQUIRED-}" ] || exit 1
}
kib() { du -sk "$cache" | cut -f 1; }
# Whether the disk has less than 32 MiB free: a binary and a margin. On a full disk, Go reports packages as missing.
full() { [ "$(df -Pk "$cache" | awk 'END { print $4 }')" -lt 32768 ]; }
# If the disk is full, drops half of the cache. Fails if that is not enough.
room() {
  full || return 0
  say "the disk of the cache is full: dropping half of the cache"
  shrink $(($(kib) / 2))
  ! full
}

# Drops the least recently used files until the cache fits a limit in KiB, unless another pod builds.
shrink() {
  # find fails if another pod removes a file meanwhile.
  find "$cache/tmp" -type f -mmin +600 -exec rm -f {} + 2> /dev/null || true
  exec 8> "$cache/lock"
  used=$(kib) limit=$1
  [ "$used" -gt "$limit" ] || return 0
  lock 8 1 -x || { say "the cache is over its limit, but another pod builds: the next build drops files"; return 0; }
  say "the cache holds $((used / 1024)) MiB, its limit is $((limit / 1024)) MiB: dropping the least recently used files"
  own=$([ ! -f "$record" ] || value sha256 "$record")
  # Down to 90 % of the limit, so that not every build drops files. No name contains a space.
  find "$cache/binaries" "$cache/go/build" -type f ! -name "$own" -exec stat -c '%Y %b %n' {} + | sort -n |
    awk -v left=$((2 * (used - limit * 9 / 10))) 'left > 0 { left -= $2; print $3 }' | xargs rm -f
  for one in "$cache"/records/*; do
    [ -e "$cache/binaries/$(value sha256 "$one")" ] || rm -f "$one"
  done
  [ "$(kib)" -gt "$limit" ] || return 0
  say "dropping the copy of the repository and Go's modules too"
  rm -rf "$cache"/sources/*
  go clean -modcache
}

store() {
  [ -n "$cache" ] || return 0
  if why=$(keep 2>&1) || { room && why=$(keep 2>&1); }; then shrink $((CACHE_MIB * 1024)); else no_cache "$why"; fi
}

if fits "$record" "$binary"; then
  say "ref $SOURCE_REF, commit $SOURCE_COMMIT, built before:"
  tell
  # An earlier start may have ended between build and store.
  [ -f "$kept" ] || store
  exit
fi
cd "$BUILD_DIR/src/zddc"
head=$(cat ../.git/HEAD)
if [ "$head" != "$SOURCE_COMMIT" ]; then
  say "the source is at commit $head, but $SOURCE_COMMIT was requested"
  exit 1
fi
mkdir -p "$TMPDIR"
take_access
why=
if [ -n "$cache" ] && ! { room && why=$(writable 2>&1); }; then
  no_cache "$why"
  cache=
fi
export GOFLAGS="$BUILD_FLAGS" GOPATH="${cache:-$BUILD_DIR}/go" GOCACHE="${cache:-$BUILD_DIR}/go/build"
# Garbage collection below 256 MiB takes a fifth of the compiler's time.
export GOGC="${GOGC-off}" GOMEMLIMIT="${GOMEMLIMIT-256MiB}"
if [ -n "$cache" ]; then
  exec 8> "$cache/lock"
  # No other pod drops files while this one holds the lock.
  lock 8 60 -s || say "the cache cannot be locked: building anyway"
fi

say "ref $SOURCE_REF, commit $SOURCE_COMMIT, with $(go version)"
start=$(date +%s)
rm -f "$BUILD_DIR/failed" "$record"
compile
[ ! -e "$BUILD_DIR/failed" ] || exit 1
describe > "$record.part"
stamped=$(value vcs.revision "$record.part")
if [ "${stamped:-$SOURCE_COMMIT}" != "$SOURCE_COMMIT" ]; then
  say "the binary was built from commit $stamped, but $SOURCE_COMMIT was requested"
  exit 1
fi
mv "$record.part" "$record"
say "built in $(($(date +%s) - start)) s:"
tell
store
