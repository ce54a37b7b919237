# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the user of a kubeconfig may not do, and the rule that is missing. The API server says it in words alone."""

from __future__ import annotations

import json
import re

FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def missing_rule(said: str) -> str:
    """Advice with the rule that would allow it; empty where the API server's sentence is about something else."""
    found = FORBIDDEN.search(said)
    if not found:
        return ""
    where = f"a Role in namespace {found['namespace']!r}" if found["namespace"] else "a ClusterRole"
    rule = {"apiGroups": [found["group"]], "resources": [found["resource"]], "verbs": [found["verb"]]}
    return (
        f"{found['user']} needs this rule, in {where}: {json.dumps(rule)}. All that the playbooks need: docs/operations.md, "
        '"Rights".'
    )


def forbidden(said: str) -> str:
    """The sentence of it, without what a client says around it."""
    found = FORBIDDEN.search(said)
    return found[0] if found else ""
