# Builds zddc-server from $BUILD_DIR/src, at SOURCE_COMMIT and no other, into $BIN_DIR.
set -eu
# One stream, so that the log keeps the order of the lines.
exec 2>&1
say() { echo "build: $*"; }
# The first process of a container hears SIGTERM only if it asks to, and a shell only between commands.
trap 'exit 143' TERM
interruptible() {
  "$@" &
  wait "$!"
}
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
  { go build -trimpath -o "$BIN_DIR/zddc-server" -v ./cmd/zddc-server 2>&1 || touch "$BUILD_DIR/failed"; } | digest
}

cd "$BUILD_DIR/src/zddc"
head=$(cat ../.git/HEAD)
if [ "$head" != "$SOURCE_COMMIT" ]; then
  say "the source is at $head where $SOURCE_COMMIT was asked for"
  exit 1
fi
mkdir -p "$HOME" "$TMPDIR"

say "ref $SOURCE_REF, commit $SOURCE_COMMIT, with $(go version)"
start=$(date +%s)
rm -f "$BUILD_DIR/failed"
interruptible compile
[ ! -e "$BUILD_DIR/failed" ] || exit 1
say "built in $(($(date +%s) - start)) s, sha256 $(sha256sum "$BIN_DIR/zddc-server" | cut -d ' ' -f 1)"
