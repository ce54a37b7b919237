#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Runs `ansible-test sanity` over the collection as it is built.
#
#   run.sh [ARGUMENT...]   of ansible-test, such as `--test shebang`
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
beside=$(python -c 'import ansible_collections; print(*ansible_collections.__path__)')
# ansible-test wants a collection in its place, outside of another's git repository, and keeps what it makes in the user's home.
export HOME=$PWD/.cache/sanity
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=$work/ansible_collections/varasys/zddc
mkdir -p "$folder" "$work/ansible_collections/kubernetes" "$HOME/.ansible/test/cache"
ansible-galaxy collection build --output-path "$work" > /dev/null
tar -C "$folder" -xzf "$work"/varasys-zddc-*.tar.gz
cp -r "$beside/kubernetes/core" "$work/ansible_collections/kubernetes/"
# It would fetch an installer of pip; Python brings one.
cat > "$HOME/.ansible/test/cache/get_pip_24_2.py" <<'PY'
import subprocess, sys
subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "pip==24.2", "setuptools", "wheel"], check=True)
PY
cd "$folder"
ansible-test sanity --python "$python" --color no "$@"
