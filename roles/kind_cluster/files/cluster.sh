#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# The kind cluster $NAME on $ENGINE.
#
#   cluster.sh look         prints what there is, as JSON; changes nothing
#   cluster.sh up           makes the cluster of image $IMAGE as $CONFIG says, or mends it; says what it did
#   cluster.sh kubeconfig   prints the cluster's kubeconfig
#   cluster.sh describe     prints the node's address and the stand-in images that it has, as JSON
#   cluster.sh load FOLDER...  puts images, as pieces.sh leaves them, into the node; says 'loaded' for each new one
#   cluster.sh down         removes the cluster
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CACHE:?names the folder of the cache}" "${NAME:?names the cluster}" "${ENGINE:?auto, docker or podman}"
node=$NAME-control-plane
export KIND_EXPERIMENTAL_PROVIDER=$ENGINE

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

kind() {
  local folder
  folder=$(bash "$here/pieces.sh" path kind)
  "${folder:?}/kind" "$@"
}

# The state of the node's container: running, paused, exited, created, or gone.
state() {
  local said
  said=$("$ENGINE" container inspect -f '{{.State.Status}}' "$node" 2> /dev/null) && echo "$said" || echo gone
}

in_node() { timeout 20 "$ENGINE" exec "$node" "$@"; }

# Whether the node says of itself that it is Ready.
ready() {
  local condition='{.items[*].status.conditions[?(@.type=="Ready")].status}'
  [[ $(in_node kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o jsonpath="$condition" 2> /dev/null) == True ]]
}

wait_ready() {
  local try
  for ((try = 0; try < $1; try++)); do
    ready && return
    sleep 1
  done
  return 1
}

look() {
  local engine=$ENGINE answers=false state=gone healthy=false
  if [[ $engine == auto ]]; then
    engine=docker
    if ! timeout 10 docker info > /dev/null 2>&1 && ! command -v dockerd > /dev/null && timeout 10 podman info > /dev/null 2>&1; then
      engine=podman
    fi
  fi
  ENGINE=$engine
  if timeout 10 "$ENGINE" info > /dev/null 2>&1; then
    answers=true
    state=$(state)
    [[ $state != running ]] || ! ready || healthy=true
  fi
  printf '{"engine": "%s", "answers": %s, "node": "%s", "ready": %s, "root": %s}\n' \
    "$ENGINE" "$answers" "$state" "$healthy" "$([[ $(id -u) == 0 ]] && echo true || echo false)"
}

up() {
  local said was
  was=$(state)
  case $was in
    running) wait_ready 30 && { echo mended; return; } ;;
    paused) "$ENGINE" unpause "$node" > /dev/null && wait_ready 30 && { echo "unpaused"; return; } ;;
    exited | stopped) "$ENGINE" start "$node" > /dev/null && wait_ready 60 && { echo "started"; return; } ;;
  esac
  # What is there, if anything, is half made or beyond repair.
  down
  said=$(kind create cluster --name "$NAME" --image "$IMAGE" --config "$CONFIG" --kubeconfig "$KUBECONFIG" --wait 180s 2>&1) ||
    die "kind made no cluster:" "$(tail -n 15 <<< "$said")" "$(df -h --output=avail,target "$CACHE" | tail -n 1 | xargs printf 'Free disk: %s on %s.')"
  ready || die "The cluster was made, but its node is not Ready: see '$ENGINE logs $node'."
  [[ $was == gone ]] && echo created || echo "created anew, since it was $was and beyond repair"
}

kubeconfig() { kind get kubeconfig --name "$NAME"; }

describe() {
  local address
  address=$("$ENGINE" container inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$node")
  printf '{"address": "%s", "images": [%s]}\n' "$address" "$(images | sed 's/.*/"&"/' | paste -sd ,)"
}

images() { in_node ctr -n k8s.io images ls -q | grep '^localhost/zddc-stand-in/' || true; }

load() {
  local folder have
  have=$(images)
  for folder in "$@"; do
    ! grep -qxF "$(cat "$folder/name")" <<< "$have" || continue
    tar -C "$folder" -c manifest.json config.json layer.tar | "$ENGINE" exec -i "$node" ctr -n k8s.io images import --local - > /dev/null
    echo "loaded $(cat "$folder/name")"
  done
}

down() {
  local left
  left=$("$ENGINE" ps -aq --filter "label=io.x-k8s.kind.cluster=$NAME")
  [[ -n $left ]] || return 0
  # shellcheck disable=SC2086 # one argument a container
  "$ENGINE" rm --force --volumes $left > /dev/null
  echo removed
}

"$@"
