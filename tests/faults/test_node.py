# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster itself fails: its API server hangs, its node starts again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import kubernetes
import pytest
from faults.archive import NEW, OVERLAYS

pytestmark = [pytest.mark.by_hand, pytest.mark.alone]
NODE = "zddc-control-plane"


def on_the_machine(*command: str) -> None:
    """Run the container engine's command."""
    subprocess.run(["docker", *command], check=True, capture_output=True)


def test_the_api_server_hangs(site: Any, note: Callable[..., None]) -> None:
    with site.traffic() as traffic:
        run = site.run_playbook(git_ref=NEW)
        run.reach("Apply the objects", 2)
        on_the_machine("exec", NODE, "pkill", "-STOP", "kube-apiserver")
        try:
            time.sleep(20)
        finally:
            on_the_machine("exec", NODE, "pkill", "-CONT", "kube-apiserver")
        code = run.end()
    assert (code, run.failures, traffic.lost) == (0, [], [])
    note("the API server itself stopped for 20 s, in the apply", "the deploy went on and succeeded", traffic)


def test_the_node_starts_again(site: Any, note: Callable[..., None]) -> None:
    dev = site.deploy_dev(replicas=1, build_cache="none")
    assert (dev.returncode, dev.message) == (0, "")
    commit, begin = site.served(), time.monotonic()
    on_the_machine("restart", "--time", "30", NODE)

    def serves() -> bool:
        with suppress(OSError, kubernetes.client.ApiException):
            deployments = [site.apps.read_namespaced_deployment(name, site.namespace) for name in (site.name, "zddc-server-dev")]
            ready = [one.status.available_replicas == one.spec.replicas for one in deployments]
            return all(ready) and site.served() == commit
        return False

    # The pods are there again before the cluster takes notice that they were gone.
    time.sleep(20)
    site.until(serves, seconds=400)
    seconds = round(time.monotonic() - begin)
    played = site.deploy()
    assert (played.returncode, played.message, played.changed) == (0, "", 0)
    assert site.deploy_dev(playbook="remove", replicas=1).returncode == 0
    site.until(lambda: site.pods("zddc-server-dev"), equals=[], seconds=90)
    assert site.on_node(OVERLAYS) == ""
    note("the node starts again", f"both modes serve again by themselves, {seconds} s after it went; no overlay is left")
