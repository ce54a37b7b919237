# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the modules that wait have in common."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import OUTAGE_ARG_SPEC, Api
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import LOST_LEASE
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.lease import take
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import KILLED, cause, evidence, report
from ansible_collections.varasys.zddc.plugins.module_utils.watch.failures import keep
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure, Pod, starved
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict

# What the documentation fragment api.waiting describes.
WAITING_ARG_SPEC: dict[str, dict[str, Any]] = {
    **OUTAGE_ARG_SPEC,
    "timeout": {"type": "int", "default": 600},
    "unschedulable_timeout": {"type": "int", "default": 10},
    "log_lines": {"type": "int", "default": 40},
    "keep": {"type": "path"},
    "lease": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "holder": {"type": "str", "required": True},
            "seconds": {"type": "int", "default": 30},
        },
    },
    "variables": {"type": "dict", "default": {}},
    "progress": {"type": "path"},
    "details": {"type": "bool", "default": True},
    "stages": {"type": "dict", "default": {}},
}


def kubectl(params: dict[str, Any]) -> str:
    """The command that reaches the same cluster and namespace."""
    given = {name: params[name] for name in ("kubeconfig", "context", "namespace") if isinstance(params[name], str)}
    return shlex.join(["kubectl", *(part for name, value in given.items() if value for part in (f"--{name}", value))])


EVIDENCE_TIMEOUT = 5
"""Seconds for each log and each list of events."""


class LostLease(Exception):
    """Another run works on the same; says who."""

    reason = LOST_LEASE


class Renewal:
    """Renews a Lease, well before it ends."""

    def __init__(self, api: Api, namespace: str, name: str, holder: str, seconds: int) -> None:
        self.api, self.place, self.holder, self.seconds = api, (namespace, name), holder, seconds
        self.due = 0.0

    def look(self, _verdict: Verdict) -> None:
        if time.monotonic() < self.due:
            return
        if held := take(self.api, *self.place, self.holder, self.seconds):
            raise LostLease(held.holder)
        self.due = time.monotonic() + self.seconds / 3


def writer(path: str) -> Callable[[str], None]:
    def write(line: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    return write


def tell(
    module: AnsibleModule,
    api: Api,
    namespace: str,
    failure: Failure,
    pods: tuple[Pod, ...],
    result: dict[str, Any],
    note: str = "",
) -> NoReturn:
    """End the module with the report of a failure; what it left in the cluster is kept where that is asked for."""
    options = module.params
    # What cannot be had at once is told as such: the Lease is not renewed any more.
    api.timeout, api.patience = EVIDENCE_TIMEOUT, 0
    found = evidence(api, namespace, failure, options["log_lines"])
    if not failure.memory and failure.init and KILLED.search(found.telling):
        failure = starved(failure)
    result |= {"cause": cause(failure, found), "container": failure.container, "log": found.log, "events": found.events}
    if failure.exit_code is not None:
        result["exit_code"] = failure.exit_code
    decided_by = options["variables"]
    variables = decided_by.get(f"{failure.kind}/{failure.name}", decided_by.get(failure.container))
    if failure.memory and (lacking := decided_by.get(f"memory/{failure.container}")):
        variables = [f"{name}.{'limits' if failure.limit else 'requests'}.memory" for name in lacking]
    kept, notes = "", [note]
    if options["keep"]:
        try:
            kept = keep(api, namespace, options["name"], failure, pods, options["keep"])
            notes.insert(0, f"logs and events are kept in {kept}")
        except OSError as error:
            notes.insert(0, f"Logs and events could not be kept: {error.filename}: {error.strerror}.")
    command = kubectl({**options, "namespace": namespace})
    result = result if options["details"] else {}
    module.fail_json(msg=report(failure, found, command, variables, "\n".join(filter(None, notes))), kept=kept, **result)
