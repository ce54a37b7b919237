# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the cluster tells of a pod that is not ready, or of what has failed: events, claims, logs; and a report of it."""

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

# What go says of a compiler that the kernel has killed. Its container ends as after any error.
KILLED = re.compile(r"signal: killed$")
COMPILE_ERROR = re.compile(r"\S+\.go:\d+(:\d+)?: \S")
# What may hold a request's headers: their usual names, a map of lists as Go and JSON print it, a header line by itself.
HEADERS = re.compile(
    r"""(?i:cookie|authorization|bearer|token|passw|secret|session|api[-_]?key|x-(auth|forwarded)-[\w-]+["']?\s*[:=])
    |(?i:\bheaders?["']?\s*[=:])|map\[[\w-]+:\[|["'][A-Z][\w-]*["']:\s*\[|^\s*[A-Z][A-Za-z0-9]*(-[A-Z][A-Za-z0-9]*)+:\s""",
    re.VERBOSE,
)
# What the kubelet answers, as if it were the log, for an instance of a container that it has removed already.
NO_LOG = re.compile(
    r'(?:unable to retrieve container logs for \S+|failed to (?:try resolving symlinks in path|open log file) ".*)\s*'
)


def ask_signs(api: Api, namespace: str, pods: Iterable[Pod]) -> Signs:
    """Events of pods, and claims of those without a node with their events. What cannot be read is left out."""
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
    """The events about one object, the newest last."""
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
    """The log and the events of what failed, as far as they are still to be had."""
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
    """The logs of a container's current instance and of the one before; empty where there is none, or none any more."""
    for again in (True, True, False):
        # In this order: where the container starts anew in between, the current one is found as the previous one.
        found = [log_of(api, path, container, lines, previous) for previous in (False, True)]
        if any(found) or None not in found or not again:
            break
        # The kubelet has removed an instance of which it still tells, or what one said has not been written yet.
        time.sleep(1)
    current, before = found
    return current or "", before or ""


def log_of(api: Api, path: str, container: str, lines: int, previous: bool) -> str | None:
    """The log of one instance of a container; empty where there is no such instance, None where there is nothing in it."""
    try:
        text = api.read(path, container=container, tailLines=lines, previous=str(previous).lower())
    except ApiError as error:
        if error.status != 400:
            raise
        return ""
    return text if text.strip() and not NO_LOG.fullmatch(text) else None


def shown(text: str, init: bool) -> tuple[list[str], int]:
    """The lines that may be shown, and how many may not: a server's log can hold its users' cookies and tokens."""
    lines = [CONTROL.sub("", line).rstrip()[:500] for line in text.splitlines()]
    if init:
        return lines, 0
    kept = [line for line in lines if not HEADERS.search(line)]
    return kept, len(lines) - len(kept)


def telling_line(log: list[str], init: bool) -> str:
    """The line that most likely says why: a compiler's first, a panic's first, or the last."""
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
    """For a person: the cause, the container, its last lines, the events, what decides it, a note, the next step."""
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
        "restart": "fix the cause and deploy again; where that leaves the Deployment as it is, start the pod anew: "
        f"{kubectl} delete pod {failure.name}",
        # The controller tries again by itself, after waits that grow to a quarter of an hour.
        "retry": "fix the cause, have the ReplicaSet made anew, which tries at once, and deploy again: "
        f"{kubectl} delete --cascade=orphan replicaset {failure.name}",
    }
    return "\n".join([*lines, f"Next: {steps[failure.step]}"])
