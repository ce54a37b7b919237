# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the modules that wait have in common."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.api import Api, ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.lease import take
from ansible_collections.varasys.zddc.plugins.module_utils.rollout import Verdict

LEASE: dict[str, Any] = {
    "type": "dict",
    "options": {
        "name": {"type": "str", "required": True},
        "holder": {"type": "str", "required": True},
        "seconds": {"type": "int", "default": 30},
    },
}


def kubectl(params: dict[str, Any]) -> str:
    """The command that reaches the same cluster and namespace."""
    given = {name: params[name] for name in ("kubeconfig", "context", "namespace") if isinstance(params[name], str)}
    return shlex.join(["kubectl", *(part for name, value in given.items() if value for part in (f"--{name}", value))])


class LostLease(Exception):
    """Another run works on the same; says who."""


class Renewal:
    """Renews a Lease, well before it ends."""

    def __init__(self, api: Api, namespace: str, name: str, holder: str, seconds: int) -> None:
        self.api, self.place, self.holder, self.seconds = api, (namespace, name), holder, seconds
        self.due = 0.0

    def look(self, _verdict: Verdict) -> None:
        if time.monotonic() < self.due:
            return
        try:
            held = take(self.api, *self.place, self.holder, self.seconds)
        except ApiError as error:
            if not error.passing:
                raise
        else:
            if held:
                raise LostLease(held.holder)
            self.due = time.monotonic() + self.seconds / 3


def writer(path: str) -> Callable[[str], None]:
    def write(line: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    return write
