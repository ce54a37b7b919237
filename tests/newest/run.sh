#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Runs tests with the newest ansible-core, in a container of Debian trixie: its Python is new enough for it.
#
#   run.sh [TEST...]   default: the golden manifests, and the scenario dev on the local cluster
set -euo pipefail
cd "$(dirname "$0")/../.."

# What the local cluster wrote.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/varasys.zddc
own=$PWD/.cache/newest
image=localhost/zddc-stand-in/trixie
engine=docker
command -v docker > /dev/null || engine=podman
mkdir -p "$own"
(($# > 0)) || set -- tests/golden/test_golden.py 'tests/scenarios/test_molecule.py::'{test_scenario,test_it_leaves_nothing}'[dev]'

if ! $engine image inspect "$image" > /dev/null 2>&1; then
  echo "== Debian trixie, from its packages"
  command -v debootstrap > /dev/null || { echo "debootstrap is needed: install it, then run this again." >&2; exit 1; }
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  # The mirror that this machine's own packages come from.
  # shellcheck disable=SC2016 # apt's own placeholder
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' | head -n 1)
  debootstrap --variant=minbase --include=git,python3-venv trixie "$root" ${mirror:+"$mirror"} > "$own/debootstrap.log" 2>&1 ||
    { tail -n 10 "$own/debootstrap.log" >&2; exit 1; }
  tar -C "$root" --exclude=./dev/\* -c . | $engine import - "$image" > /dev/null
fi

# Where pip finds packages, and whom it trusts, is this machine's business; its folders are not there.
settings=()
for name in $(compgen -e | grep -v '^PIP_FIND_LINKS$' | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE$|https?_proxy$|no_proxy$)'); do settings+=(--env "$name"); done
for path in /etc/ssl/certs /etc/pip.conf "$HOME/.config/pip"; do
  [[ ! -e $path ]] || settings+=(--volume "$path:$path:ro")
done
echo "== Tests with the newest ansible-core"
# shellcheck disable=SC2016 # for the container's shell
$engine run --rm --network host --env HOME --env LANG=C.UTF-8 --env XDG_CACHE_HOME "${settings[@]}" \
  --volume "$PWD:$PWD" --workdir "$PWD" --volume "$cache:$cache" --env "VENV=$own/venv" "$image" \
  bash -euc '
    python3 -m venv "$VENV"
    export PATH=$VENV/bin:$PATH
    # What only lints is left out.
    lints="^(ansible|antsibull|mypy|ruff|shellcheck|types-|yamllint)"
    pip install --quiet --requirement tests/newest/requirements.txt --requirement <(grep -vE "$lints" requirements.txt)
    ansible --version | head -n 1
    python --version
    ansible-galaxy collection list kubernetes.core | tail -n 1
    exec pytest -p no:cacheprovider "$@"
  ' newest "$@"
