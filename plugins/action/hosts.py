# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lists the hosts of a play, each with its instance and its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """List the hosts."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return a row for each host, and the hosts of each instance."""
        super().run(tmp, task_vars)
        known = task_vars or {}
        rows = [
            row(host, known["hostvars"][host], host in known["ansible_play_hosts"]) for host in known["ansible_play_hosts_all"]
        ]
        instances: dict[str, list[str]] = {}
        for one in rows:
            instances.setdefault(one["instance"], []).append(one["host"])
        return {"_ansible_verbose_override": True, "changed": False, "rows": rows, "instances": instances}


def row(host: str, facts: Mapping[str, Any], well: bool) -> dict[str, str]:
    """Return a host, its instance and its result; facts are the host's variables, which have the role's results."""
    plan = facts.get("__zddc_server_plan", {})
    if not well:
        result = f"failed: {cause(facts)}"
    elif said := facts.get("__zddc_server_said", {}).get("msg", ""):
        options = facts["__zddc_server_checked"]["instance"]["options"]
        result = said.removeprefix(f"{options['name']} in namespace {options['namespace']} ")
    else:
        result = "would be changed" if plan.get("work") else "would stay unchanged"
    return {"host": host, "instance": plan.get("instance", ""), "result": result}


def cause(facts: Mapping[str, Any]) -> str:
    """Return why a host failed, in one line: the first problem if there are several."""
    failure = facts.get("__zddc_server_failure", {}).get("message")
    results = (facts.get(f"__zddc_server_{name}", {}) for name in ("plan", "checked", "source"))
    lines = str(failure or next((one["msg"] for one in results if one.get("msg")), "see above")).splitlines()
    return next((line.removeprefix("- ") for line in lines if line.startswith("- ")), lines[0])
