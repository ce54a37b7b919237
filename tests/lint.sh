#!/usr/bin/env bash
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Runs ansible-lint. It would start Ansible anew for the syntax of each playbook, twice for most; here, once for all.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t playbooks < <(grep -lE '^(- |  )(hosts|ansible\.builtin\.import_playbook):' playbooks/*.yml molecule/*/*.yml \
  examples/own-role/molecule/*/*.yml tests/*/*.yml)
said=$(ANSIBLE_ROLES_PATH=examples/own-role/roles ansible-playbook -i localhost, --syntax-check "${playbooks[@]}" 2>&1) ||
  { echo "$said"; exit 1; }

# What was checked passes; anything else is checked as ever.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' "${playbooks[@]}" > "$work/checked"
cat > "$work/ansible-playbook" <<SH
#!/usr/bin/env bash
grep -qxF "\$(realpath --relative-to=. "\${@: -1}")" "$work/checked" || PATH=$PATH exec ansible-playbook "\$@"
SH
chmod +x "$work/ansible-playbook"
PATH="$work:$PATH" ansible-lint --offline
