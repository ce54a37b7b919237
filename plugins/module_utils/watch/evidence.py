# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Collect what the cluster reports about a failure or a pod that is not ready: events, claims, logs. Write the report."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import (
    CONTROL,
    UNBOUND,
    Failure,
    Pod,
    Signs,
    claim_names,
    condition,
    event_time,
)

# What Go prints when the kernel kills its compiler. The container ends as after any other error.
KILLED = re.compile(r"signal: killed$")
COMPILE_ERROR = re.compile(r"\S+\.go:\d+(:\d+)?: \S")
# Lines that may hold request headers: their usual names, a map of lists as Go and JSON print it, a header line on its own.
HEADERS = re.compile(
    r"""(?i:cookie|authorization|bearer|token|passw|secret|session|api[-_]?key|x-(auth|forwarded)-[\w-]+["']?\s*[:=])
    |(?i:\bheaders?["']?\s*[=:])|map\[[\w-]+:\[|["'][A-Z][\w-]*["']:\s*\[|^\s*[A-Z][A-Za-z0-9]*(-[A-Z][A-Za-z0-9]*)+:\s""",
    re.VERBOSE,
)
# What the kubelet returns in place of the log of a container instance that it has already removed.
NO_LOG = re.compile(
    r'(?:unable to retrieve container logs for \S+|failed to (?:try resolving symlinks in path|open log file) ".*)\s*'
)


def ask_signs(api: Api, namespace: str, pods: Iterable[Pod]) -> Signs:
    """Return the events of pods, and the claims of unscheduled pods with their events. Leave out what cannot be read."""
    signs, base = Signs(), path_of("namespaces", namespace)

    def ask_events(kind: str, item: Object) -> None:
        with suppress(ApiError):
            signs.events[item["metadata"]["uid"]] = events_of(api, base, kind, **item["metadata"])

    for pod in pods:
        if UNBOUND in condition(pod.seen, "PodScheduled").get("message", ""):
            for name in claim_names(pod.seen):
                with suppress(ApiError):
                    claim = api.get(path_of("persistentvolumeclaims", name, base=base))
                    signs.claims[name] = claim
                    ask_events("PersistentVolumeClaim", claim)
        elif pod.rank > 1:
            ask_events("Pod", pod.seen)
    return signs


def events_of(api: Api, base: str, kind: str, name: str, uid: str = "", **_unused: Any) -> list[Object]:
    """Return the events about one object, the newest last."""
    about = f"involvedObject.kind={kind},involvedObject.name={name}"
    if uid:
        about += f",involvedObject.uid={uid}"
    return sorted(api.get(f"{base}/events", fieldSelector=about)["items"], key=event_time)


@dataclass(frozen=True)
class Evidence:
    log: list[str] = field(default_factory=list)
    left_out: int = 0
    telling: str = ""
    events: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def evidence(api: Api, namespace: str, failure: Failure, lines: int) -> Evidence:
    """Return the log and the events of what failed, as far as they are still available."""
    notes, text, base = [], "", path_of("namespaces", namespace)
    if failure.container and failure.kind == "Pod":
        try:
            current, before = instance_logs(api, f"{base}/pods/{failure.name}/log", failure.container, max(lines, 200))
            text = before or current if failure.previous else current or before
        except ApiError as error:
            notes.append(f"The log of container {failure.container} cannot be read: the cluster {error.what}.")
    log, left_out = shown(text, failure.init)
    events: list[str] = []
    try:
        events = latest(events_of(api, base, failure.kind, failure.name, failure.uid))
    except ApiError as error:
        notes.append(f"The events cannot be read: the cluster {error.what}.")
    return Evidence(log[-lines:] if lines else [], left_out, telling_line(log, failure.init), events, notes)


def instance_logs(api: Api, path: str, container: str, lines: int) -> tuple[str, str]:
    """Return the logs of a container's current and previous instance; empty if there is no such log."""
    for again in (True, True, False):
        # In this order: if the container restarts in between, the current instance is found as the previous one.
        found = [log_of(api, path, container, lines, previous) for previous in (False, True)]
        if any(found) or None not in found or not again:
            break
        # The kubelet has removed an instance that it still reports, or a log is not written yet.
        time.sleep(1)
    current, before = found
    return current or "", before or ""


def log_of(api: Api, path: str, container: str, lines: int, previous: bool) -> str | None:
    """Return the log of one instance of a container; empty if there is no such instance, None if the log is empty."""
    try:
        text = api.read(path, container=container, tailLines=lines, previous=str(previous).lower())
    except ApiError as error:
        if error.status != 400:
            raise
        return ""
    return text if text.strip() and not NO_LOG.fullmatch(text) else None


def shown(text: str, init: bool) -> tuple[list[str], int]:
    """Return the lines that may be shown, and how many may not: a server's log can hold its users' cookies and tokens."""
    lines = [CONTROL.sub("", line).rstrip()[:500] for line in text.splitlines()]
    if init:
        return lines, 0
    kept = [line for line in lines if not HEADERS.search(line)]
    return kept, len(lines) - len(kept)


def telling_line(log: list[str], init: bool) -> str:
    """Return the line that most likely names the cause: a compiler's first, a panic's first, or the last."""
    if init and (found := next((line for line in log if COMPILE_ERROR.match(line)), None)):
        return found
    if found := next((line for line in log if line.startswith(("panic: ", "fatal error: "))), None):
        return found
    return next((line.strip() for line in reversed(log) if line.strip()), "")


def latest(events: list[Object], count: int = 10) -> list[str]:
    told: dict[str, tuple[str, int]] = {}
    for event in sorted(events, key=event_time):
        line = " ".join(f"{event.get('type', '')} {event.get('reason', '')} {event.get('message', '')}".split())
        # Each try of a ReplicaSet names another pod.
        same = re.sub(rf"{re.escape(event.get('involvedObject', {}).get('name', ''))}-[a-z0-9]{{5}}\b", "", line)
        _line, times = told.pop(same, ("", 0))
        told[same] = line, times + (event.get("count") or 1)
    return [line if times == 1 else f"{line} ({times} times)" for line, times in list(told.values())[-count:]]


def cause(failure: Failure, found: Evidence) -> str:
    telling = found.telling if failure.exit_code is not None else ""
    return f"{failure.cause}: {telling}" if telling else failure.cause


def report(failure: Failure, found: Evidence, kubectl: str, variables: list[str] | None = None, note: str = "") -> str:
    """Return the report for the user: cause, container, last lines of its log, events, variables, a note, the next step."""
    lines = [cause(failure, found)]
    if failure.container:
        code = "" if failure.exit_code is None else f", exit code {failure.exit_code}"
        lines.append(f"container: {failure.container}{code}")
    if found.log or found.left_out:
        lines += ["the end of its log:", *(f"  {line}" for line in found.log)]
    if found.left_out:
        lines.append(f"{found.left_out} {'line' if found.left_out == 1 else 'lines'} with request headers left out")
    if found.events:
        lines += ["events:", *(f"  {event}" for event in found.events)]
    lines += found.notes
    if variables:
        lines.append(f"decided by: {', '.join(variables)}")
    if note:
        lines.append(note)
    steps = {
        "describe": f"{kubectl} describe {failure.kind.lower()} {failure.name}",
        "deploy": "fix the cause and deploy again",
        "resume": f"{kubectl} rollout resume deployment {failure.name}",
        "restart": "fix the cause and deploy again; if that leaves the Deployment unchanged, restart the pod: "
        f"{kubectl} delete pod {failure.name}",
        # The controller retries on its own only after waits that grow to 15 minutes.
        "retry": "fix the cause, delete the ReplicaSet so that a new one retries immediately, and deploy again: "
        f"{kubectl} delete --cascade=orphan replicaset {failure.name}",
    }
    return "\n".join([*lines, f"Next: {steps[failure.step]}"])
