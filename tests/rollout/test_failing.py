# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot come to an end: the wait ends within 5 s of the failing and says why in its first line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from waiting import until

from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import SECOND_LOOK
from ansible_collections.varasys.zddc.plugins.modules import build

# Each has a deadline.
pytestmark = pytest.mark.alone
SOON = timedelta(seconds=5)
PROBE = {"httpGet": {"path": "/nothing", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}


def soon(waited: Any, since: datetime) -> None:
    """See that the wait ended not long after."""
    assert timedelta(0) <= waited.ended - since < SOON


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
    soon(waited, shop.told("FailedScheduling", name).replace(microsecond=0) + timedelta(seconds=3))
    assert waited.plain.startswith(
        "pod POD cannot be scheduled: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    )


def test_no_image(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    shop.deploy(name, container={"image": "localhost/nowhere:1"})
    waited = wait()
    soon(waited, shop.told("Failed", name))
    begins = "pod POD: container web: the image localhost/nowhere:1 cannot be pulled: failed to pull and unpack image"
    assert waited.plain.startswith(begins)


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
    soon(waited, shop.told(reason, "docs", max(made + SECOND_LOOK, waited.begun)))
    assert waited.plain == f"pod POD: the claim docs is not bound: {why}"
    assert waited.result["msg"].endswith(f"--namespace {shop.namespace} describe persistentvolumeclaim docs")
    assert any(why in line for line in waited.result["events"])


def test_a_quota(shop: Any, name: str, wait: Callable[..., Any], quota: str) -> None:
    shop.deploy(name)
    waited = wait()
    soon(waited, shop.told("FailedCreate", name))
    assert f'its pods cannot be created: pods "POD" is forbidden: exceeded quota: {quota},' in waited.plain


def test_a_crash_of_an_init_container(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    build = {"name": "build", "image": shop.image, "command": ["sh", "-c", "echo it does not compile; exit 1"]}
    shop.deploy(name, pod={"initContainers": [build]})
    waited = wait()
    (pod,) = shop.pods(name)
    (one,) = pod.status.init_container_statuses
    soon(waited, (one.state.terminated or one.last_state.terminated).finished_at)
    assert waited.plain == "pod POD: container build failed: it does not compile"


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
    assert waited.plain == "pod POD: container web failed: no documents here"
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
    soon(waited, shop.told("Killing", name))
    assert waited.plain == f"pod POD: container web was stopped: {why}"


def test_a_secret_that_is_missing(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    volumes = [{"name": "key", "secret": {"secretName": "key"}}]
    mounts = [{"name": "key", "mountPath": "/key"}]
    shop.deploy(name, pod={"volumes": volumes}, container={"volumeMounts": mounts})
    waited = wait(unschedulable_timeout=3)
    assert waited.plain == 'pod POD cannot start: secret "key" not found'
    (pod,) = shop.pods(name)
    (scheduled,) = [one.last_transition_time for one in pod.status.conditions if one.type == "PodScheduled"]
    soon(waited, scheduled + timedelta(seconds=3))


def test_a_paused_deployment(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    begin = time.monotonic()
    shop.deploy(name, spec={"paused": True})
    assert wait().first_line == f"Deployment {name} is paused"
    assert time.monotonic() - begin < SOON.total_seconds()
