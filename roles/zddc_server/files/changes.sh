# Compares what a pod of dev wrote, its overlay's upper layer, with the store below. Changes neither.
#   list     prints the change, the size in bytes and the path of each difference, then "end"; each ends with a zero byte,
#            all of it as base64
#   pack     writes to the scratch volume: changes.tar, with what was added or changed, and changes.deleted, with the deleted
#            paths, each ended by a zero byte
#   forget   removes both files
set -eu
upper=${SCRATCH_DIR:-}/upper pack=${SCRATCH_DIR:-}/changes
[ -d "$upper" ] || {
  echo "this container has no upper layer" >&2
  exit 3
}

# Compares the paths of the upper layer that find gives. A name may contain any character.
look='
there() { [ -e "$1" ] || [ -L "$1" ]; }
folder() { [ -d "$1" ] && [ ! -L "$1" ]; }
traits() { stat -c "%f %u:%g" "$1"; }
same() {
  [ "$(traits "$1")" = "$(traits "$2")" ] || return 1
  if [ -L "$1" ]; then [ "$(readlink "$1")" = "$(readlink "$2")" ]
  elif [ -f "$1" ]; then cmp -s "$1" "$2"
  fi
}
tell() {
  case $ask:$1:$2 in
    list:*) printf "%s\0%s\0%s\0" "$1" "$3" "${2#./}" ;;
    # Leave out changed folders: tar would pack all that is in them.
    deleted:deleted:* | written:added:* | written:changed:*[!/]) printf "%s\0" "$2" ;;
  esac
}
gone() { if folder "$LOWER_DIR/$1"; then tell deleted "$1/" ""; else tell deleted "$1" "$(stat -c %s "$LOWER_DIR/$1")"; fi; }
for path do
  below=$LOWER_DIR/$path
  # A whiteout: the look at its folder reports what it hides.
  if [ ! -L "$path" ] && [ -c "$path" ] && [ "$(stat -c %t:%T "$path")" = 0:0 ]; then continue; fi
  if folder "$path"; then
    if ! folder "$below"; then
      if there "$below"; then gone "$path"; fi
      if [ -z "$(ls -A "$ZDDC_ROOT/$path")" ]; then tell added "$path/" ""; fi
      continue
    fi
    if ! same "$path" "$below"; then tell changed "$path/" ""; fi
    # Finds what whiteouts hide, and what a folder hides that was deleted and created again.
    for child in "$below"/* "$below"/.[!.]* "$below"/..?*; do
      name=$path/${child##*/}
      if there "$child" && ! there "$ZDDC_ROOT/$name"; then gone "$name"; fi
    done
  elif ! there "$below"; then tell added "$path" "$(stat -c %s "$path")"
  elif folder "$below"; then gone "$path"; tell added "$path" "$(stat -c %s "$path")"
  elif ! same "$path" "$below"; then tell changed "$path" "$(stat -c %s "$path")"
  fi
done'

# Prints the differences in the requested form. The other arguments limit what find looks at.
differences() {
  cd "$upper"
  export ask="$1"
  shift
  find . "$@" -exec sh -c "$look" sh {} +
}

case $1 in
  list) { differences list && printf 'end\0\0\0'; } | base64 ;;
  pack)
    # The server's own folder .zddc.d holds no documents.
    differences deleted -path ./.zddc.d -prune -o > "$pack.deleted"
    differences written -path ./.zddc.d -prune -o > "$pack.list"
    # A tar of busybox ends with two empty blocks. Cut them off each part, and end the whole with them.
    xargs -0 sh -c 'tar -c -f - -C "$ZDDC_ROOT" "$@" | head -c -1024' sh < "$pack.list" > "$pack.tar"
    head -c 1024 /dev/zero >> "$pack.tar"
    rm "$pack.list"
    ;;
  forget) rm -f "$pack.list" "$pack.deleted" "$pack.tar" ;;
esac
