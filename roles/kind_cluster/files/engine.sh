#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# The container engine: $ENGINE is docker or podman.
#
#   engine.sh start           starts Docker unless an engine answers; prints 'started' if it did
#   engine.sh fit IMAGE       ensures that privileged containers start; prints as JSON whether it had to restart the engine
#                             for that, and whether such a container has CAP_SYS_RESOURCE
#   engine.sh registry IMAGE  fails unless a registry answers for the image
#   engine.sh load PIECE      loads the image of a piece into the engine; prints 'loaded' or 'had', and its name
#   engine.sh forget          removes the built images, and kind's network if this role created it; prints which
#   engine.sh room GIB        fails unless that much disk is free
#   engine.sh stop            stops the dockerd that 'start' started, and no other
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CACHE:?names the folder of the cache}" "${ENGINE:?docker or podman}"
state=$CACHE/engine
pidfile=$state/dockerd.pid
contained=/var/run/docker/containerd/containerd.pid

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

# The time-out is long, because the role kills its own engine if it does not answer.
answers() { timeout 30 "$ENGINE" info > /dev/null 2>&1; }

# alive NAME FILE: prints the process of a pid file, if it is a NAME.
alive() {
  local pid
  [[ -s $2 ]] && pid=$(< "$2") && [[ $(cat "/proc/$pid/comm" 2> /dev/null) == "$1" ]] && echo "$pid"
}

start() {
  local args=() pid try
  answers && return
  [[ $ENGINE == docker ]] || die "podman does not work for this user: see 'podman info', or set kind_cluster_engine to docker."
  if [[ -d /run/systemd/system ]]; then
    systemctl start docker || die "Docker does not start: see 'journalctl -u docker'."
    answers || die "Docker runs, but does not answer this user: see 'docker info'."
    echo started
    return
  fi
  [[ $(id -u) == 0 ]] || die "Docker does not run and only root can start it: start it, or run this as root."
  if pid=$(alive dockerd "$pidfile"); then
    # The role's own, which no longer answers.
    kill -KILL "$pid"
  elif pid=$(alive dockerd /var/run/docker.pid); then
    die "A dockerd runs (process $pid) but does not answer: restart it, then run this again."
  fi
  # The pid files of a killed engine may name a process that is now something else.
  rm -f "$pidfile" /var/run/docker.pid
  alive containerd "$contained" > /dev/null || rm -f "$contained"
  [[ ! -x $state/runc-fit ]] || args=(--add-runtime "fit=$state/runc-fit" --default-runtime fit)
  mkdir -p "$state"
  setsid -f dockerd --pidfile "$pidfile" "${args[@]}" > "$state/dockerd.log" 2>&1 < /dev/null
  for try in {1..150}; do
    answers && { echo started; return; }
    [[ $try -lt 10 ]] || alive dockerd "$pidfile" > /dev/null || break
    sleep 0.2
  done
  die "Docker does not start. The last lines of $state/dockerd.log:" "$(tail -n 5 "$state/dockerd.log")"
}

stop() {
  local pid
  pid=$(alive dockerd "$pidfile") || return 0
  kill "$pid"
  for _ in {1..150}; do
    [[ -d /proc/$pid ]] || { rm -rf "$state"; echo stopped; return; }
    sleep 0.2
  done
  die "dockerd (process $pid) does not stop: end it, then run this again."
}

# Prints the capabilities of a privileged container of an image, or why it does not start.
privileged() { timeout 60 "$ENGINE" run --rm --privileged --entrypoint grep "$1" CapBnd /proc/self/status 2>&1; }

fit() {
  local said restarted=false has=false resource=24
  if ! said=$(privileged "$1") && [[ $ENGINE == docker && $said == *caps* && ! -e $state/runc-fit ]] && alive dockerd "$pidfile" > /dev/null; then
    stop > /dev/null
    mkdir -p "$state"
    # The engine runs it as a program.
    { echo '#!/usr/bin/env python3'; cat "$here/runc_fit.py"; } > "$state/runc-fit"
    chmod 755 "$state/runc-fit"
    start > /dev/null
    restarted=true
    said=$(privileged "$1") || true
  fi
  [[ $said == CapBnd:* ]] || die "The engine starts no privileged container, and a kind node is one: $said"
  (((16#${said##*[[:space:]]} >> resource & 1) == 0)) || has=true
  printf '{"restarted": %s, "resource": %s}\n' "$restarted" "$has"
}

registry() {
  local said
  said=$(timeout 30 "$ENGINE" manifest inspect "$1" 2>&1) || die "no registry answers for $1: ${said:-no answer in 30 s}"
}

load() {
  local folder name
  folder=$(bash "$here/pieces.sh" path "$1")
  name=$(cat "$folder/name")
  if "$ENGINE" image inspect "$name" > /dev/null 2>&1; then
    echo "had $name"
  else
    tar -C "$folder" -c manifest.json config.json layer.tar | "$ENGINE" load > /dev/null
    drop "${name%:*}" "$name" > /dev/null
    echo "loaded $name"
  fi
}

# Removes the images of a name, except for the given one and those that a container uses; prints which.
drop() {
  local name
  for name in $("$ENGINE" images --format '{{.Repository}}:{{.Tag}}' --filter "reference=$1"); do
    [[ $name == "${2:-}" ]] || ! "$ENGINE" rmi "$name" > /dev/null 2>&1 || echo "removed $name"
  done
}

forget() {
  drop 'localhost/zddc-stand-in/*'
  [[ -e $CACHE/network && -z $("$ENGINE" ps -aq --filter network=kind) ]] || return 0
  ! "$ENGINE" network rm kind > /dev/null 2>&1 || echo removed the network kind
}

room() {
  local need=$1 folder free
  mkdir -p "$CACHE"
  for folder in "$CACHE" "$("$ENGINE" info -f '{{.DockerRootDir}}' 2> /dev/null)"; do
    free=$(df --output=avail -BG "$folder" 2> /dev/null | tail -n 1 | tr -dc 0-9) || continue
    ((free >= need)) || die "The disk of $folder has $free GiB free, and building images takes $need: free some, or set kind_cluster_cache."
  done
}

"$@"
