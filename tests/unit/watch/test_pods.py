# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Pods, of objects recorded on a real cluster, each with what is tested changed in it."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
from unit.snapshots import Snapshot, judge, recorded

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure, Signs
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict, assess, timed_out

IMAGE = "container zddc-server: the image localhost/spike-busybox:1 cannot be pulled: why"
START = "container zddc-server cannot be started: why"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("ErrImagePull", IMAGE),
        ("ImagePullBackOff", IMAGE),
        ("InvalidImageName", IMAGE),
        ("ErrImageNeverPull", IMAGE),
        ("CreateContainerConfigError", START),
        ("CreateContainerError", START),
        ("RunContainerError", START),
    ],
)
def test_reasons_to_wait_in_vain(crashed: Snapshot, reason: str, cause: str) -> None:
    status = crashed["pods"][0]["status"]["containerStatuses"][0]
    status |= {"state": {"waiting": {"reason": reason, "message": "why"}}, "restartCount": 1}
    failure = judge(crashed).failure
    assert failure and failure.cause.endswith(cause) and failure.exit_code is None


def test_a_node_that_fails_to_start_a_container_tries_again(crashed: Snapshot) -> None:
    """As the kubelet told it of a container whose runtime failed, each after the other."""
    status = crashed["pods"][0]["status"]["containerStatuses"][0]
    given_up = {"terminated": {**status["lastState"]["terminated"], "exitCode": 128, "reason": "StartError"}}
    given_up["terminated"]["message"] = "error setting cgroup config"
    refused = {"waiting": {"reason": "RunContainerError", "message": "unable to freeze"}}
    started = moment(given_up["terminated"]["finishedAt"])
    for state, last in ((refused, {}), (refused, given_up), (given_up, {})):
        status |= {"state": state, "lastState": last, "restartCount": 0}
        assert judge(crashed, started=started).failure is None
    crashed["pods"][0]["spec"]["restartPolicy"] = "Never"
    failure = judge(crashed, started=started).failure
    assert failure and failure.cause.endswith("container zddc-server cannot be started: error setting cgroup config")
    crashed["pods"][0]["spec"]["restartPolicy"] = "Always"
    status |= {"state": {"running": {}}, "lastState": given_up, "restartCount": 1}
    assert judge(crashed, started=started).failure is None
    status["state"] = refused
    failure = judge(crashed, started=started).failure
    assert failure and failure.cause.endswith("container zddc-server cannot be started: unable to freeze")


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_reasons_to_wait_on(crashed: Snapshot, reason: str) -> None:
    crashed["pods"][0]["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": reason}}
    assert judge(crashed).failure is None and judge(crashed).stage.endswith(": starting zddc-server")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "ran out of memory, since its node had none left"),
        ({"exitCode": 0, "reason": "Completed"}, "ended on its own"),
    ],
)
def test_how_a_container_ended(crashed: Snapshot, ended: dict[str, Any], words: str) -> None:
    status = crashed["pods"][0]["status"]["containerStatuses"][0]
    status |= {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    failure = judge(crashed).failure
    assert failure and failure.cause.endswith(f"container zddc-server {words}") and failure.exit_code == ended["exitCode"]


def test_another_try_is_waited_for_where_the_failure_is_of_before(crashed: Snapshot) -> None:
    status = crashed["pods"][0]["status"]["containerStatuses"][0]
    status["state"] = {"running": {}}
    failed = moment(status["lastState"]["terminated"]["finishedAt"])
    assert judge(crashed, started=failed + timedelta(seconds=1)).failure is None
    failure = judge(crashed, started=failed).failure
    assert failure and failure.cause.endswith("container zddc-server failed") and failure.exit_code == 3
    assert failure.previous
    status["ready"] = True
    assert judge(crashed, started=failed).failure is None


def test_a_crashed_pod_that_is_replaced_does_not_matter(crashed: Snapshot) -> None:
    assert judge(crashed).failure
    crashed["pods"][0]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert judge(crashed).failure is None


def test_a_crashed_old_pod_does_not_matter(crashed: Snapshot) -> None:
    crashed["pods"][0]["metadata"]["ownerReferences"][0]["uid"] = "an-old-replicaset"
    assert judge(crashed).failure is None


def test_a_sidecar_that_runs_is_not_waited_for(ready: Snapshot) -> None:
    pod = next(pod for pod in ready["pods"] if "deletionTimestamp" not in pod["metadata"])
    pod["spec"]["initContainers"] = [{"name": "side", "restartPolicy": "Always"}]
    pod["status"]["initContainerStatuses"] = [{"name": "side", "ready": True, "restartCount": 0, "state": {"running": {}}}]
    pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}]
    pod["status"]["containerStatuses"][0]["ready"] = False
    ready["deployment"]["status"]["availableReplicas"] = 0
    assert judge(ready).stage.endswith(": waiting for zddc-server to become ready")


# What events add


def event(reason: str, message: str, time: str = "2026-11-22T18:44:00Z", kind: str = "Warning", container: str = "") -> Any:
    about = {"fieldPath": f"spec.containers{{{container or 'zddc-server'}}}"}
    return {
        "metadata": {},
        "type": kind,
        "reason": reason,
        "message": message,
        "lastTimestamp": time,
        "involvedObject": about,
    }


UNHEALTHY = event("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 500")
KILLING = event("Killing", "Container zddc-server failed startup probe, will be restarted", kind="Normal")
RAN = {"startedAt": "2026-11-22T18:43:30Z", "finishedAt": "2026-11-22T18:44:01Z"}
STARTED = moment("2026-11-22T18:43:20Z")


@pytest.fixture
def starting(crashed: Snapshot) -> Snapshot:
    """A container that runs for the first time and is not ready."""
    one = crashed["pods"][0]["status"]["containerStatuses"][0]
    one |= {"state": {"running": {"startedAt": RAN["startedAt"]}}, "lastState": {}, "restartCount": 0, "ready": False}
    return crashed


def with_events(snapshot: Snapshot, *events: Any, started: datetime = STARTED) -> Verdict:
    signs = Signs({snapshot["pods"][0]["metadata"]["uid"]: list(events)})
    objects = (snapshot["deployment"], snapshot["replicasets"], snapshot["pods"])
    return assess(*objects, STARTED + timedelta(seconds=60), started, signs=signs)


def test_a_probe_that_fails_is_no_failure_before_the_container_is_stopped(starting: Snapshot) -> None:
    verdict = with_events(starting, UNHEALTHY)
    assert verdict.failure is None
    assert verdict.stage.endswith(
        "waiting for zddc-server to become ready (Startup probe failed: HTTP probe failed with statuscode: 500)"
    )


def test_a_container_that_is_stopped_while_it_still_runs(starting: Snapshot) -> None:
    failure = with_events(starting, UNHEALTHY, KILLING).failure
    assert failure and failure.cause.endswith(
        "container zddc-server was stopped: Startup probe failed: HTTP probe failed with statuscode: 500"
    )
    assert (failure.exit_code, failure.previous, failure.step) == (None, False, "restart")
    failure = with_events(starting, KILLING).failure
    assert failure and failure.cause.endswith("container zddc-server was stopped: Startup probe failed")


def test_a_stop_of_before_or_of_another_container_does_not_matter(starting: Snapshot) -> None:
    later = moment(KILLING["lastTimestamp"]) + timedelta(seconds=1)
    assert with_events(starting, UNHEALTHY, KILLING, started=later).failure is None
    other = event("Killing", "Container other failed startup probe, will be restarted", container="other")
    assert with_events(starting, UNHEALTHY, other).failure is None


def test_a_container_that_was_stopped_and_runs_again(starting: Snapshot) -> None:
    one = starting["pods"][0]["status"]["containerStatuses"][0]
    one |= {"lastState": {"terminated": {**RAN, "exitCode": 143}}, "restartCount": 1}
    failure = with_events(starting, UNHEALTHY, KILLING).failure
    assert failure and failure.cause.endswith("statuscode: 500") and failure.previous
    failure = with_events(starting, UNHEALTHY).failure
    assert failure and failure.cause.endswith("container zddc-server failed")


def test_a_stage_that_lasts_says_why(starting: Snapshot) -> None:
    starting["pods"][0]["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ContainerCreating"}}
    mount = event("FailedMount", 'MountVolume.SetUp failed for volume "a" :\n mount "b" failed')
    verdict = with_events(starting, event("FailedScheduling", "no"), mount, UNHEALTHY)
    assert verdict.failure is None
    why = 'starting zddc-server (MountVolume.SetUp failed for volume "a" : mount "b" failed)'
    assert verdict.stage.endswith(f": {why}")
    assert timed_out(verdict, "web", "after 7 s").cause.endswith(f": still {why} after 7 s")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ('secret "b" not found', 'secret "b" not found'),
        ('[secret "b" not found, configmap "c" not found]', '[secret "b" not found, configmap "c" not found]'),
        ("references non-existent secret key: d", "references non-existent secret key: d"),
        ("references non-existent config key: d", "references non-existent config key: d"),
        ("mount failed: exit status 32", ""),
    ],
)
def test_a_secret_that_is_not_there(starting: Snapshot, message: str, why: str) -> None:
    pod, mount = starting["pods"][0], event("FailedMount", f'MountVolume.SetUp failed for volume "a" : {message}')
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ContainerCreating"}}
    pod["status"]["initContainerStatuses"] = []
    failure = with_events(starting, mount).failure
    cause = failure.cause if failure else ""
    assert cause == (f"pod {pod['metadata']['name']} cannot start: {why}" if why else "")
    # A pod that has just got its node is given time, and of one that has started it is no news.
    (scheduled,) = [one for one in pod["status"]["conditions"] if one["type"] == "PodScheduled"]
    before, scheduled["lastTransitionTime"] = scheduled["lastTransitionTime"], "2026-11-22T18:44:15Z"
    assert with_events(starting, mount).failure is None
    scheduled["lastTransitionTime"] = before
    # What the kubelet said before the start may be fixed.
    later = moment(mount["lastTimestamp"]) + timedelta(seconds=1)
    assert with_events(starting, mount, started=later).failure is None
    pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": RAN["startedAt"]}}
    assert with_events(starting, mount).failure is None


CLASSLESS = "no persistent volumes available for this claim and no storage class is set"


@pytest.mark.parametrize(
    ("events", "patient", "cause"),
    [
        ([event("FailedBinding", CLASSLESS)], True, f"the claim docs is not bound: {CLASSLESS}"),
        (
            [event("ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')],
            True,
            'the claim docs is not bound: storageclass.storage.k8s.io "fast" not found',
        ),
        ([event("ProvisioningFailed", "out of quota")], True, ""),
        ([event("ProvisioningFailed", "out of quota")], False, "the claim docs is not bound: out of quota"),
        ([event("FailedBinding", CLASSLESS), event("ExternalProvisioning", "Waiting")], True, ""),
        ([event("WaitForFirstConsumer", "waiting for first consumer")], False, "cannot be scheduled: "),
        ([], False, "the claim docs is not bound: it waits for a volume"),
    ],
)
def test_a_claim_that_is_not_bound(events: list[Any], patient: bool, cause: str) -> None:
    failure = unbound(events, STARTED, STARTED + timedelta(seconds=1 if patient else 10))
    assert cause in (failure.cause if failure else "")
    assert bool(failure) == bool(cause)


def test_a_claim_that_was_not_bound_before() -> None:
    """What an earlier deploy left is looked at for as long as what is new, unless the cluster says it again."""
    told = event("FailedBinding", CLASSLESS)
    started = moment(told["lastTimestamp"]) + timedelta(seconds=1)
    assert unbound([told], started, started + timedelta(seconds=9)) is None
    assert unbound([told], started, started + timedelta(seconds=10))
    again = event("FailedBinding", CLASSLESS, started.isoformat())
    assert unbound([again], started, started + timedelta(seconds=1))
    # A pod that no node takes, for another cause.
    assert unbound([], started, started + timedelta(seconds=9), "0/1 nodes are available: 1 Insufficient cpu.") is None
    assert unbound([], started, started + timedelta(seconds=10), "0/1 nodes are available: 1 Insufficient cpu.")


def test_a_claim_that_has_just_been_made() -> None:
    """The cluster may not know yet of a volume made just before: what it says first is not taken for its last word."""
    created = STARTED + timedelta(seconds=1)

    def after(said: int, seconds: int) -> Failure | None:
        told = event("FailedBinding", CLASSLESS, (created + timedelta(seconds=said)).isoformat())
        return unbound([told], STARTED, created + timedelta(seconds=seconds), created=created)

    assert after(0, 19) is None
    assert after(4, 19) is None
    assert after(0, 20)
    assert after(5, 5)
    # Nothing is said where the volume is known and could not be bound at once.
    assert unbound([], STARTED, created + timedelta(seconds=19), created=created) is None
    assert unbound([], STARTED, created + timedelta(seconds=20), created=created)


def test_a_claim_that_has_just_been_bound() -> None:
    """The pod's condition is from before: the scheduler looks again."""
    late = STARTED + timedelta(minutes=5)
    assert unbound([], STARTED, late, phase="Bound") is None
    assert unbound([], STARTED, late, "0/1 nodes are available: 1 Insufficient cpu.", phase="Bound")
    assert unbound([], STARTED, late, phase="Lost")


def unbound(
    events: list[Any],
    started: datetime,
    now: datetime,
    message: str = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    created: datetime = STARTED - timedelta(hours=1),
    phase: str = "Pending",
) -> Failure | None:
    """Judge a pod that has waited for a claim since the recorded time, which is before the start."""
    snapshot = copy.deepcopy(recorded("no_node")[0])
    pod = snapshot["pods"][0]
    pod["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": name}} for name in ("bound", "docs")]
    scheduled = next(one for one in pod["status"]["conditions"] if one["type"] == "PodScheduled")
    scheduled["message"] = message
    assert moment(scheduled["lastTransitionTime"]) <= started
    claims = {
        name: {
            "metadata": {"name": name, "uid": name, "creationTimestamp": created.isoformat()},
            "status": {"phase": phase},
        }
        for name, phase in (("bound", "Bound"), ("docs", phase))
    }
    objects = (snapshot["deployment"], snapshot["replicasets"], snapshot["pods"])
    return assess(*objects, now, started, signs=Signs({"docs": events}, claims)).failure
