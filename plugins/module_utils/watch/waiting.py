# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Common code of the modules that wait."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import OUTAGE_ARG_SPEC, Caller, connect
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import AWAY, LOST_LEASE, ApiError, Problem, outage
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.lease import take
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import KILLED, cause, evidence, report
from ansible_collections.varasys.zddc.plugins.module_utils.watch.failures import keep
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure, starved
from ansible_collections.varasys.zddc.plugins.module_utils.watch.progress import Progress
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict

# The documentation fragment api.waiting describes these.
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
    """Return the kubectl command for the same cluster and namespace."""
    given = {name: params[name] for name in ("kubeconfig", "context", "namespace") if isinstance(params[name], str)}
    return shlex.join(["kubectl", *(part for name, value in given.items() if value for part in (f"--{name}", value))])


EVIDENCE_TIMEOUT = 5
"""Seconds for each log and each list of events."""


class Wait:
    """What modules do while they wait: renew the Lease, report the progress and report a failure."""

    def __init__(self, caller: Caller, what: str, namespace: str, advice: str, note: str = "") -> None:
        self.options, self.what, self.namespace, self.advice, self.note = caller.params, what, namespace, advice, note
        self.begin, self.renew_at = time.monotonic(), 0.0
        self.api = connect(caller)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.begin, 1)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Raise a failed request as a problem that says what it was for, and when it failed."""
        try:
            yield
        except ApiError as error:
            what = f"{self.what}: the cluster at {self.api.address} {error.what}, after {self.seconds:.0f} s."
            more = {"outage": outage(self.options["outage_timeout"])} if error.reason == AWAY else {}
            told = f"{what} {error.advice or self.advice} {self.note}".rstrip()
            raise Problem(told, error.reason, seconds=self.seconds, **more) from error

    def follow(self, verdicts: Iterator[Verdict], end: str = "") -> Verdict:
        """Return the last verdict, and report the end as its own stage."""
        options, progress, verdict = self.options, None, Verdict(False, None, "")
        if options["progress"]:
            progress = Progress(self.api, self.namespace, options["stages"], writer(options["progress"]))
            self.api.when_away = progress.tell_away
        for verdict in verdicts:
            self.renew(options["lease"])
            if progress:
                progress.look(verdict)
        if progress and verdict.done and end:
            progress.tell(self.api.now, end, end)
        return verdict

    def renew(self, lease: Object | None) -> None:
        """Renew the Lease well before it expires."""
        if not lease or time.monotonic() < self.renew_at:
            return
        if held := take(self.api, self.namespace, **lease):
            told = f"{self.what}: {held.holder} also works on it, and has taken over the Lease."
            raise Problem(f"{told} Run this again when that run has ended. {self.note}".rstrip(), LOST_LEASE)
        self.renew_at = time.monotonic() + lease["seconds"] / 3

    def failed(self, failure: Failure, verdict: Verdict, result: Object) -> Problem:
        """Return the report of a failure, and store what it left in the cluster if requested."""
        options = self.options
        # The Lease is no longer renewed, so what is not available immediately is reported as such.
        self.api.timeout, self.api.patience = EVIDENCE_TIMEOUT, 0
        found = evidence(self.api, self.namespace, failure, options["log_lines"])
        if not failure.memory and failure.init and KILLED.search(found.telling):
            failure = starved(failure)
        result |= {"cause": cause(failure, found), "container": failure.container, "log": found.log, "events": found.events}
        if failure.exit_code is not None:
            result["exit_code"] = failure.exit_code
        decided_by = options["variables"]
        variables = decided_by.get(f"{failure.kind}/{failure.name}", decided_by.get(failure.container))
        if failure.memory and (lacking := decided_by.get(f"memory/{failure.container}")):
            variables = [f"{name}.{'limits' if failure.limit else 'requests'}.memory" for name in lacking]
        kept, notes = "", [self.note]
        if options["keep"]:
            try:
                kept = keep(self.api, self.namespace, options["name"], failure, verdict.pods, options["keep"])
                notes.insert(0, f"logs and events are stored in {kept}")
            except OSError as error:
                notes.insert(0, f"Logs and events could not be stored: {error.filename}: {error.strerror}.")
        command = kubectl({**options, "namespace": self.namespace})
        told = report(failure, found, command, variables, "\n".join(filter(None, notes)))
        return Problem(told, kept=kept, **(result if options["details"] else {}))


def writer(path: str) -> Callable[[str], None]:
    def write(line: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    return write
