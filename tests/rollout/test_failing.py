# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot come to an end: the wait ends within 5 s of the failing and says why in its first line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import kubernetes
import pytest
from waiting import until

from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import LONG_AGO, SECOND_LOOK
from ansible_collections.varasys.zddc.plugins.modules import build

# Each has a deadline.
pytestmark = pytest.mark.alone
SOON = timedelta(seconds=5)
PROBE = {"httpGet": {"path": "/nothing", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}


def plain(text: str) -> str:
    """Give a text without the names that the cluster makes up."""
    return re.sub(r"\bweb[0-9]+-[a-z0-9]{6,10}-[a-z0-9]{5}\b", "POD", re.sub(r"\d+\.\d+\.\d+\.\d+", "ADDRESS", text))


def soon(waited: Any, since: datetime) -> None:
    """See that the wait ended not long after."""
    assert timedelta(0) <= waited.ended - since < SOON


def event(shop: Any, reason: str, name: str, since: datetime = LONG_AGO) -> datetime:
    """Give when the cluster first told of something about a claim, or about a pod of a Deployment.

    What it told before that is old news: of that, when it last told it again.
    """
    events = shop.core.list_namespaced_event(shop.namespace, field_selector=f"reason={reason}").items
    found = [one for one in events if f"{one.involved_object.name}-".startswith(f"{name}-")]
    first = min(one.event_time or one.first_timestamp for one in found)
    return first if first >= since else max(one.last_timestamp for one in found)


@pytest.fixture(name="quota")
def quota_fixture(shop: Any) -> Iterator[str]:
    """Give the name of a quota that lets no pod in."""
    shop.core.create_namespaced_resource_quota(shop.namespace, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}})
    until(lambda: shop.core.read_namespaced_resource_quota("few", shop.namespace).status.used)
    yield "few"
    shop.core.delete_namespaced_resource_quota("few", shop.namespace)


def test_no_node(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    shop.deploy(name, pod={"nodeSelector": {"nowhere": "1"}})
    waited = wait(unschedulable_timeout=3)
    # The pod's condition knows the time in full seconds.
    soon(waited, event(shop, "FailedScheduling", name).replace(microsecond=0) + timedelta(seconds=3))
    assert plain(waited.first_line).startswith(
        "pod POD cannot be scheduled: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    )


def test_no_image(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    shop.deploy(name, container={"image": "localhost/nowhere:1"})
    waited = wait()
    soon(waited, event(shop, "Failed", name))
    begins = "pod POD: container web: the image localhost/nowhere:1 cannot be pulled: failed to pull and unpack image"
    assert plain(waited.first_line).startswith(begins)


@pytest.mark.parametrize(
    ("storage_class", "reason", "why"),
    [
        ("", "FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
        ("fast", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),
    ],
)
def test_a_claim_that_nothing_will_bind(
    shop: Any, name: str, wait: Callable[..., Any], claim: Any, storage_class: str, reason: str, why: str
) -> None:
    shop.deploy(name, pod=claim(storage_class))
    made = shop.core.read_namespaced_persistent_volume_claim("docs", shop.namespace).metadata.creation_timestamp
    # Longer than the test may take: it does not wait for a node here.
    waited = wait(unschedulable_timeout=60)
    # What is said of a claim that has just been made is not the last word; the cluster looks again every 15 s.
    soon(waited, event(shop, reason, "docs", max(made + SECOND_LOOK, waited.begun)))
    assert plain(waited.first_line) == f"pod POD: the claim docs is not bound: {why}"
    assert waited.result["msg"].endswith(f"--namespace {shop.namespace} describe persistentvolumeclaim docs")
    assert any(why in line for line in waited.result["events"])


def test_a_claim_that_waits_for_its_pod(shop: Any, name: str, wait: Callable[..., Any], claim: Any) -> None:
    storage = kubernetes.client.StorageV1Api(shop.core.api_client)
    late = {"metadata": {"name": "rollout-test"}, "provisioner": "nobody", "volumeBindingMode": "WaitForFirstConsumer"}
    storage.create_storage_class(late)
    try:
        shop.deploy(name, pod=claim("rollout-test"))
        waited = wait(timeout=4, unschedulable_timeout=60)
        assert plain(waited.first_line).startswith("pod POD: still waiting for a node")
    finally:
        storage.delete_storage_class("rollout-test")


def test_a_quota(shop: Any, name: str, wait: Callable[..., Any], quota: str) -> None:
    shop.deploy(name)
    waited = wait()
    soon(waited, event(shop, "FailedCreate", name))
    assert f'its pods cannot be created: pods "POD" is forbidden: exceeded quota: {quota},' in plain(waited.first_line)


def test_a_crash_of_an_init_container(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    build = {"name": "build", "image": shop.image, "command": ["sh", "-c", "echo it does not compile; exit 1"]}
    shop.deploy(name, pod={"initContainers": [build]})
    waited = wait()
    (pod,) = shop.pods(name)
    (one,) = pod.status.init_container_statuses
    soon(waited, (one.state.terminated or one.last_state.terminated).finished_at)
    assert plain(waited.first_line) == "pod POD: container build failed: it does not compile"


def test_a_build(shop: Any, name: str, run: Callable[..., Any]) -> None:
    compiler = {"name": "build", "image": shop.image, "command": ["sh", "-c", "echo it does not compile; exit 1"]}
    job = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": shop.namespace},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [compiler]}}},
    }  # fmt: skip
    waited = run(build, definition=job, labels={"app": name})
    (pod,) = shop.core.list_namespaced_pod(shop.namespace, label_selector=f"batch.kubernetes.io/job-name={name}").items
    soon(waited, pod.status.container_statuses[0].state.terminated.finished_at)
    assert waited.first_line == f"pod {pod.metadata.name}: container build failed: it does not compile"


def test_a_crash(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    shop.deploy(name, command="echo Cookie: secret; echo no documents here; sleep 1; exit 3")
    waited = wait()
    (pod,) = shop.pods(name)
    (one,) = pod.status.container_statuses
    soon(waited, (one.state.terminated or one.last_state.terminated).finished_at)
    assert plain(waited.first_line) == "pod POD: container web failed: no documents here"
    assert "secret" not in str(waited.result)


@pytest.mark.parametrize(
    ("probe", "command", "why"),
    [
        (
            {"startupProbe": PROBE},
            "httpd -f -p 8080",
            "Startup probe failed: HTTP probe failed with statuscode: 404",
        ),
        (
            {"livenessProbe": PROBE},
            "httpd -p 8080; trap 'exit 0' TERM; sleep infinity & wait",
            "Liveness probe failed: HTTP probe failed with statuscode: 404",
        ),
        (
            {"startupProbe": {**PROBE, "httpGet": None, "exec": {"command": ["sh", "-c", "echo too old; exit 1"]}}},
            "sleep infinity",
            "Startup probe failed: too old",
        ),
    ],
    ids=["startup", "liveness", "exec"],
)
def test_a_probe(shop: Any, name: str, wait: Callable[..., Any], probe: dict[str, Any], command: str, why: str) -> None:
    never = {"readinessProbe": {"tcpSocket": {"port": 1}}}
    shop.deploy(name, command=command, container={**never, **probe})
    waited = wait()
    # The container may take long to end: what counts is that the kubelet has begun to stop it.
    soon(waited, event(shop, "Killing", name))
    assert plain(waited.first_line) == f"pod POD: container web was stopped: {why}"


def test_a_probe_that_fails_and_then_passes(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    probe = {"startupProbe": {"exec": {"command": ["test", "-e", "/tmp/on"]}, "periodSeconds": 1}}
    shop.deploy(
        name,
        command="sleep 2; touch /tmp/on; mkdir /www; touch /www/index.html; httpd -f -p 8080 -h /www",
        container=probe,
    )
    waited = wait(timeout=30)
    assert event(shop, "Unhealthy", name) and waited.result.get("msg") is None


def test_a_secret_that_is_missing(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    volumes = [{"name": "key", "secret": {"secretName": "key"}}]
    mounts = [{"name": "key", "mountPath": "/key"}]
    shop.deploy(name, pod={"volumes": volumes}, container={"volumeMounts": mounts})
    waited = wait(unschedulable_timeout=3)
    assert plain(waited.first_line) == 'pod POD cannot start: secret "key" not found'
    (pod,) = shop.pods(name)
    (scheduled,) = [one.last_transition_time for one in pod.status.conditions if one.type == "PodScheduled"]
    soon(waited, scheduled + timedelta(seconds=3))


def test_a_volume_that_cannot_be_mounted(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    volumes = [{"name": "key", "hostPath": {"path": "/nowhere", "type": "Directory"}}]
    mounts = [{"name": "key", "mountPath": "/key"}]
    shop.deploy(name, pod={"volumes": volumes}, container={"volumeMounts": mounts})
    why = 'MountVolume.SetUp failed for volume "key" : hostPath type check failed: /nowhere is not a directory'
    waited = wait(timeout=13)
    assert re.fullmatch(rf" *1\d s  starting web: {re.escape(why)}", waited.lines[-1])
    seconds = f"{waited.result['seconds']:.0f}"
    assert plain(waited.first_line) == f"pod POD: still starting web ({why}) after {seconds} s"


def test_a_paused_deployment(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    begin = time.monotonic()
    shop.deploy(name, spec={"paused": True})
    assert wait().first_line == f"Deployment {name} is paused"
    assert time.monotonic() - begin < SOON.total_seconds()
