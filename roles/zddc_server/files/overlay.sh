# Mounts the overlay at $ZDDC_ROOT: below it the store, read-only; above it what this pod writes.
#   mount          mount it, and end
#   keep           mount it, wait to be told to stop, and undo it
#   serve BINARY   mount it in this container alone, give up every privilege, and become BINARY
set -eu
say() { echo "overlay: $*"; }
fail() {
  say "$*"
  exit 1
}
say "mounting at $ZDDC_ROOT"
lower=$LOWER_DIR upper=$SCRATCH_DIR/upper

mount_overlay() {
  if grep -q " $ZDDC_ROOT overlay " /proc/mounts; then
    say "an earlier start of this pod left it mounted at $ZDDC_ROOT: going on with that"
    return
  fi
  # The server's user must not reach the layers past the overlay.
  chmod 0700 "$SCRATCH_DIR"
  if [ -d "$upper" ]; then
    say "going on with $(find "$upper" -mindepth 1 | wc -l) entries that an earlier start of this pod wrote"
  else
    # The upper layer's own mode and owner are those of the merged root: take the store's. The mode first: without
    # CAP_FSETID, set-group-ID can only be set while the group is still our own.
    rm -rf "$upper.new"
    mkdir "$upper.new"
    chmod "$(stat -c %a "$lower")" "$upper.new"
    chown "$(stat -c %u:%g "$lower")" "$upper.new"
    mv "$upper.new" "$upper"
  fi
  # A new one each time: a server that outlives its mounter still works in the one before.
  work=$(mktemp -d "$SCRATCH_DIR/work.XXXXXX" 2>&1) ||
    fail "the pod's scratch volume takes no more: $work. Delete the pod for an empty one; what it wrote goes with it"
  # Off, because the lower layer changes underneath while prod writes.
  options=metacopy=off,index=off,redirect_dir=nofollow,xino=off
  # In a user namespace of its own, the pod may keep its notes in the users' attributes alone.
  [ "$(tr -s ' ' < /proc/self/uid_map)" = " 0 0 4294967295" ] || options=$options,userxattr
  mount -t overlay overlay "$ZDDC_ROOT" -o "lowerdir=$lower,upperdir=$upper,workdir=$work,$options" ||
    fail "the kernel refused to mount the overlay at $ZDDC_ROOT: does the node allow overlayfs and CAP_SYS_ADMIN?"
  say "mounted at $ZDDC_ROOT: the store below, read-only; writes go to the pod's scratch volume and vanish with the pod"
}

keep() {
  trap 'umount -l "$ZDDC_ROOT" && say "unmounted"; exit 0' TERM
  mount_overlay
  # A shell hears of a signal only between commands, and while it waits.
  while :; do
    sleep 3600 &
    wait "$!"
  done
}

serve() {
  echo "zddc:x:$RUN_AS_USER:$RUN_AS_GROUP::/:/bin/sh" >> /etc/passwd
  echo "zddc:x:$RUN_AS_GROUP:" >> /etc/group
  for group in $RUN_AS_GROUPS; do
    echo "zddc$group:x:$group:zddc" >> /etc/group
  done
  export BINARY="$1"
  # A wait that reads this knows what follows.
  echo "${BINARY##*/}: starting as user $RUN_AS_USER"
  # su goes from root to the user, which clears the capabilities; no_new_privs keeps any program from bringing them back.
  exec setpriv --nnp su zddc -c 'exec "$BINARY"'
}

case $1 in
  mount) mount_overlay ;;
  keep) keep ;;
  serve)
    mount_overlay
    serve "$2"
    ;;
esac
