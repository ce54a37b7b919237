# Builds zddc-server from $BUILD_DIR/src, at SOURCE_COMMIT and no other, into $BIN_DIR, with a record beside it, and keeps
# both in the cache. What is there already is not built again.
step=build

# Passes on what go says, but of the packages that it compiles only one in some seconds.
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
# The last line that says its name is the checksum, so that a part of a record is none.
describe() {
  echo "build=$BUILD_KEY"
  echo "commit=$SOURCE_COMMIT"
  echo "go=$(go env GOVERSION)"
  echo "platform=$(go env GOOS)/$(go env GOARCH)"
  echo "flags=$BUILD_FLAGS"
  # Where git stamped it, Go knows the commit by itself.
  go version -m "$binary" | sed -n 's/^\tbuild\t\(vcs\.[a-z]*=.*\)/\1/p'
  echo "built=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "sha256=$(checksum "$binary")"
}

# Gives the record to the log, and to who looks at the pod.
tell() {
  while IFS= read -r line; do say "  $line"; done < "$record"
  [ ! -w /dev/termination-log ] || cat "$record" > /dev/termination-log
}

# Puts a file into the cache, so that nobody ever sees a part of it.
put() {
  part=$(mktemp "$cache/tmp/XXXXXX") || return
  cp "$1" "$part" && chmod 0644 "$part" && mv -f "$part" "$2" || { rm -f "$part"; return 1; }
}
keep() {
  writable && put "$binary" "$cache/binaries/$(checksum "$binary")" && put "$record" "$kept"
}
# A build for the cache has failed without it; a pod serves all the same.
no_cache() {
  if full; then
    say "the disk of the cache is full, $(($(kib) / 1024)) MiB of it by the cache: raise zddc_server_build_cache_size where \
that makes the disk larger, or lower zddc_server_build_cache_limit, which is $CACHE_MIB MiB"
  else
    say "the cache cannot be written by user $(id -u), group $(id -g): $1"
  fi
  [ -z "${CACHE_REQUIRED-}" ] || exit 1
}
kib() { du -sk "$cache" | cut -f 1; }
# Whether its disk has no room for a binary and a little more. Go takes packages for missing when it cannot write at all.
full() { [ "$(df -Pk "$cache" | awk 'END { print $4 }')" -lt 32768 ]; }
# Where its disk is full, drops half of the cache; fails if that is not enough.
room() {
  full || return 0
  say "the disk of the cache is full: dropping half of the cache"
  shrink $(($(kib) / 2))
  ! full
}

# Drops what was used longest ago until the cache fits a limit in KiB, unless another pod builds.
shrink() {
  # What another pod builds with goes meanwhile, which find takes for a failure.
  find "$cache/tmp" -type f -mmin +600 -exec rm -f {} + 2> /dev/null || true
  exec 8> "$cache/lock"
  used=$(kib) limit=$1
  [ "$used" -gt "$limit" ] || return 0
  lock 8 1 -x || { say "the cache is over its limit, and another pod builds: left to the next build"; return 0; }
  say "the cache holds $((used / 1024)) MiB where its limit is $((limit / 1024)): dropping what was used longest ago"
  own=$([ ! -f "$record" ] || value sha256 "$record")
  # With a margin, so that not every build has to drop something. The names hold no space.
  find "$cache/binaries" "$cache/go/build" -type f ! -name "$own" -exec stat -c '%Y %b %n' {} + | sort -n |
    awk -v left=$((2 * (used - limit * 9 / 10))) 'left > 0 { left -= $2; print $3 }' | xargs rm -f
  for one in "$cache"/records/*; do
    [ -e "$cache/binaries/$(value sha256 "$one")" ] || rm -f "$one"
  done
  [ "$(kib)" -gt "$limit" ] || return 0
  say "dropping the repository and Go's modules too"
  rm -rf "$cache"/sources/*
  go clean -modcache
}

store() {
  [ -n "$cache" ] || return 0
  if why=$(keep 2>&1) || { room && why=$(keep 2>&1); }; then shrink $((CACHE_MIB * 1024)); else no_cache "$why"; fi
}

if fits "$record" "$binary"; then
  say "ref $SOURCE_REF, commit $SOURCE_COMMIT, as it was built before:"
  tell
  # An earlier start may have ended between the two.
  [ -f "$kept" ] || store
  exit
fi
cd "$BUILD_DIR/src/zddc"
head=$(cat ../.git/HEAD)
if [ "$head" != "$SOURCE_COMMIT" ]; then
  say "the source is at $head where $SOURCE_COMMIT was asked for"
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
# To collect garbage below 256 MiB takes a compiler a fifth of its time.
export GOGC="${GOGC-off}" GOMEMLIMIT="${GOMEMLIMIT-256MiB}"
if [ -n "$cache" ]; then
  exec 8> "$cache/lock"
  # Nobody drops anything meanwhile.
  lock 8 60 -s || say "the cache cannot be locked: building all the same"
fi

say "ref $SOURCE_REF, commit $SOURCE_COMMIT, with $(go version)"
start=$(date +%s)
rm -f "$BUILD_DIR/failed" "$record"
compile
[ ! -e "$BUILD_DIR/failed" ] || exit 1
describe > "$record.part"
stamped=$(value vcs.revision "$record.part")
if [ "${stamped:-$SOURCE_COMMIT}" != "$SOURCE_COMMIT" ]; then
  say "the binary says that it is of commit $stamped where $SOURCE_COMMIT was asked for"
  exit 1
fi
mv "$record.part" "$record"
say "built in $(($(date +%s) - start)) s:"
tell
store
