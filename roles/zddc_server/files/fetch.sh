# Copies the binary of this build to $BIN_DIR if the cache has it. Otherwise fetches SOURCE_COMMIT of SOURCE_REPO into
# $BUILD_DIR/src. SOURCE_REF is the ref that led to the commit.
step=fetch

# Copies the binary of this build from the cache. Checks the copy, since the copy is what runs.
take() {
  [ -f "$kept" ] || return 1
  stored=$cache/binaries/$(value sha256 "$kept")
  if ! { cp "$kept" "$record" && cp "$stored" "$binary.part"; } 2> /dev/null || ! fits "$record" "$binary.part"; then
    rm -f "$record" "$binary.part"
    say "the binary of commit $SOURCE_COMMIT in the cache is damaged or missing: building it again"
    return 1
  fi
  chmod 0755 "$binary.part"
  mv "$binary.part" "$binary"
  # Record when it was last used.
  touch -c "$kept" "$stored" 2> /dev/null || true
}

# Fetches into the repository in this folder. Keeps git's messages for complaint.
ask() {
  timeout 300 git fetch --quiet "$@" > "$BUILD_DIR/said" 2>&1 && return
  cat "$BUILD_DIR/said"
  return 1
}
complaint() {
  # Git ends most messages with these lines.
  grep -vE '^(fatal: Could not read from remote|Please make sure you have|and the repository exists|$)' "$BUILD_DIR/said" |
    tail -n 1 | sed 's/^fatal: //'
}
# Fetches the one commit.
fetch_commit() {
  ask --depth 1 "$SOURCE_REPO" "$SOURCE_COMMIT" && return
  # If nothing can be fetched, do not try all branches either.
  ! grep -qE 'unable to access|Could not read from remote|Authentication failed|could not read ' "$BUILD_DIR/said" || return 1
  say "the repository does not serve that commit by its hash: fetching all branches and tags"
  ask --tags "$SOURCE_REPO" '+refs/heads/*:refs/remotes/origin/*' || return 1
  git cat-file -e "$SOURCE_COMMIT^{commit}" > "$BUILD_DIR/said" 2>&1
}

# Fetches from the cache's copy of the repository, after the commit was added to the copy. Returns 1 if the copy does not work,
# 2 if there is no copy to use.
copy=$cache/sources/$(printf %s "$SOURCE_REPO" | sha256sum | cut -c 1-16).git
fetch_by_copy() {
  [ -n "$cache" ] && writable 2> /dev/null || return 2
  exec 9> "$copy.lock" && lock 9 60 -x || return 2
  [ -d "$copy" ] || git init --quiet --bare "$copy" || return 1
  cd "$copy" || return 1
  # A background process of git would run beside the next pod.
  git config gc.auto 0 || return 1
  if git cat-file -e "$SOURCE_COMMIT^{commit}" 2> /dev/null; then
    say "the cache has the source of that commit"
  else
    fetch_commit || return 1
  fi
  git update-ref "refs/kept/$SOURCE_COMMIT" "$SOURCE_COMMIT" || return 1
  cd "$BUILD_DIR/src" && git fetch --quiet --depth 1 "file://$copy" "refs/kept/$SOURCE_COMMIT"
}

say "ref $SOURCE_REF, commit $SOURCE_COMMIT, from $SOURCE_REPO"
if fits "$record" "$binary"; then
  say "an earlier start of this pod has built it: nothing to fetch"
  exit
fi
rm -f "$record" "$binary"
if [ -n "$cache" ] && take; then
  say "the cache has its binary: nothing to fetch"
  exit
fi

# A killed git leaves its lock.
rm -f "$HOME/.gitconfig.lock"
take_access
git config --global safe.directory '*'
rm -rf "$BUILD_DIR/src"
git init --quiet "$BUILD_DIR/src"
cd "$BUILD_DIR/src"
by_copy=0
(fetch_by_copy) || by_copy=$?
if [ "$by_copy" != 0 ]; then
  try=1
  until fetch_commit; do
    if [ "$try" -ge 3 ]; then
      say "commit $SOURCE_COMMIT could not be fetched from $SOURCE_REPO, tried $try times: $(complaint)"
      exit 1
    fi
    try=$((try + 1))
    sleep 2
  done
  # The repository serves the commit, so the copy is broken, for example after a kill.
  if [ "$by_copy" = 1 ]; then
    say "the cache's copy of the repository is broken: removing it, the next fetch creates it again"
    rm -rf "$copy" || true
  fi
fi

git -c advice.detachedHead=false checkout --quiet --detach "$SOURCE_COMMIT"
if [ "$(git rev-parse HEAD)" != "$SOURCE_COMMIT" ]; then
  say "checked out commit $(git rev-parse HEAD), but $SOURCE_COMMIT was requested"
  exit 1
fi
say "checked out $SOURCE_COMMIT"
