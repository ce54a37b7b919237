# Checks out SOURCE_COMMIT of SOURCE_REPO into $BUILD_DIR/src. SOURCE_REF is what it was asked for by.
set -eu
# One stream, so that the log keeps the order of the lines.
exec 2>&1
say() { echo "fetch: $*"; }
# The first process of a container hears SIGTERM only if it asks to, and a shell only between commands.
trap 'exit 143' TERM
interruptible() {
  "$@" &
  wait "$!"
}

fetch_commit() {
  interruptible timeout 300 git fetch --quiet --depth 1 origin "$SOURCE_COMMIT" && return
  say "the repository does not give that commit by itself: fetching all branches and tags"
  interruptible timeout 300 git fetch --quiet --tags origin '+refs/heads/*:refs/remotes/origin/*'
  git cat-file -e "$SOURCE_COMMIT^{commit}"
}

say "ref $SOURCE_REF, commit $SOURCE_COMMIT, from $SOURCE_REPO"
mkdir -p "$HOME"
rm -rf "$BUILD_DIR/src"
git init --quiet "$BUILD_DIR/src"
cd "$BUILD_DIR/src"
git remote add origin "$SOURCE_REPO"

try=1
until fetch_commit; do
  if [ "$try" -ge 3 ]; then
    say "commit $SOURCE_COMMIT could not be fetched from $SOURCE_REPO, tried $try times"
    exit 1
  fi
  try=$((try + 1))
  sleep 2
done

git -c advice.detachedHead=false checkout --quiet --detach "$SOURCE_COMMIT"
if [ "$(git rev-parse HEAD)" != "$SOURCE_COMMIT" ]; then
  say "checked out $(git rev-parse HEAD) where $SOURCE_COMMIT was asked for"
  exit 1
fi
say "checked out $SOURCE_COMMIT"
