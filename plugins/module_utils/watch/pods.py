# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Judge a pod from the objects that the API returns: its stage, and why it will not serve without help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object

NO_IMAGE = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
)
NO_CONTAINER = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
NOT_STARTED = {"RunContainerError", "StartError"}
"""Reasons of a container that has not run: while it waits, and after the kubelet has stopped trying."""
GRACE = timedelta(seconds=10)
"""How long a pod may be unscheduled, or a condition from before the wait may last, before it counts as a failure."""
LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
# The scheduler's message for a claim that needs its volume before the pod gets a node.
UNBOUND = "unbound immediate PersistentVolumeClaims"
# Events of such a claim if nothing in the cluster will ever create its volume.
NEVER_BOUND = re.compile(r"FailedBinding |ProvisioningFailed storageclass\S* \S+ not found")
# The cluster checks such a claim when it is created, perhaps before it knows of a new volume, and then every 15 s.
SECOND_LOOK = timedelta(seconds=5)
"""Minimum age of a claim at the cluster's second check."""
ALL_LOOKED = timedelta(seconds=20)
"""Age at which a claim has its volume, if there is one."""
# The kubelet's message for a volume whose Secret or ConfigMap, or a key in it, is missing.
NOT_THERE = re.compile(
    r'MountVolume\.SetUp failed for volume "[^"]*" : (.*(?:(?:secret|configmap) "[^"]+" not found|non-existent \w+ key: ).*)'
)
# From messages of runc and crun for a volume whose filesystem cannot map users.
UNMAPPED = re.compile(r"MOUNT_ATTR_IDMAP|support idmap")
PROBE = re.compile(r"(Startup|Liveness) probe (?:failed|errored): *(.*)")
STOPPED = re.compile(r"Container (\S+) failed (startup|liveness) probe")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Pod:
    """The state of one pod. A lower rank is further behind."""

    name: str
    uid: str
    current: bool
    alive: bool
    """Whether it is neither ending nor ended."""
    running: bool
    """Whether at least one of its containers runs."""
    ready: bool
    restarts: int
    stage: str
    rank: int
    container: str = ""
    init: bool = False
    """Whether it is a container that ends before the server starts."""
    working: bool = False
    """Whether such a container runs."""
    doing: str = ""
    """The stage, without the hint."""
    hint: str = ""
    """Why the stage lasts, if an event says so."""
    seen: Object = field(default_factory=dict, repr=False, compare=False)
    """The pod itself."""

    @property
    def puzzling(self) -> bool:
        """Whether its events may say more than its status."""
        return self.current and self.alive and not self.ready and not self.working

    def public(self) -> Object:
        return {"name": self.name, "ready": self.ready, "restarts": self.restarts, "stage": self.stage}


@dataclass(frozen=True)
class Failure:
    """Why a rollout or a Job will not complete, and where to look."""

    cause: str
    kind: str
    name: str
    uid: str = ""
    container: str = ""
    init: bool = False
    exit_code: int | None = None
    step: str = "describe"
    """What to do next: describe, restart, deploy, retry or resume."""
    previous: bool = False
    """Whether another instance of the container may run by the time its log is read."""
    memory: bool = False
    """Whether it lacked memory."""
    limit: str = ""
    """Memory limit of the container; empty if it has none."""


@dataclass(frozen=True)
class Signs:
    """What is known in addition to the pods: events by the uid of their object, the newest last; claims by name."""

    events: dict[str, list[Object]] = field(default_factory=dict)
    claims: dict[str, Object] = field(default_factory=dict)

    def of(self, item: Object) -> list[Object]:
        return self.events.get(item["metadata"].get("uid", ""), [])


NO_SIGNS = Signs()


def condition(item: Object, kind: str) -> Object:
    return next((one for one in item.get("status", {}).get("conditions", []) if one["type"] == kind), {})


def containers(pod: Object) -> Iterator[tuple[str, bool, Object]]:
    """Yield name, whether the next one waits for its end, and status of each container, in the order in which they start."""
    status = pod.get("status", {})
    for specs, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        known = {item["name"]: item for item in status.get(statuses) or []}
        for spec in pod["spec"].get(specs) or []:
            yield spec["name"], init and spec.get("restartPolicy") != "Always", known.get(spec["name"], {})


class Stage(NamedTuple):
    rank: int
    words: str
    container: str = ""
    init: bool = False
    working: bool = False


def judge_pod(pod: Object, current: bool, signs: Signs = NO_SIGNS) -> Pod:
    metadata, every = pod["metadata"], list(containers(pod))
    alive = not metadata.get("deletionTimestamp") and pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")
    ready = alive and condition(pod, "Ready").get("status") == "True"
    stage = _stage(every) if alive and not ready else Stage(1000, "ready")
    if metadata.get("deletionTimestamp"):
        stage = Stage(0, "ending")
    elif not alive:
        stage = Stage(0, f"ended ({pod['status'].get('reason') or pod['status']['phase']})")
    elif condition(pod, "PodScheduled").get("status") != "True":
        stage = Stage(1, "waiting for a node")
    told = "" if ready or not alive else hint(pod, stage, signs)
    return Pod(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        current=current,
        alive=alive,
        running=any("running" in one.get("state", {}) for _name, _init, one in every),
        ready=ready,
        restarts=sum(one.get("restartCount", 0) for _name, _init, one in every),
        stage=f"{stage.words} ({told})" if told else stage.words,
        rank=stage.rank,
        container=stage.container,
        init=stage.init,
        working=stage.working,
        doing=stage.words,
        hint=told,
        seen=pod,
    )


def hint(pod: Object, stage: Stage, signs: Signs) -> str:
    """Return the event that says why a stage lasts: a volume that cannot be mounted, a probe that fails."""
    if stage.rank == 1:
        return one_line(condition(pod, "PodScheduled").get("message", ""))
    if stage.working:
        return ""
    warnings = [event for event in signs.of(pod) if event.get("type") == "Warning"]
    if stage.rank >= 998:
        told = [event for event in warnings if event.get("reason") == "Unhealthy"]
    else:
        told = [event for event in warnings if event.get("reason") not in ("FailedScheduling", "Unhealthy", "BackOff")]
    return one_line(told[-1].get("message", "")) if told else ""


def one_line(text: str) -> str:
    return CONTROL.sub("", " ".join(text.split()))[:300]


def _stage(every: list[tuple[str, bool, Object]]) -> Stage:
    for place, (name, init, one) in enumerate(every, start=2):
        state = one.get("state", {})
        if init and "running" in state:
            return Stage(place, f"running {name}", name, True, True)
        if "running" not in state and not (init and state.get("terminated", {}).get("exitCode") == 0):
            reason = state.get("waiting", {}).get("reason", "")
            shown = "" if reason in ("", "ContainerCreating", "PodInitializing") else f" ({reason})"
            return Stage(place, f"starting {name}{shown}", name, init)
    for name, init, one in every:
        if not init and not one.get("ready"):
            return Stage(998, f"waiting for {name} to become ready", name)
    return Stage(999, "waiting for the pod to become ready")


def pod_failure(
    pod: Object, now: datetime, started: datetime, patience: timedelta = GRACE, signs: Signs = NO_SIGNS
) -> Failure | None:
    """Return why this pod will not serve without help; for a container that runs again, only failures since the start."""
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp") or pod.get("status", {}).get("phase") == "Failed":
        # Evicted or being removed: its successor is judged instead.
        return None
    scheduled = condition(pod, "PodScheduled")
    # A pod that waits since an earlier deploy gets as much time as a new one: the cause may be fixed.
    since = scheduled.get("lastTransitionTime")
    begun = max(started, moment(since)) if since else now
    patient = now - begun < patience
    if scheduled.get("status") == "False":
        if bound_since(pod, signs):
            return None
        claims = unbound_claims(pod, signs)
        patient = patient or any(now - made(claim) < ALL_LOOKED for claim in claims)
        if patient or claims:
            return claim_failure(pod, claims, started if patient else None, signs)
        why = scheduled.get("message", scheduled.get("reason"))
        return Failure(f"pod {metadata['name']} cannot be scheduled: {why}", **place(pod))
    if not patient and (why := missing(pod, started, signs)):
        return Failure(f"pod {metadata['name']} cannot start: {why}", **place(pod))
    failures = (container_failure(pod, *each, started, signs) for each in containers(pod))
    return next((one for one in failures if one), None)


def place(pod: Object) -> Object:
    return {"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"].get("uid", "")}


def container_failure(pod: Object, name: str, init: bool, one: Object, started: datetime, signs: Signs) -> Failure | None:
    """Return why this container will not run; C(one) is its status."""
    state = one.get("state", {})
    waiting, ended = state.get("waiting", {}), state.get("terminated", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    title = f"pod {pod['metadata']['name']}: container {name}"
    here = {**place(pod), "container": name, "init": init}
    if reason in NO_IMAGE:
        cause = f"{title}: the image {one.get('image', '')} cannot be pulled: {message or reason}"
        return Failure(cause, step="restart", **here)
    last = one.get("lastState", {}).get("terminated", {})
    # A node may fail to start a container at first, and succeed when it retries immediately.
    first = not one.get("restartCount") and pod["spec"].get("restartPolicy") != "Never"
    if first and NOT_STARTED & {reason, ended.get("reason")}:
        return None
    # A container that is not started again ends so.
    if unstarted := waiting if reason in NO_CONTAINER else ended if ended.get("reason") in NOT_STARTED else {}:
        said = unstarted.get("message") or unstarted["reason"]
        why = "a volume cannot be mapped to the pod's own users: " if UNMAPPED.search(said) else ""
        return Failure(f"{title} cannot be started: {why}{said}", **here)
    # For a container that runs again, ignore what happened before the start.
    news = started if "running" in state else LONG_AGO
    if not one.get("ready") and (why := stopped_by_probe(pod, name, news, signs)):
        # It may still run, until its grace period is over.
        previous = bool(last) and moment(last["finishedAt"]) >= started
        return Failure(f"{title} was stopped: {why}", step="restart", previous=previous, **here)
    failed = last.get("exitCode") and last.get("reason") not in NOT_STARTED
    again = failed and "running" in state and not one.get("ready")
    if reason == "CrashLoopBackOff" or (again and moment(last["finishedAt"]) >= started):
        ended = last
    if ended.get("exitCode") or reason == "CrashLoopBackOff":
        code = ended.get("exitCode")
        # After its first end it restarts immediately, later only after a back-off.
        previous = ended is last or not one.get("restartCount")
        cause, limit = f"{title} {'failed' if code else 'ended on its own'}", memory_limit(pod, name)
        failure = Failure(cause, exit_code=code, step="restart", previous=previous, limit=limit, **here)
        return starved(failure) if ended.get("reason") == "OOMKilled" else failure
    return None


def memory_limit(pod: Object, container: str) -> str:
    every = [*(pod["spec"].get("initContainers") or []), *(pod["spec"].get("containers") or [])]
    spec: Object = next((one for one in every if one["name"] == container), {})
    return str(spec.get("resources", {}).get("limits", {}).get("memory", ""))


def starved(failure: Failure) -> Failure:
    """Return the same failure with lack of memory as its cause."""
    where = f"at its limit of {failure.limit}" if failure.limit else "since its node had none left"
    cause = f"{failure.cause.removesuffix(' failed')} ran out of memory, {where}"
    return replace(failure, cause=cause, memory=True)


def missing(pod: Object, started: datetime, signs: Signs) -> str:
    """Return the message about a missing Secret, ConfigMap or key, if no container of the pod has run yet."""
    if any(one.get("state", {}).keys() & {"running", "terminated"} for _name, _init, one in containers(pod)):
        return ""
    # The kubelet retries after two minutes at most: ignore what it reported before the start.
    since = [one for one in signs.of(pod) if event_time(one) >= started]
    mounts = [one for one in since if one.get("reason") == "FailedMount"][-1:]
    found = NOT_THERE.match(one_line(mounts[0].get("message", ""))) if mounts else None
    return found[1] if found else ""


def bound_since(pod: Object, signs: Signs) -> bool:
    """Check whether the claims that prevented scheduling are bound by now: the scheduler will retry."""
    phases = [signs.claims.get(name, {}).get("status", {}).get("phase") for name in claim_names(pod)]
    return UNBOUND in condition(pod, "PodScheduled").get("message", "") and set(phases) == {"Bound"}


def unbound_claims(pod: Object, signs: Signs) -> list[Object]:
    """Return the claims that prevent scheduling."""
    if UNBOUND not in condition(pod, "PodScheduled").get("message", ""):
        return []
    pending = [
        claim for name in claim_names(pod) if (claim := signs.claims.get(name, {})).get("status", {}).get("phase") == "Pending"
    ]
    # A claim may wait for the pod.
    return [one for one in pending if [event.get("reason") for event in signs.of(one)][-1:] != ["WaitForFirstConsumer"]]


def claim_failure(pod: Object, claims: list[Object], patient_since: datetime | None, signs: Signs) -> Failure | None:
    """Return the failure of the first claim; with patience, only of one that a new event reports as never bound."""
    for claim in claims:
        metadata, last = claim["metadata"], signs.of(claim)[-1:]
        certain = max(patient_since or LONG_AGO, made(claim) + SECOND_LOOK)
        if patient_since and not any(never_bound(one) and event_time(one) >= certain for one in last):
            continue
        why = one_line(last[0].get("message", "")) if last else "it waits for a volume"
        cause = f"pod {pod['metadata']['name']}: the claim {metadata['name']} is not bound: {why}"
        return Failure(cause, "PersistentVolumeClaim", metadata["name"], metadata.get("uid", ""))
    return None


def made(item: Object) -> datetime:
    return moment(item["metadata"]["creationTimestamp"])


def never_bound(event: Object) -> bool:
    return bool(NEVER_BOUND.match(f"{event.get('reason')} {event.get('message')}"))


def claim_names(pod: Object) -> list[str]:
    volumes = pod["spec"].get("volumes") or []
    return [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]


def stopped_by_probe(pod: Object, name: str, since: datetime, signs: Signs) -> str:
    """Return how the probe failed for which the kubelet stops a container, or has stopped it."""
    own = [event for event in signs.of(pod) if event_time(event) >= since]
    own = [event for event in own if event.get("involvedObject", {}).get("fieldPath", "").endswith(f"{{{name}}}")]
    found = [PROBE.match(one_line(event.get("message", ""))) for event in own if event.get("reason") == "Unhealthy"]
    said = {match[1]: match[0] for match in found if match}
    for event in own:
        if event.get("reason") == "Killing" and (match := STOPPED.match(event.get("message", ""))):
            kind = match[2].capitalize()
            return said.get(kind, f"{kind} probe failed")
    return ""


def event_time(event: Object) -> datetime:
    told = (event.get("series") or {}).get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime")
    return moment(next(filter(None, (*told, event["metadata"].get("creationTimestamp")))))
