# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the user of a kubeconfig may not do, and the missing rule. The API server reports it only as text."""

from __future__ import annotations

import json
import re

FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def missing_rule(said: str) -> str:
    """Return advice with the rule that would allow it; empty if the API server's message is about something else."""
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
    """Return the sentence about the missing right, without the text that a client adds."""
    found = FORBIDDEN.search(said)
    return found[0] if found else ""
