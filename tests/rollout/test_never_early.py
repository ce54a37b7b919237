# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No success while a container of an older pod runs, over many looks; kubernetes.core's own wait is measured beside it.

And no failure while the cluster has yet to look again.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.waiter import deployment_ready
from kubernetes.dynamic.resource import ResourceInstance

from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import assess, observe

ROLLOUTS = 3
LOOKS = 50
STRATEGIES = {
    "Recreate": {"type": "Recreate"},
    "RollingUpdate": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
}


def old_runs(pods: list[dict[str, Any]], release: str) -> bool:
    """Tell whether a container of a pod of another release runs."""
    old = [pod for pod in pods if pod["metadata"]["labels"]["release"] != release]
    return any("running" in one["state"] for pod in old for one in pod["status"].get("containerStatuses", []))


def looks(shop: Any, name: str, counted: Counter[str]) -> None:
    """Look at a rollout until both say that it is done, and count the looks and who is early at them."""
    started, release = None, str(shop.releases[name])
    begin = time.monotonic()
    ours = stock = False
    while not (ours and stock):
        assert time.monotonic() < begin + 60
        deployment, replicasets, pods = observe(shop.api, shop.namespace, name)
        started = started or shop.api.now
        ours = assess(deployment, replicasets, pods, shop.api.now, started).done
        stock = deployment_ready(ResourceInstance(None, deployment))
        early = old_runs(pods, release)
        new = [pod for pod in pods if pod["metadata"]["labels"]["release"] == release]
        if ours:
            assert any(one["type"] == "Ready" and one["status"] == "True" for one in new[0]["status"]["conditions"])
        counted["looks"] += 1
        counted["looks while an old container ran"] += early
        counted["ours early"] += ours and early
        counted["stock early"] += stock and early
        # Whoever trusts the numbers alone is mistaken for moments after the change, under Recreate.
        time.sleep(0 if time.monotonic() < begin + 1 else 0.2)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_never_too_early(shop: Any, name: str, strategy: str, wait: Callable[..., Any], capsys: Any) -> None:
    counted: Counter[str] = Counter()
    shop.deploy(name, spec={"strategy": STRATEGIES[strategy]})
    assert wait().result.get("msg") is None
    for _number in range(ROLLOUTS):
        shop.deploy(name, spec={"strategy": STRATEGIES[strategy]})
        looks(shop, name, counted)
    with capsys.disabled():
        print(f"\n{strategy}: {dict(counted)}")
    assert counted["looks"] >= LOOKS
    assert counted["looks while an old container ran"] > 0
    assert counted["ours early"] == 0
    # Under Recreate it is so for moments alone, which looks can miss.
    assert counted["stock early"] > 0 or strategy == "Recreate"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_modules(shop: Any, name: str, strategy: str, wait: Callable[..., Any], capsys: Any) -> None:
    shop.deploy(name, spec={"strategy": STRATEGIES[strategy]})
    assert wait().result.get("msg") is None

    definition = shop.definition(name, spec={"strategy": STRATEGIES[strategy]})
    given = {"kubeconfig": shop.kubeconfig, "definition": definition, "wait": True, "wait_sleep": 1, "wait_timeout": 60}
    command = ["ansible", "localhost", "-m", "kubernetes.core.k8s", "-a", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    stock = shop.old_containers(name)
    with capsys.disabled():
        print(f"\n{strategy}: at the end of kubernetes.core.k8s {stock} old containers run")
    assert wait().result.get("msg") is None

    shop.deploy(name, spec={"strategy": STRATEGIES[strategy]})
    assert shop.old_containers(name) == 1
    assert wait().result.get("msg") is None
    assert shop.old_containers(name) == 0


def test_a_volume_that_comes_after_the_claim(shop: Any, name: str, wait: Callable[..., Any], claim: Any) -> None:
    shop.deploy(name, pod=claim("fast"))
    uid = shop.core.read_namespaced_persistent_volume_claim("docs", shop.namespace).metadata.uid
    # Another test's claim of that name has been spoken of too.
    said = f"reason=ProvisioningFailed,involvedObject.uid={uid}"
    deadline = time.monotonic() + 10
    while not shop.core.list_namespaced_event(shop.namespace, field_selector=said).items:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    spec = {
        "capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
        "hostPath": {"path": "/tmp"}, "claimRef": {"namespace": shop.namespace, "name": "docs"},
    }  # fmt: skip
    shop.core.create_persistent_volume({"metadata": {"name": "rollout-test"}, "spec": spec})
    try:
        assert wait(unschedulable_timeout=0).result.get("msg") is None
    finally:
        shop.core.delete_persistent_volume("rollout-test")
