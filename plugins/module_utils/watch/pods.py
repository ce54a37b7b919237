# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Judges a pod from the objects as the API gives them: where it stands, and why it will not serve without help."""

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
"""Of a container of which nothing has run: while it waits, and after it was given up."""
GRACE = timedelta(seconds=10)
"""How long a pod may find no node, and a condition from before the wait may stand, before it counts as failure."""
LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
# The scheduler's words for a claim that should have its volume before the pod has its node.
UNBOUND = "unbound immediate PersistentVolumeClaims"
# What the events of such a claim say where nothing in the cluster will ever make its volume.
NEVER_BOUND = re.compile(r"FailedBinding |ProvisioningFailed storageclass\S* \S+ not found")
# The cluster looks at such a claim when it is made, perhaps before it knows of a volume made just before, and then every 15 s.
SECOND_LOOK = timedelta(seconds=5)
"""How old a claim is at least when the cluster speaks of it for the second time."""
ALL_LOOKED = timedelta(seconds=20)
"""How old it is when it surely has its volume, if there is one."""
# What the kubelet says of a volume whose Secret or ConfigMap is not there, or has not what is wanted of it.
NOT_THERE = re.compile(
    r'MountVolume\.SetUp failed for volume "[^"]*" : (.*(?:(?:secret|configmap) "[^"]+" not found|non-existent \w+ key: ).*)'
)
# What runc and crun say of a volume whose filesystem maps no users.
UNMAPPED = re.compile(r"MOUNT_ATTR_IDMAP|support idmap")
PROBE = re.compile(r"(Startup|Liveness) probe (?:failed|errored): *(.*)")
STOPPED = re.compile(r"Container (\S+) failed (startup|liveness) probe")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Pod:
    """Where one pod stands. A lower rank is further behind."""

    name: str
    uid: str
    current: bool
    alive: bool
    """Neither ending nor ended."""
    running: bool
    """At least one of its containers runs."""
    ready: bool
    restarts: int
    stage: str
    rank: int
    container: str = ""
    init: bool = False
    """The container is one that ends before the server starts."""
    working: bool = False
    """Such a container runs."""
    doing: str = ""
    """The stage, without the hint."""
    hint: str = ""
    """Why the stage lasts, as far as an event says."""
    seen: Object = field(default_factory=dict, repr=False, compare=False)
    """The pod itself."""

    @property
    def puzzling(self) -> bool:
        """Its events may say more than its status does."""
        return self.current and self.alive and not self.ready and not self.working

    def public(self) -> Object:
        return {"name": self.name, "ready": self.ready, "restarts": self.restarts, "stage": self.stage}


@dataclass(frozen=True)
class Failure:
    """Why it will not come to an end, and where to look."""

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
    """By the time of a look at its log, another instance of the container may run."""
    memory: bool = False
    """It lacked memory."""
    limit: str = ""
    """How much the container may have, empty for any."""


@dataclass(frozen=True)
class Signs:
    """What is known beside the pods: events, by the uid of what they are about, the newest last; claims by name."""

    events: dict[str, list[Object]] = field(default_factory=dict)
    claims: dict[str, Object] = field(default_factory=dict)

    def of(self, item: Object) -> list[Object]:
        return self.events.get(item["metadata"].get("uid", ""), [])


NO_SIGNS = Signs()


def condition(item: Object, kind: str) -> Object:
    return next((one for one in item.get("status", {}).get("conditions", []) if one["type"] == kind), {})


def containers(pod: Object) -> Iterator[tuple[str, bool, Object]]:
    """Name, whether the next waits for its end, and status of each container, in the order that they start."""
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
    """The event that says why a stage lasts: a volume that cannot be mounted, a probe that fails."""
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
    """Why this pod will not serve without help; of a container that runs again, only if it failed since the start."""
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp") or pod.get("status", {}).get("phase") == "Failed":
        # Evicted, or on its way out: it has a successor, which is looked at in its place.
        return None
    scheduled = condition(pod, "PodScheduled")
    # What an earlier deploy left waiting has as much time as a new pod: its cause may be fixed.
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
        return Failure(f"pod {metadata['name']}: no node takes it: {why}", **place(pod))
    if not patient and (why := missing(pod, started, signs)):
        return Failure(f"pod {metadata['name']} cannot start: {why}", **place(pod))
    failures = (container_failure(pod, *each, started, signs) for each in containers(pod))
    return next((one for one in failures if one), None)


def place(pod: Object) -> Object:
    return {"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"].get("uid", "")}


def container_failure(pod: Object, name: str, init: bool, one: Object, started: datetime, signs: Signs) -> Failure | None:
    """Why this container will not run; C(one) is its status."""
    state = one.get("state", {})
    waiting, ended = state.get("waiting", {}), state.get("terminated", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    title = f"pod {pod['metadata']['name']}: container {name}"
    here = {**place(pod), "container": name, "init": init}
    if reason in NO_IMAGE:
        cause = f"{title}: the image {one.get('image', '')} cannot be pulled: {message or reason}"
        return Failure(cause, step="restart", **here)
    last = one.get("lastState", {}).get("terminated", {})
    # A node may fail to start a container at first, and succeed when it tries again at once.
    first = not one.get("restartCount") and pod["spec"].get("restartPolicy") != "Never"
    if first and NOT_STARTED & {reason, ended.get("reason")}:
        return None
    if reason in NO_CONTAINER:
        why = "a volume cannot be mapped to the pod's own users: " if UNMAPPED.search(message) else ""
        return Failure(f"{title} cannot be started: {why}{message or reason}", **here)
    # Of a container that runs again, what was before the start is no news.
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
        # Ended for the first time, it starts again at once; later, only after a back-off.
        previous = ended is last or not one.get("restartCount")
        cause, limit = f"{title} {'failed' if code else 'ended by itself'}", memory_limit(pod, name)
        failure = Failure(cause, exit_code=code, step="restart", previous=previous, limit=limit, **here)
        return starved(failure) if ended.get("reason") == "OOMKilled" else failure
    return None


def memory_limit(pod: Object, container: str) -> str:
    every = [*(pod["spec"].get("initContainers") or []), *(pod["spec"].get("containers") or [])]
    spec: Object = next((one for one in every if one["name"] == container), {})
    return str(spec.get("resources", {}).get("limits", {}).get("memory", ""))


def starved(failure: Failure) -> Failure:
    """The same failure, of which it has become known that it was one of memory."""
    where = f"at its limit of {failure.limit}" if failure.limit else "since its node had none left"
    cause = f"{failure.cause.removesuffix(' failed')} ran out of memory, {where}"
    return replace(failure, cause=cause, memory=True)


def missing(pod: Object, started: datetime, signs: Signs) -> str:
    """What a pod of which nothing has run yet waits for in vain."""
    if any(one.get("state", {}).keys() & {"running", "terminated"} for _name, _init, one in containers(pod)):
        return ""
    # The kubelet tries again after two minutes at most: what it said before the start is no news.
    since = [one for one in signs.of(pod) if event_time(one) >= started]
    mounts = [one for one in since if one.get("reason") == "FailedMount"][-1:]
    found = NOT_THERE.match(one_line(mounts[0].get("message", ""))) if mounts else None
    return found[1] if found else ""


def bound_since(pod: Object, signs: Signs) -> bool:
    """Whether the claims that kept the pod from every node have their volumes by now: the scheduler looks at it again."""
    phases = [signs.claims.get(name, {}).get("status", {}).get("phase") for name in claim_names(pod)]
    return UNBOUND in condition(pod, "PodScheduled").get("message", "") and set(phases) == {"Bound"}


def unbound_claims(pod: Object, signs: Signs) -> list[Object]:
    """Those that keep the pod from every node."""
    if UNBOUND not in condition(pod, "PodScheduled").get("message", ""):
        return []
    pending = [
        claim for name in claim_names(pod) if (claim := signs.claims.get(name, {})).get("status", {}).get("phase") == "Pending"
    ]
    # A claim may wait for the pod.
    return [one for one in pending if [event.get("reason") for event in signs.of(one)][-1:] != ["WaitForFirstConsumer"]]


def claim_failure(pod: Object, claims: list[Object], patient_since: datetime | None, signs: Signs) -> Failure | None:
    """The first of these claims; with patience, only one of which was said since that nothing will ever bind it."""
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
    """How a probe failed for which the kubelet stops a container, or has stopped it."""
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
