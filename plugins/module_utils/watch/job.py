# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Run a Job of one pod, and judge it like a rollout in which all containers end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import ask_signs, events_of
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import (
    GRACE,
    NO_SIGNS,
    Failure,
    Signs,
    condition,
    judge_pod,
    one_line,
    pod_failure,
)
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict, looks

BATCH = "/apis/batch/v1"


def true(job: Object, *kinds: str) -> Object:
    """Return the first of these conditions that is true."""
    return next((one for kind in kinds if (one := condition(job, kind)).get("status") == "True"), {})


def over(job: Object) -> bool:
    """Check whether the Job has ended or is being removed."""
    return bool(true(job, "Complete", "Failed", "FailureTarget") or job["metadata"].get("deletionTimestamp"))


def pods_of(api: Api, job: Object) -> list[Object]:
    """Return the pods of a Job. Its uid fits into a label, however long its name is."""
    selector = f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}"
    found: list[Object] = api.get(path_of("namespaces", job["metadata"]["namespace"], "pods"), labelSelector=selector)["items"]
    return found


def runs(api: Api, job: Object) -> bool:
    """Check whether the Job can still do its work. Its pod fails before its conditions say so."""
    return not over(job) and not assess(job, pods_of(api, job), api.now, api.now).failure


def start(api: Api, wanted: Object, selector: str) -> Object:
    """Return the running Job: a new one, or that of an earlier run. Remove others that the selector finds and that still run."""
    metadata = wanted["metadata"]
    jobs = path_of("namespaces", metadata["namespace"], "jobs", base=BATCH)
    path = path_of(metadata["name"], base=jobs)
    for other in api.get(jobs, labelSelector=selector)["items"]:
        name = other["metadata"]["name"]
        if name != metadata["name"] and not over(other):
            remove(api, path_of(name, base=jobs), other)
    live, limit = api.find(path), time.monotonic() + 60
    if live and runs(api, live):
        return live
    while live:
        if not live["metadata"].get("deletionTimestamp"):
            remove(api, path, live)
        elif time.monotonic() > limit:
            raise ApiError(f"does not remove the Job {metadata['name']} of an earlier run", "Check what blocks its removal.")
        else:
            time.sleep(0.5)
        live = api.find(path)
    try:
        return api.send("post", jobs, wanted)
    except ApiError as error:
        if error.status != 409:
            raise
        # It was created, and the answer was lost.
        return api.get(path)


def remove(api: Api, path: str, job: Object) -> None:
    options = {"propagationPolicy": "Background", "preconditions": {"uid": job["metadata"]["uid"]}}
    try:
        api.send("delete", path, {"apiVersion": "v1", "kind": "DeleteOptions", **options})
    except ApiError as error:
        if error.status != 404:
            raise


def ending(pod: Object) -> Object:
    """Return the pod with all containers as init containers, so that they alone decide whether it has ended."""
    spec, status = pod["spec"], pod.get("status", {})
    lost = condition(pod, "DisruptionTarget").get("status") == "True"
    return {
        **pod,
        "spec": {**spec, "initContainers": [*spec.get("initContainers", []), *spec["containers"]], "containers": []},
        "status": {
            **status,
            "phase": status.get("phase") if lost else "Running",
            "conditions": [one for one in status.get("conditions", []) if one["type"] != "Ready"],
            "initContainerStatuses": [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])],
            "containerStatuses": [],
        },
    }


def assess(
    job: Object,
    pods: list[Object],
    now: datetime,
    started: datetime,
    patience: timedelta = GRACE,
    signs: Signs = NO_SIGNS,
) -> Verdict:
    """Judge whether the Job has done its work; if not, whether it still can."""
    own = [pod for pod in pods if any(ref["uid"] == job["metadata"]["uid"] for ref in pod["metadata"].get("ownerReferences", []))]
    judged = tuple(judge_pod(ending(pod), True, signs) for pod in own)
    if true(job, "Complete", "SuccessCriteriaMet") or any(pod["status"].get("phase") == "Succeeded" for pod in own):
        return Verdict(True, None, "done", pods=judged)
    failures = (pod_failure(ending(pod), now, started, patience, signs) for pod in own)
    failure = next((replace(one, step="deploy") for one in failures if one), None)
    if not failure and (end := true(job, "Failed", "FailureTarget")):
        failure = failed(job, str(end.get("message") or end.get("reason")))
    refused = [event for event in signs.of(job) if event.get("reason") == "FailedCreate"]
    if not failure and not own and refused:
        failure = failed(job, f"its pod cannot be created: {one_line(refused[-1].get('message', ''))}")
    stage = next((f"pod {pod.name}: {pod.stage}" for pod in judged if pod.alive), "waiting for its pod")
    return Verdict(False, failure, stage, pods=judged)


def failed(job: Object, why: str) -> Failure:
    metadata = job["metadata"]
    return Failure(f"Job {metadata['name']}: {why}", "Job", metadata["name"], metadata["uid"], step="deploy")


def timed_out(verdict: Verdict, job: Object, after: str) -> Failure:
    if pod := next((pod for pod in verdict.pods if pod.alive), None):
        cause = f"pod {pod.name}: still {pod.stage} {after}"
        return Failure(cause, "Pod", pod.name, pod.uid, pod.container, True, step="deploy")
    return failed(job, f"still {verdict.stage} {after}")


def follow(api: Api, job: Object, timeout: float, interval: float, patience: timedelta = GRACE) -> Iterator[Verdict]:
    """Yield a verdict for each check of the Job."""
    metadata = job["metadata"]
    namespace = path_of("namespaces", metadata["namespace"])

    def observe() -> tuple[Object, list[Object]]:
        seen = api.get(path_of("namespaces", metadata["namespace"], "jobs", metadata["name"], base=BATCH))
        return seen, pods_of(api, job)

    def judge(seen: tuple[Object, list[Object]], started: datetime) -> Verdict:
        now = api.now
        verdict = assess(*seen, now, started, patience)
        if verdict.done:
            return verdict
        signs = ask_signs(api, metadata["namespace"], [pod for pod in verdict.pods if pod.puzzling])
        if not verdict.pods:
            with suppress(ApiError):
                signs.events[metadata["uid"]] = events_of(api, namespace, "Job", **metadata)
        return assess(*seen, now, started, patience, signs)

    return looks(api, observe, judge, timeout, interval)
