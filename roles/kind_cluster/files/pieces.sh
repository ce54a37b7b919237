#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Builds the pieces of a local cluster. A piece is a folder under pieces/:
#   build    the build script; sourced with $OUT, the folder to fill, and the functions below
#   needs    the pieces that it needs, one a line
# It is stored as $CACHE/pieces/NAME-KEY. The key is a checksum of all its inputs.
#
#   pieces.sh plan NAME...    lists what NAME... need, in build order: NAME KEY built|missing
#   pieces.sh build NAME      builds one piece, unless it exists; prints 'cached' or the seconds that it took
#   pieces.sh follow NAME     does the same in the background; prints the seconds 'so far' after $PATIENCE (10) seconds
#   pieces.sh path NAME       prints the folder of a piece, or nothing
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CACHE:?names the folder of the cache}"
store=$CACHE/pieces
declare -A keys=() planned=()

# Sets the key of a piece and of all that it needs.
visit() {
  local name=$1 folder=$here/pieces/$1 need
  [[ -z ${keys[$name]:-} ]] || return 0
  for need in $(needs "$name"); do visit "$need"; done
  keys[$name]=$({
    uname -m
    # These functions are inputs of a piece too.
    declare -f go_build image debian
    (cd "$folder" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    for need in $(needs "$name"); do echo "$need ${keys[$need]}"; done
  } | sha256sum | cut -c 1-12)
}

needs() { [[ ! -f $here/pieces/$1/needs ]] || cat "$here/pieces/$1/needs"; }
place() { echo "$store/$1-${keys[$1]}"; }

# The functions of a build script.

# The folder of a piece that this one needs.
need() { place "$1"; }

# go_build PACKAGE...: static programs from the modules that go.mod and go.sum pin.
go_build() { go build -mod=readonly -trimpath -ldflags "-s -w ${LDFLAGS:-}" -tags "${TAGS:-}" -o "$OUT/" "$@"; }

# debian FOLDER PACKAGE,...: a small Debian system. Bookworm: its systemd is the last that runs on cgroup v1.
debian() {
  local mirror
  # shellcheck disable=SC2016 # apt's own placeholder
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 'Label: Debian' 'Created-By: Packages' | head -n 1)
  mkdir -p "$CACHE/debs"
  debootstrap --variant=minbase --cache-dir="$CACHE/debs" --include="$2" bookworm "$1" ${mirror:+"$mirror"}
  # Docs and package lists are of no use in an image; device nodes come from the engine.
  rm -rf "${1:?}"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/* "$1"/usr/share/{doc,info,locale,man}/* "${1:?}"/dev/*
}

# image ROOT REPOSITORY:TAG CONFIG: an image of one layer in $OUT, laid out as `docker save` does it.
image() {
  local digest arch
  arch=$(uname -m)
  case $arch in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; esac
  tar -C "$1" --sort=name --mtime=@0 --numeric-owner -cf "$OUT/layer.tar" .
  digest=$(sha256sum "$OUT/layer.tar" | cut -d ' ' -f 1)
  printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z"}]}' \
    "$arch" "$3" "$digest" > "$OUT/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$2" > "$OUT/manifest.json"
  echo "$2" > "$OUT/name"
}

# Prints a piece. If it is missing, prints what it needs first.
plan() {
  local name=$1 state=built need
  [[ -z ${planned[$name]:-} ]] || return 0
  planned[$name]=yes
  if [[ ! -d $(place "$name") ]]; then
    state=missing
    for need in $(needs "$name"); do plan "$need"; done
  fi
  echo "$name ${keys[$name]} $state"
}

build() {
  local name=$1 started=$SECONDS final old failed
  final=$(place "$name")
  if [[ -d $final ]]; then echo cached; return; fi
  mkdir -p "$store"
  exec 9> "$CACHE/lock"
  flock 9
  if [[ -d $final ]]; then echo cached; return; fi
  export OUT=$final.partial KEY=${keys[$name]}
  rm -rf "$OUT"
  mkdir -p "$OUT"
  # Not in a condition: there, a failing command would not end the build.
  set +e
  (
    set -e
    PATH=$(place go)/bin:$PATH
    # Go's caches are inside $CACHE and are removed with it; without -modcacherw, the module cache is read-only.
    export PATH CGO_ENABLED=0 GOFLAGS=-modcacherw GOWORK=off GOCACHE=$CACHE/go/build GOMODCACHE=$CACHE/go/mod
    umask 022
    cd "$here/pieces/$name"
    # shellcheck source=/dev/null
    source ./build
  ) > "$final.log" 2>&1 9>&-
  failed=$?
  set -e
  if ((failed)); then
    printf '%s\n' "The piece $name of the cluster's images was not built. Fix what it names, then run this again: finished pieces stay in the cache." \
      "The last lines of $final.log:" "$(tail -n 10 "$final.log")" >&2
    exit 1
  fi
  rm "$final.log"
  mv "$OUT" "$final"
  for old in "$store/$name"-*; do
    [[ ! ${old##*/} =~ ^"$name"-[0-9a-f]{12}(\.|$) || $old == "$final" ]] || rm -rf "$old"
  done
  echo "$((SECONDS - started)) s"
}

follow() {
  local run=$CACHE/running/$1-${keys[$1]} pid tries=$((${PATIENCE:-10} * 10)) code
  # Another run may have started the build, and it may have been killed since.
  if ! pid=$(cat "$run/pid" 2> /dev/null) || [[ ! -s $run/code && ! -d /proc/$pid ]]; then
    rm -rf "$run"
    mkdir -p "$run"
    { bash "$0" build "$1" > "$run/out" 2> "$run/err" && echo 0 || echo $?; } < /dev/null > "$run/code" 2> /dev/null &
    echo $! > "$run/pid"
  fi
  while [[ ! -s $run/code ]] && ((tries-- > 0)); do sleep 0.1; done
  if [[ ! -s $run/code ]]; then
    echo "$(($(date +%s) - $(stat -c %Y "$run/pid"))) s so far"
    return
  fi
  code=$(< "$run/code")
  cat "$run/out"
  cat "$run/err" >&2
  rm -r "$run"
  return "$code"
}

command=${1:?plan, build, follow or path}
shift
visit go
for name in "$@"; do visit "$name"; done
case $command in
  plan) for name in "$@"; do plan "$name"; done ;;
  build | follow) "$command" "$1" ;;
  path) [[ ! -d $(place "$1") ]] || place "$1" ;;
esac
