# Mounts the overlay at $ZDDC_ROOT: the store below, read-only, and what this pod writes above.
#   mount          mount it and exit
#   keep           mount it, wait for SIGTERM, and unmount it
#   serve BINARY   mount it in this container only, drop all privileges, and exec BINARY
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
    say "an earlier start of this pod left it mounted at $ZDDC_ROOT: using that"
    return
  fi
  # The server's user must not reach the layers by another way than the overlay.
  chmod 0700 "$SCRATCH_DIR"
  if [ -d "$upper" ]; then
    say "keeping $(find "$upper" -mindepth 1 | wc -l) entries that an earlier start of this pod wrote"
  else
    # The merged root has the upper layer's mode and owner: copy the store's. The mode first: without CAP_FSETID, set-group-ID
    # can be set only while the group is still our own.
    rm -rf "$upper.new"
    mkdir "$upper.new"
    chmod "$(stat -c %a "$lower")" "$upper.new"
    chown "$(stat -c %u:%g "$lower")" "$upper.new"
    mv "$upper.new" "$upper"
  fi
  # A new one for each mount: a server that outlives its mounter still uses the old one.
  work=$(mktemp -d "$SCRATCH_DIR/work.XXXXXX" 2>&1) ||
    fail "the pod's scratch volume is full: $work. Delete the pod to get an empty one; what this pod wrote is lost with it"
  # All off, since prod changes the lower layer while it is mounted.
  options=metacopy=off,index=off,redirect_dir=nofollow,xino=off
  # In a user namespace, overlayfs may store its attributes only in the namespace user.*.
  [ "$(tr -s ' ' < /proc/self/uid_map)" = " 0 0 4294967295" ] || options=$options,userxattr
  mount -t overlay overlay "$ZDDC_ROOT" -o "lowerdir=$lower,upperdir=$upper,workdir=$work,$options" ||
    fail "the kernel refused to mount the overlay at $ZDDC_ROOT: does the node allow overlayfs and CAP_SYS_ADMIN?"
  say "mounted at $ZDDC_ROOT: the store is read-only; writes go to the pod's scratch volume and are lost with the pod"
}

keep() {
  trap 'umount -l "$ZDDC_ROOT" && say "unmounted"; exit 0' TERM
  mount_overlay
  # A shell handles a signal only between commands and in wait.
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
  # The wait for the rollout reads this line as the next stage.
  echo "${BINARY##*/}: starting as user $RUN_AS_USER"
  # su changes from root to the user, which clears the capabilities. no_new_privs keeps programs from regaining them.
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
