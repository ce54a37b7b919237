# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Judges a Deployment's rollout from the objects as the API gives them.

Only observe, ask_signs, follow and evidence ask the cluster; all else is a function of its arguments.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

from ansible_collections.varasys.zddc.plugins.module_utils.api import ApiError

Object = dict[str, Any]
Seen = TypeVar("Seen")

NO_IMAGE = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
)
NO_CONTAINER = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
OVERDUE = "ProgressDeadlineExceeded"
GRACE = timedelta(seconds=10)
"""How long a pod may find no node, and a condition from before the wait may stand, before it counts as failure."""

LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)

# The scheduler's words for a claim that should have its volume before the pod has its node.
UNBOUND = "unbound immediate PersistentVolumeClaims"
# What the events of such a claim say where nothing in the cluster will ever make its volume.
NEVER_BOUND = re.compile(r"FailedBinding |ProvisioningFailed storageclass\S* \S+ not found")
# What the kubelet says of a volume whose Secret or ConfigMap is not there, or has not what is wanted of it.
NOT_THERE = re.compile(
    r'MountVolume\.SetUp failed for volume "[^"]*" : (.*(?:(?:secret|configmap) "[^"]+" not found|non-existent \w+ key: ).*)'
)
# What runc and crun say of a volume whose filesystem maps no users.
UNMAPPED = re.compile(r"MOUNT_ATTR_IDMAP|support idmap")
PROBE = re.compile(r"(Startup|Liveness) probe (?:failed|errored): *(.*)")
STOPPED = re.compile(r"Container (\S+) failed (startup|liveness) probe")

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


@dataclass(frozen=True)
class Verdict:
    done: bool
    failure: Failure | None
    stage: str
    revision: str = ""
    replicas: dict[str, int] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def owner(item: Object) -> Object:
    return next((ref for ref in item["metadata"].get("ownerReferences", []) if ref.get("controller")), {})


def condition(item: Object, kind: str) -> Object:
    return next((one for one in item.get("status", {}).get("conditions", []) if one["type"] == kind), {})


def revision_of(item: Object) -> str:
    return item["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", "")


def template(item: Object) -> Object:
    found = item["spec"]["template"]
    labels = {key: value for key, value in found["metadata"].get("labels", {}).items() if key != "pod-template-hash"}
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def newest(deployment: Object, replicasets: list[Object]) -> Object | None:
    """The ReplicaSet of the Deployment's template, as the controller finds it."""
    own = [item for item in replicasets if owner(item).get("uid") == deployment["metadata"]["uid"]]
    same = [item for item in own if template(item) == template(deployment)]
    if not same and deployment.get("status", {}).get("updatedReplicas"):
        # With Recreate the revision is still the old one while old pods end: it tells only once there are new pods.
        same = [item for item in own if revision_of(item) == revision_of(deployment)]
    return min(same, key=lambda item: item["metadata"].get("creationTimestamp", "")) if same else None


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
    where = {"kind": "Pod", "name": metadata["name"], "uid": metadata.get("uid", "")}
    scheduled = condition(pod, "PodScheduled")
    # What an earlier deploy left waiting has as much time as a new pod: its cause may be mended.
    since = scheduled.get("lastTransitionTime")
    begun = max(started, moment(since)) if since else now
    patient = now - begun < patience
    if scheduled.get("status") == "False":
        return claim_failure(pod, started if patient else None, signs) or (
            None
            if patient
            else Failure(
                f"pod {metadata['name']}: no node takes it: {scheduled.get('message', scheduled.get('reason'))}",
                **where,
            )
        )
    if not patient and (why := missing(pod, started, signs)):
        return Failure(f"pod {metadata['name']} cannot start: {why}", **where)
    for name, init, one in containers(pod):
        state = one.get("state", {})
        waiting, ended = state.get("waiting", {}), state.get("terminated", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        title = f"pod {metadata['name']}: container {name}"
        here = {**where, "container": name, "init": init}
        if reason in NO_IMAGE:
            cause = f"{title}: the image {one.get('image', '')} cannot be pulled: {message or reason}"
            return Failure(cause, step="restart", **here)
        if reason in NO_CONTAINER:
            why = "a volume cannot be mapped to the pod's own users: " if UNMAPPED.search(message) else ""
            return Failure(f"{title} cannot be started: {why}{message or reason}", **here)
        last = one.get("lastState", {}).get("terminated", {})
        # Of a container that runs again, what was before the start is no news.
        news = started if "running" in state else LONG_AGO
        if not one.get("ready") and (why := stopped_by_probe(pod, name, news, signs)):
            # It may still run, until its grace period is over.
            previous = bool(last) and moment(last["finishedAt"]) >= started
            return Failure(f"{title} was stopped: {why}", step="restart", previous=previous, **here)
        again = "running" in state and not one.get("ready") and last.get("exitCode")
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
    spec = next((one for one in every if one["name"] == container), {})
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


def claim_failure(pod: Object, patient_since: datetime | None, signs: Signs) -> Failure | None:
    """The claim that keeps the pod from every node; with patience, only one of which was said since that nothing will ever
    bind it."""
    if UNBOUND not in condition(pod, "PodScheduled").get("message", ""):
        return None
    for name in claim_names(pod):
        claim = signs.claims.get(name, {})
        if claim.get("status", {}).get("phase") != "Pending":
            continue
        last = signs.of(claim)[-1:]
        if last and last[0].get("reason") == "WaitForFirstConsumer":
            # That one waits for the pod.
            continue
        if patient_since and not any(never_bound(one) and event_time(one) >= patient_since for one in last):
            continue
        why = one_line(last[0].get("message", "")) if last else "it waits for a volume"
        cause = f"pod {pod['metadata']['name']}: the claim {name} is not bound: {why}"
        return Failure(cause, "PersistentVolumeClaim", name, claim["metadata"].get("uid", ""))
    return None


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


def _standing(one: Object, started: datetime, now: datetime, margin: timedelta = timedelta(0)) -> bool:
    """Whether a condition speaks of this rollout: an earlier one leaves its own behind for a moment."""
    since = one.get("lastUpdateTime") or one.get("lastTransitionTime")
    return not since or moment(since) >= started - margin or now - started >= GRACE


def controller_failure(deployment: Object, current: Object | None, started: datetime, now: datetime) -> Failure | None:
    """Why no pod is made, or why the controller has given up."""
    name = deployment["metadata"]["name"]
    if deployment["spec"].get("paused"):
        return Failure(f"Deployment {name} is paused", "Deployment", name, deployment["metadata"]["uid"], step="resume")
    if current:
        one = condition(current, "ReplicaFailure")
        # The first pod is refused between the apply and the first look.
        if one.get("status") == "True" and _standing(one, started, now, margin=GRACE):
            metadata = current["metadata"]
            cause = f"ReplicaSet {metadata['name']}: its pods cannot be made: {one.get('message', one.get('reason'))}"
            return Failure(cause, "ReplicaSet", metadata["name"], metadata["uid"], step="retry")
    one = condition(deployment, "Progressing")
    if one.get("status") == "False" and one.get("reason") != OVERDUE and _standing(one, started, now):
        return Failure(
            f"Deployment {name}: {one.get('message', one.get('reason'))}",
            "Deployment",
            name,
            deployment["metadata"]["uid"],
        )
    return None


def assess(
    deployment: Object,
    replicasets: list[Object],
    pods: list[Object],
    now: datetime,
    started: datetime,
    patience: timedelta = GRACE,
    signs: Signs = NO_SIGNS,
    beside: bool = False,
) -> Verdict:
    """Whether the newest revision, and only it, serves; if it does not, whether it still may.

    Beside older pods it is enough that all of its own are ready.
    """
    spec, status = deployment["spec"], deployment.get("status", {})
    wanted = spec.get("replicas", 1)
    replicas = {
        "wanted": wanted,
        "updated": status.get("updatedReplicas", 0),
        "ready": status.get("readyReplicas", 0),
        "available": status.get("availableReplicas", 0),
    }
    current = newest(deployment, replicasets)
    uid = current["metadata"]["uid"] if current else None
    strangers = {
        item["metadata"]["uid"]
        for item in replicasets
        if owner(item).get("uid") not in (None, deployment["metadata"]["uid"])
    }
    # A ReplicaSet that is gone already may still have a pod that is ending, so that is told by its label alone.
    own = [pod for pod in pods if owner(pod).get("kind") == "ReplicaSet" and owner(pod)["uid"] not in strangers]
    judged = tuple(
        sorted((judge_pod(pod, owner(pod)["uid"] == uid, signs) for pod in own), key=lambda pod: (pod.rank, pod.name))
    )
    revision = revision_of(current) if current else ""

    def verdict(done: bool, stage: str, failure: Failure | None = None) -> Verdict:
        return Verdict(done, failure, stage, revision, replicas, judged)

    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return verdict(False, "waiting for the cluster to take notice of the Deployment")
    old = [pod.name for pod in judged if pod.running and not pod.current]
    fresh = [pod for pod in judged if pod.current and pod.alive]
    if wanted == 0:
        left = [pod.name for pod in judged if pod.running]
        return verdict(not left, f"waiting for {', '.join(left)} to end" if left else "no pod runs, as wanted")
    counted = replicas["updated"] == replicas["available"] == status.get("replicas", 0) == wanted
    if counted and not status.get("unavailableReplicas") and not old:
        return verdict(True, "ready")
    behind = [pod for pod in fresh if not pod.ready]
    if beside and len(fresh) - len(behind) == wanted:
        return verdict(True, "ready")
    if behind:
        stage = f"pod {behind[0].name}: {behind[0].stage}"
    elif old:
        stage = f"waiting for the old {', '.join(old)} to end"
    else:
        stage = "waiting for the pods to be available" if fresh else "waiting for a pod of the new revision"
    failures = (pod_failure(pod, now, started, patience, signs) for pod in own if owner(pod)["uid"] == uid)
    failure = next((one for one in failures if one), None) or controller_failure(deployment, current, started, now)
    progress = condition(deployment, "Progressing")
    if not failure and progress.get("reason") == OVERDUE and _standing(progress, started, now):
        limit = f"when its Deployment's progress deadline of {spec.get('progressDeadlineSeconds', 600)} s had passed"
        failure = timed_out(verdict(False, stage), deployment["metadata"]["name"], limit)
    return verdict(False, stage, failure)


def timed_out(verdict: Verdict, deployment: str, after: str) -> Failure:
    """The same report for a rollout that came to no end: over the pod that is furthest behind."""
    if pod := next((pod for pod in verdict.pods if pod.current and pod.alive and not pod.ready), None):
        return Failure(f"pod {pod.name}: still {pod.stage} {after}", "Pod", pod.name, pod.uid, pod.container, pod.init)
    if pod := next((pod for pod in verdict.pods if not pod.current and pod.running), None):
        return Failure(f"old pod {pod.name}: still {pod.stage} {after}", "Pod", pod.name, pod.uid)
    return Failure(f"Deployment {deployment}: still {verdict.stage} {after}", "Deployment", deployment)


# Asking the cluster.


class Reader(Protocol):
    now: datetime
    timeout: float

    def get(self, path: str, **query: Any) -> Object: ...

    def read(self, path: str, **query: Any) -> str: ...


def observe(api: Reader, namespace: str, name: str) -> tuple[Object, list[Object], list[Object]]:
    """The Deployment, and the ReplicaSets and pods that its selector finds."""
    base = f"namespaces/{quote(namespace, safe='')}"
    deployment = api.get(f"/apis/apps/v1/{base}/deployments/{quote(name, safe='')}")
    selector = label_selector(deployment["spec"]["selector"])
    replicasets = api.get(f"/apis/apps/v1/{base}/replicasets", labelSelector=selector)["items"]
    return deployment, replicasets, api.get(f"/api/v1/{base}/pods", labelSelector=selector)["items"]


def ask_signs(api: Reader, namespace: str, pods: Iterable[Pod]) -> Signs:
    """Events of pods, and claims of those without a node with their events. What cannot be read is left out."""
    signs, base = Signs(), f"/api/v1/namespaces/{quote(namespace, safe='')}"

    def ask_events(kind: str, item: Object) -> None:
        with suppress(ApiError):
            signs.events[item["metadata"]["uid"]] = events_of(api, base, kind, **item["metadata"])

    for pod in pods:
        if UNBOUND in condition(pod.seen, "PodScheduled").get("message", ""):
            for name in claim_names(pod.seen):
                with suppress(ApiError):
                    claim = api.get(f"{base}/persistentvolumeclaims/{quote(name, safe='')}")
                    signs.claims[name] = claim
                    ask_events("PersistentVolumeClaim", claim)
        elif pod.rank > 1:
            ask_events("Pod", pod.seen)
    return signs


def events_of(api: Reader, base: str, kind: str, name: str, uid: str = "", **_unused: Any) -> list[Object]:
    """The events about one object, the newest last."""
    about = f"involvedObject.kind={kind},involvedObject.name={name}"
    if uid:
        about += f",involvedObject.uid={uid}"
    return sorted(api.get(f"{base}/events", fieldSelector=about)["items"], key=event_time)


def event_time(event: Object) -> datetime:
    metadata, series = event["metadata"], event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        metadata.get("creationTimestamp"),
    )
    return moment(next(time for time in times if time))


def label_selector(selector: Object) -> str:
    terms = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    for one in selector.get("matchExpressions", []):
        key, values = one["key"], ",".join(one.get("values") or [])
        known = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        terms.append(known[one["operator"]])
    return ",".join(terms)


def follow(
    api: Reader,
    namespace: str,
    name: str,
    timeout: float,
    interval: float,
    patience: timedelta = GRACE,
    beside: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Verdict]:
    """A verdict for each look at the Deployment."""

    def judge(seen: tuple[Object, list[Object], list[Object]], started: datetime) -> Verdict:
        verdict = assess(*seen, api.now, started, patience, beside=beside)
        if puzzling := [pod for pod in verdict.pods if pod.puzzling][:3]:
            now = api.now
            verdict = assess(*seen, now, started, patience, ask_signs(api, namespace, puzzling), beside)
        return verdict

    return looks(api, lambda: observe(api, namespace, name), judge, timeout, interval, clock, sleep)


def looks(
    api: Reader,
    observe: Callable[[], Seen],
    judge: Callable[[Seen, datetime], Verdict],
    timeout: float,
    interval: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Verdict]:
    """A verdict for each look, until it is final or the time is over."""
    begin, started = clock(), None
    while True:
        left = begin + timeout - clock()
        api.timeout = max(1.0, min(api.timeout, left))
        seen = observe()
        started = started or api.now
        verdict = judge(seen, started)
        yield verdict
        if verdict.done or verdict.failure or left <= 0:
            return
        sleep(max(0.0, min(interval, left)))


@dataclass(frozen=True)
class Evidence:
    log: list[str] = field(default_factory=list)
    left_out: int = 0
    telling: str = ""
    events: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def evidence(api: Reader, namespace: str, failure: Failure, lines: int) -> Evidence:
    """The log and the events of what failed, as far as they are still to be had."""
    notes, text, base = [], "", f"/api/v1/namespaces/{quote(namespace, safe='')}"
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


def instance_logs(api: Reader, path: str, container: str, lines: int) -> tuple[str, str]:
    """The logs of a container's current instance and of the one before; empty where there is none, or none any more."""
    for again in (True, True, False):
        # In this order: where the container starts anew in between, the current one is found as the previous one.
        found = [log_of(api, path, container, lines, previous) for previous in (False, True)]
        if any(found) or None not in found or not again:
            break
        # The kubelet has removed an instance of which it still tells: that of its successor takes a moment.
        time.sleep(1)
    current, before = found
    return current or "", before or ""


def log_of(api: Reader, path: str, container: str, lines: int, previous: bool) -> str | None:
    """The log of one instance of a container; empty where there is no such instance, None where its log is gone."""
    try:
        text = api.read(path, container=container, tailLines=lines, previous=str(previous).lower())
    except ApiError as error:
        if error.status != 400:
            raise
        return ""
    return None if NO_LOG.fullmatch(text) else text.strip() and text


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


def report(
    failure: Failure, found: Evidence, kubectl: str, variables: list[str] | None = None, note: str = ""
) -> str:
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
        "deploy": "mend the cause and deploy again",
        "resume": f"{kubectl} rollout resume deployment {failure.name}",
        "restart": "mend the cause and deploy again; where that leaves the Deployment as it is, start the pod anew: "
        f"{kubectl} delete pod {failure.name}",
        # The controller tries again by itself, after waits that grow to a quarter of an hour.
        "retry": "mend the cause, have the ReplicaSet made anew, which tries at once, and deploy again: "
        f"{kubectl} delete --cascade=orphan replicaset {failure.name}",
    }
    return "\n".join([*lines, f"Next: {steps[failure.step]}"])
