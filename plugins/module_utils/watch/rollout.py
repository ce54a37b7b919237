# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Judge a Deployment's rollout from the objects that the API returns.

Only observe, follow and looks query the cluster; all other functions depend only on their arguments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import ask_signs
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import (
    GRACE,
    NO_SIGNS,
    Failure,
    Pod,
    Signs,
    condition,
    judge_pod,
    pod_failure,
)

Seen = TypeVar("Seen")
OVERDUE = "ProgressDeadlineExceeded"


@dataclass(frozen=True)
class Verdict:
    done: bool
    failure: Failure | None
    stage: str
    revision: str = ""
    replicas: dict[str, int] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()


def owner(item: Object) -> Object:
    return next((ref for ref in item["metadata"].get("ownerReferences", []) if ref.get("controller")), {})


def revision_of(item: Object) -> str:
    return str(item["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", ""))


def template(item: Object) -> Object:
    found = item["spec"]["template"]
    labels = {key: value for key, value in found["metadata"].get("labels", {}).items() if key != "pod-template-hash"}
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def newest(deployment: Object, replicasets: list[Object]) -> Object | None:
    """Return the ReplicaSet of the Deployment's template, as the controller finds it."""
    own = [item for item in replicasets if owner(item).get("uid") == deployment["metadata"]["uid"]]
    same = [item for item in own if template(item) == template(deployment)]
    if not same and deployment.get("status", {}).get("updatedReplicas"):
        # With Recreate the revision is still the old one while old pods end: use it only once there are new pods.
        same = [item for item in own if revision_of(item) == revision_of(deployment)]
    return min(same, key=lambda item: item["metadata"].get("creationTimestamp", "")) if same else None


def _standing(one: Object, started: datetime, now: datetime, margin: timedelta = timedelta(0)) -> bool:
    """Check whether a condition is about this rollout: that of an earlier one stays for a moment."""
    since = one.get("lastUpdateTime") or one.get("lastTransitionTime")
    return not since or moment(since) >= started - margin or now - started >= GRACE


def controller_failure(deployment: Object, current: Object | None, started: datetime, now: datetime) -> Failure | None:
    """Return why no pod is created, or why the controller has stopped trying."""
    name = deployment["metadata"]["name"]
    here = ("Deployment", name, deployment["metadata"]["uid"])
    if deployment["spec"].get("paused"):
        return Failure(f"Deployment {name} is paused", *here, step="resume")
    if current:
        one = condition(current, "ReplicaFailure")
        # The first pod is rejected between the apply and the first check.
        if one.get("status") == "True" and _standing(one, started, now, margin=GRACE):
            metadata = current["metadata"]
            cause = f"ReplicaSet {metadata['name']}: its pods cannot be created: {one.get('message', one.get('reason'))}"
            return Failure(cause, "ReplicaSet", metadata["name"], metadata["uid"], step="retry")
    one = condition(deployment, "Progressing")
    if one.get("status") == "False" and one.get("reason") != OVERDUE and _standing(one, started, now):
        return Failure(f"Deployment {name}: {one.get('message', one.get('reason'))}", *here)
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
    """Judge whether only the newest revision serves; if not, whether it still can.

    With C(beside), older pods may run too, as long as all new ones are ready.
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
        item["metadata"]["uid"] for item in replicasets if owner(item).get("uid") not in (None, deployment["metadata"]["uid"])
    }
    # A ReplicaSet that is already gone may still have a pod that is ending: its labels alone make it one of ours.
    own = [pod for pod in pods if owner(pod).get("kind") == "ReplicaSet" and owner(pod)["uid"] not in strangers]
    judged = tuple(sorted((judge_pod(pod, owner(pod)["uid"] == uid, signs) for pod in own), key=lambda pod: (pod.rank, pod.name)))
    revision = revision_of(current) if current else ""

    def verdict(done: bool, stage: str, failure: Failure | None = None) -> Verdict:
        return Verdict(done, failure, stage, revision, replicas, judged)

    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return verdict(False, "waiting for the cluster to notice the Deployment")
    old = [pod.name for pod in judged if pod.running and not pod.current]
    fresh = [pod for pod in judged if pod.current and pod.alive]
    if wanted == 0:
        left = [pod.name for pod in judged if pod.running]
        return verdict(not left, f"waiting for {', '.join(left)} to end" if left else "no pod runs, as requested")
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
        limit = f"after its Deployment's progress deadline of {spec.get('progressDeadlineSeconds', 600)} s"
        failure = timed_out(verdict(False, stage), deployment["metadata"]["name"], limit)
    return verdict(False, stage, failure)


def timed_out(verdict: Verdict, deployment: str, after: str) -> Failure:
    """Return the failure of a rollout that did not end in time, about the pod that is furthest behind."""
    if pod := next((pod for pod in verdict.pods if pod.current and pod.alive and not pod.ready), None):
        return Failure(f"pod {pod.name}: still {pod.stage} {after}", "Pod", pod.name, pod.uid, pod.container, pod.init)
    if pod := next((pod for pod in verdict.pods if not pod.current and pod.running), None):
        return Failure(f"old pod {pod.name}: still {pod.stage} {after}", "Pod", pod.name, pod.uid)
    return Failure(f"Deployment {deployment}: still {verdict.stage} {after}", "Deployment", deployment)


def observe(api: Api, namespace: str, name: str) -> tuple[Object, list[Object], list[Object]]:
    """Return the Deployment, and the ReplicaSets and pods that its selector finds."""
    apps = path_of("namespaces", namespace, base="/apis/apps/v1")
    deployment = api.get(path_of("deployments", name, base=apps))
    selector = label_selector(deployment["spec"]["selector"])
    replicasets = api.get(f"{apps}/replicasets", labelSelector=selector)["items"]
    return deployment, replicasets, api.get(path_of("namespaces", namespace, "pods"), labelSelector=selector)["items"]


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
    api: Api,
    namespace: str,
    name: str,
    timeout: float,
    interval: float,
    patience: timedelta = GRACE,
    beside: bool = False,
) -> Iterator[Verdict]:
    """Yield a verdict for each check of the Deployment."""

    def judge(seen: tuple[Object, list[Object], list[Object]], started: datetime) -> Verdict:
        verdict = assess(*seen, api.now, started, patience, beside=beside)
        if puzzling := [pod for pod in verdict.pods if pod.puzzling][:3]:
            now = api.now
            verdict = assess(*seen, now, started, patience, ask_signs(api, namespace, puzzling), beside)
        return verdict

    return looks(api, lambda: observe(api, namespace, name), judge, timeout, interval)


def looks(
    api: Api,
    observe: Callable[[], Seen],
    judge: Callable[[Seen, datetime], Verdict],
    timeout: float,
    interval: float,
) -> Iterator[Verdict]:
    """Yield a verdict for each check, until it is final or the time is over."""
    begin, started = time.monotonic(), None
    while True:
        left = begin + timeout - time.monotonic()
        api.timeout = max(1.0, min(api.timeout, left))
        seen = observe()
        started = started or api.now
        verdict = judge(seen, started)
        yield verdict
        if verdict.done or verdict.failure or left <= 0:
            return
        time.sleep(max(0.0, min(interval, left)))
