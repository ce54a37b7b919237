# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The charts' way to mount dev's overlay: it serves, costs what docs/overlay.md says and is cleaned up as that says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kubernetes.stream import stream

NAME = "zddc-server-dev"
PLACE = "/var/lib/kubelet/pods/{}/volumes/kubernetes.io~empty-dir/data"


def until(holds: Callable[[], bool], what: str, seconds: int = 60) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(1)


def run(stage: Any, pod: str, container: str, *command: str) -> str:
    """Run a command in a container, and give what it prints."""
    asked = {"command": list(command), "container": container, "stdout": True, "stderr": True}
    return str(stream(stage.core.connect_get_namespaced_pod_exec, pod, stage.namespace, **asked))


@pytest.fixture(name="on_node")
def on_node_fixture(stage: Any) -> Iterator[Callable[[str], str]]:
    """Give the function that runs a shell command on the node; what the test leaves there is cleaned up with it."""
    container = {
        "name": "node",
        "image": stage.deployment().spec.template.spec.containers[0].image,
        "command": ["sleep", "infinity"],
        "securityContext": {"privileged": True},
    }
    spec = {"hostPID": True, "terminationGracePeriodSeconds": 0, "containers": [container]}
    stage.core.create_namespaced_pod(stage.namespace, {"metadata": {"name": "node"}, "spec": spec})
    until(lambda: stage.core.read_namespaced_pod("node", stage.namespace).status.phase == "Running", "the node's pod")

    def on_node(command: str) -> str:
        return run(stage, "node", "node", "nsenter", "-t", "1", "-m", "--", "sh", "-c", command)

    yield on_node
    stage.apps.delete_namespaced_deployment(NAME, stage.namespace, propagation_policy="Background")
    until(lambda: not any(serving(pod) for pod in stage.pods(NAME)), "the end of dev's containers", 90)
    for uid in seen(stage):
        on_node(f"umount {PLACE.format(uid)} 2>&1 || true")
    until(lambda: not stage.pods(NAME), "the end of dev's pods")
    stage.core.delete_namespaced_pod("node", stage.namespace)


def seen(stage: Any) -> set[str]:
    """Give the UIDs of dev's pods, also of those that are gone."""
    events = stage.core.list_namespaced_event(stage.namespace, field_selector="involvedObject.kind=Pod").items
    return {event.involved_object.uid for event in events if event.involved_object.name.startswith(f"{NAME}-")}


def serving(pod: Any) -> bool:
    """Tell whether a container of the pod runs."""
    status = pod.status
    every = [*(status.init_container_statuses or []), *(status.container_statuses or [])]
    return any(one.state.running for one in every)


def test_what_it_costs(stage: Any, on_node: Callable[[str], str]) -> None:
    def mounted(place: str) -> bool:
        return f" {place} overlay " in on_node("cat /proc/mounts")

    stage.push("commit", "0.2.0")
    played = stage.deploy_dev(overlay_mounter="init")
    assert (played.returncode, played.message) == (0, "")
    (old,) = stage.pods(NAME)
    place = PLACE.format(old.metadata.uid)
    assert mounted(place)
    said = stage.core.read_namespaced_pod_log(old.metadata.name, stage.namespace, container="overlay")
    assert "overlay: mounted at /srv: the store below, read-only" in said

    # The server's user writes to the overlay, and the store does not see it.
    assert run(stage, old.metadata.name, "zddc-server", "sh", "-c", "id -u; echo new > /srv/from-init.txt") == "65532\n"
    assert run(stage, old.metadata.name, "zddc-server", "cat", "/srv/from-init.txt") == "new\n"
    assert "from-init.txt" not in run(stage, "observer", "observer", "ls", "/store")

    def ended() -> bool:
        pods = {pod.metadata.uid: pod for pod in stage.pods(NAME)}
        return bool(pods[old.metadata.uid].metadata.deletion_timestamp) and not serving(pods[old.metadata.uid])

    commit = stage.push("commit", "0.3.0")
    with ThreadPoolExecutor() as beside:
        deploying = beside.submit(stage.deploy_dev, overlay_mounter="init")
        until(ended, "the end of the old server", 120)
        # Longer than a pod takes that can go. The next pod may wait for this one: its end alone wakes no Deployment.
        time.sleep(5)
        assert ended()
        assert mounted(place)
        assert on_node(f"umount {place}") == ""
        played = deploying.result()
    assert (played.returncode, played.message) == (0, "")

    def found() -> list[str]:
        return [pod.metadata.annotations["varasys.zddc/git-commit"] for pod in stage.pods(NAME)]

    until(lambda: found() == [commit], "the end of the old pod")
