#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# The kind cluster $NAME on $ENGINE.
#
#   cluster.sh look            prints what exists, as JSON; changes nothing
#   cluster.sh up IMAGE        creates the cluster from IMAGE and kind's configuration on stdin, or fixes it; prints what it did
#   cluster.sh write           writes the cluster's kubeconfig to $KUBECONFIG
#   cluster.sh load PIECE      loads the image of a piece into the nodes; prints 'loaded' or 'had', and its name
#   cluster.sh down            removes the cluster; prints 'removed' if there was one
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CACHE:?names the folder of the cache}" "${NAME:?names the cluster}" "${KUBECONFIG:?names a file}" "${CONFIG:?names a file}" "${ENGINE:?auto, docker or podman}"
node=$NAME-control-plane

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

# The state of the node's container: running, paused, exited, created, or gone.
state() {
  local said
  said=$("$ENGINE" container inspect -f '{{.State.Status}}' "$node" 2> /dev/null) && echo "$said" || echo gone
}

in_node() { timeout 20 "$ENGINE" exec "$node" "$@"; }

# Checks that the creation of the cluster was completed and that its node is Ready.
ready() {
  # shellcheck disable=SC2016 # the node's shell expands it
  in_node sh -c 'test -e /kind/complete && kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes' 2> /dev/null | grep -q ' Ready '
}

wait_ready() {
  local try
  for ((try = 0; try < $1; try++)); do
    ready && return
    sleep 1
  done
  return 1
}

# Prints the node's own kubeconfig, with the address at which this machine reaches it, and the names that kind uses.
kubeconfig() {
  local address
  address=$("$ENGINE" port "$node" 6443/tcp)
  in_node sed -E "s|(server): .*|\1: https://$address|; s/(name|cluster|user|context): ($NAME|kubernetes-admin(@.*)?)$/\1: kind-$NAME/" \
    /etc/kubernetes/admin.conf
}

images() { in_node ctr -n k8s.io images ls -q | grep '^localhost/zddc-stand-in/' || true; }

look() {
  local answers=false now=gone ready=false address='' ports='' images='' known=false cgroup=1 made=false root=false installed=false own=false
  if [[ $ENGINE == auto ]]; then
    ENGINE=docker
    if ! timeout 10 docker info && ! command -v dockerd && timeout 10 podman info; then ENGINE=podman; fi > /dev/null 2>&1
  fi
  if timeout 10 "$ENGINE" info > /dev/null 2>&1; then
    answers=true
    now=$(state)
  fi
  if [[ $now != gone ]]; then
    # shellcheck disable=SC2016 # the engine's own variables
    ports=$("$ENGINE" container inspect -f '{{range $port, $to := .HostConfig.PortBindings}}{{(index $to 0).HostPort}}:{{$port}} {{end}}' "$node")
  fi
  if [[ $now == running ]]; then
    address=$("$ENGINE" container inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$node")
  fi
  if [[ $now == running ]] && ready; then
    ready=true
    images=$(images)
    [[ -z $images ]] || own=true
    ! kubeconfig 2> /dev/null | cmp -s - "$KUBECONFIG" || known=true
  fi
  [[ $(id -u) != 0 ]] || root=true
  [[ ! -e $CONFIG ]] || made=true
  ! command -v dockerd > /dev/null || installed=true
  [[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]] || cgroup=2
  printf '{"engine": "%s", "answers": %s, "node": "%s", "ready": %s, "address": "%s", "ports": "%s", "images": "%s", "known": %s, "root": %s, "installed": %s, "own": %s, "cgroup": %s, "made": %s}\n' \
    "$ENGINE" "$answers" "$now" "$ready" "$address" "${ports//\/tcp/}" "${images//$'\n'/ }" "$known" "$root" "$installed" "$own" "$cgroup" "$made"
}

up() {
  local image=$1 kind said was port
  was=$(state)
  case $was in
    running) in_node test -e /kind/complete && { wait_ready 10 || { "$ENGINE" restart "$node" > /dev/null && wait_ready 60; }; } && { echo fixed; return; } ;;
    paused) "$ENGINE" unpause "$node" > /dev/null && wait_ready 30 && { echo unpaused; return; } ;;
    exited | stopped) "$ENGINE" start "$node" > /dev/null 2>&1 && wait_ready 60 && { echo started; return; } ;;
  esac
  # Whatever exists is half created or beyond repair.
  down > /dev/null
  mkdir -p "$(dirname "$CONFIG")"
  (umask 077 && cat > "$CONFIG")
  # shellcheck disable=SC2013 # one word a line
  for port in $(sed -n 's/.*hostPort: //p' "$CONFIG"); do
    ! (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null ||
      die "Port $port of kind_cluster_ports is taken on 127.0.0.1: stop what listens there, or choose another host_port."
  done
  # Kind creates its network if there is none: purge may then remove it.
  "$ENGINE" network inspect kind > /dev/null 2>&1 || touch "$CACHE/network"
  kind=$(bash "$here/pieces.sh" path kind)/kind
  said=$(KIND_EXPERIMENTAL_PROVIDER=$ENGINE "$kind" create cluster --name "$NAME" --image "$image" --config "$CONFIG" --kubeconfig "$KUBECONFIG" --wait 180s 2>&1) ||
    die "kind created no cluster. Fix what it names, then run this again." "$(grep -A 15 ERROR <<< "$said" || tail -n 15 <<< "$said")" \
      "$(df -h --output=avail,target "$CACHE" | tail -n 1 | xargs printf 'Free disk: %s on %s.')"
  in_node touch /kind/complete
  ready || die "The cluster was created, but its node is not Ready: see '$ENGINE logs $node'."
  [[ $was == gone ]] && echo created || echo "created again, because it was $was and beyond repair"
}

write() {
  mkdir -p "$(dirname "$KUBECONFIG")"
  (umask 077 && kubeconfig > "$KUBECONFIG.partial")
  mv "$KUBECONFIG.partial" "$KUBECONFIG"
}

load() {
  local folder name one did=had
  folder=$(bash "$here/pieces.sh" path "$1")
  name=$(cat "$folder/name")
  for one in $("$ENGINE" ps -q --filter "label=io.x-k8s.kind.cluster=$NAME"); do
    ! "$ENGINE" exec "$one" ctr -n k8s.io images ls -q "name==$name" | grep -q . || continue
    tar -C "$folder" -c manifest.json config.json layer.tar | "$ENGINE" exec -i "$one" ctr -n k8s.io images import - > /dev/null
    did=loaded
  done
  echo "$did $name"
}

# On cgroup v1, a process that runc has frozen at the moment when its node is killed cannot end, nor can the node.
thaw() {
  local one
  for one in $("$ENGINE" ps -q --no-trunc --filter "label=io.x-k8s.kind.cluster=$NAME"); do
    # shellcheck disable=SC2016 # the shell that find starts expands it
    find /sys/fs/cgroup/freezer -path "*$one*" -name freezer.state -exec sh -c 'echo THAWED > "$1"' thaw {} \; 2> /dev/null || true
  done
}

down() {
  local left
  left=$("$ENGINE" ps -aq --filter "label=io.x-k8s.kind.cluster=$NAME")
  [[ -n $left ]] || return 0
  # shellcheck disable=SC2086 # one argument a container
  "$ENGINE" rm --force --volumes $left > /dev/null 2>&1 || { thaw && "$ENGINE" rm --force --volumes $left > /dev/null; }
  echo removed
}

"$@"
