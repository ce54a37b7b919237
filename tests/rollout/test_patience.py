# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may still come right: the wait goes on, until its time is over."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import kubernetes


def test_a_claim_that_waits_for_its_pod(shop: Any, name: str, wait: Callable[..., Any], claim: Any) -> None:
    storage = kubernetes.client.StorageV1Api(shop.core.api_client)
    late = {"metadata": {"name": "rollout-test"}, "provisioner": "nobody", "volumeBindingMode": "WaitForFirstConsumer"}
    storage.create_storage_class(late)
    try:
        shop.deploy(name, pod=claim("rollout-test"))
        waited = wait(timeout=8, unschedulable_timeout=60)
        assert waited.plain.startswith("pod POD: still waiting for a node")
    finally:
        storage.delete_storage_class("rollout-test")


def test_a_probe_that_fails_and_then_passes(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    probe = {"startupProbe": {"exec": {"command": ["test", "-e", "/tmp/on"]}, "periodSeconds": 1}}
    shop.deploy(
        name,
        command="sleep 2; touch /tmp/on; mkdir /www; touch /www/index.html; httpd -f -p 8080 -h /www",
        container=probe,
    )
    waited = wait(timeout=30)
    assert shop.told("Unhealthy", name) and waited.result.get("msg") is None


def test_a_volume_that_cannot_be_mounted(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    volumes = [{"name": "key", "hostPath": {"path": "/nowhere", "type": "Directory"}}]
    mounts = [{"name": "key", "mountPath": "/key"}]
    shop.deploy(name, pod={"volumes": volumes}, container={"volumeMounts": mounts})
    why = 'MountVolume.SetUp failed for volume "key" : hostPath type check failed: /nowhere is not a directory'
    waited = wait(timeout=13)
    assert re.fullmatch(rf" *1\d s  starting web: {re.escape(why)}", waited.lines[-1])
    seconds = f"{waited.result['seconds']:.0f}"
    assert waited.plain == f"pod POD: still starting web ({why}) after {seconds} s"
