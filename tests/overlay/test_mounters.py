# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""However its pods end, dev leaves no overlay on the node and the store as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.request import Request, urlopen

import pytest

COUNT = 20


@pytest.fixture(name="deployed", params=["server", "sidecar"])
def deployed_fixture(request: pytest.FixtureRequest, site: Any) -> Iterator[Any]:
    """Deploy the instance with a mounter."""
    played = site.deploy(overlay_mounter=request.param)
    assert (played.returncode, played.message) == (0, "")
    yield site
    site.remove_copies()


@pytest.fixture(name="sidecar")
def sidecar_fixture(site: Any) -> Iterator[Any]:
    """Deploy the instance with the mounter sidecar; its pod goes after the test, and leaves nothing."""
    played = site.deploy(overlay_mounter="sidecar")
    assert (played.returncode, played.message) == (0, "")
    uid, store = site.pod().metadata.uid, site.store()
    assert len(site.mounts(uid)) > 0
    yield site
    if (pod := site.pod()).metadata.uid == uid:
        site.core.delete_namespaced_pod(pod.metadata.name, site.namespace)
    site.until(lambda: site.folders(uid), equals=[])
    assert site.mounts(uid) == []
    assert site.store() == store
    site.until(lambda: site.deployment().status.available_replicas, equals=1)


def put(site: Any, path: str) -> int:
    """Write a document, and give the status that answers."""
    with urlopen(Request(f"{site.url}{path}", b"written", method="PUT"), timeout=5) as answer:
        return int(answer.status)


def silence(site: Any) -> str:
    """Give why the instance does not answer, or nothing where it does."""
    try:
        site.served()
    except OSError as error:
        return str(error)
    return ""


def runs_again(site: Any, pod: str, container: str, count: int) -> None:
    """Wait until a container has started again so often, and runs."""

    def look() -> tuple[int, bool, bool]:
        status = site.core.read_namespaced_pod(pod, site.namespace).status
        (one,) = [one for one in status.init_container_statuses + status.container_statuses if one.name == container]
        return one.restart_count, one.state.running is not None, bool(one.started)

    site.until(look, equals=(count, True, True))


@pytest.mark.alone
def test_services_of_the_node_that_start_again(sidecar: Any) -> None:
    pod = sidecar.pod()

    def writes(path: str) -> int | str:
        """Write a document, and give the status or why there was none: a kubelet that starts leaves its pods out for moments."""
        try:
            return put(sidecar, path)
        except OSError as error:
            return str(error)

    for service in ("kubelet", "containerd"):
        sidecar.until(partial(writes, f"Alpha/{service}.txt"), equals=201)
        sidecar.restart(service)
        sidecar.until(partial(writes, f"Alpha/{service}.txt"), equals=204)
        sidecar.until(lambda: sidecar.deployment().status.available_replicas, equals=1)
        assert sidecar.pod().metadata.uid == pod.metadata.uid
        assert len(sidecar.mounts(pod.metadata.uid)) > 0
    sidecar.until(partial(writes, "Alpha/Reports/2026-01.txt"), equals=204)


def test_twenty_pods_removed(deployed: Any) -> None:
    store = deployed.store()
    pods = deployed.copies(COUNT)
    uids = [pod.metadata.uid for pod in pods]
    root = pods[0].spec.containers[0].security_context.run_as_user == 0
    as_server = ["setpriv", "--nnp", "su", "zddc", "-c"] if root else ["sh", "-c"]
    for pod in pods:
        write = "echo written > /srv/Alpha/Reports/2026-01.txt && rm /srv/Alpha/Drawings/A-101.txt"
        deployed.run(pod.metadata.name, "zddc-server", *as_server, write)

    def remove(pod: Any, grace: int | None) -> None:
        deployed.core.delete_namespaced_pod(pod.metadata.name, deployed.namespace, grace_period_seconds=grace)

    begin = time.monotonic()
    for pod in pods[: COUNT // 2]:
        remove(pod, None)
    forced = pods[COUNT // 2 :]
    # Stopped, so that none hears of its end before it is killed.
    deployed.signal("STOP", *(pod.metadata.uid for pod in forced))
    for pod in forced:
        remove(pod, 0)
    deployed.signal("KILL", *(pod.metadata.uid for pod in forced))
    deployed.until(lambda: [pod.metadata.name for pod in deployed.listed()], equals=[], seconds=60 - (time.monotonic() - begin))
    # Of a pod that was removed by force, the cluster knows nothing: the node still works on it.
    deployed.until(lambda: deployed.folders(*uids), equals=[])
    assert deployed.mounts(*uids) == []
    assert deployed.store() == store


def test_sidecar_that_was_killed(sidecar: Any) -> None:
    pod = sidecar.pod()
    name, uid = pod.metadata.name, pod.metadata.uid
    assert put(sidecar, "Alpha/before.txt") == 201
    sidecar.signal("KILL", uid, process="overlay keep")
    runs_again(sidecar, name, "overlay", 1)
    # Meanwhile the pod counts as not ready.
    sidecar.until(lambda: silence(sidecar), equals="")
    assert "an earlier start of this pod left it mounted" in "\n".join(sidecar.log(name, "overlay"))
    assert put(sidecar, "Alpha/before.txt") == 204
    # Killed together, they find the overlay with what was written.
    sidecar.signal("KILL", uid, process="overlay keep")
    sidecar.signal("KILL", uid, process="zddc-server")
    runs_again(sidecar, name, "overlay", 2)
    runs_again(sidecar, name, "zddc-server", 1)
    sidecar.until(lambda: silence(sidecar), equals="")
    assert sidecar.pod().metadata.uid == uid
    assert put(sidecar, "Alpha/before.txt") == 204


def test_sidecar_that_was_stopped_by_itself(sidecar: Any) -> None:
    pod = sidecar.pod()
    name, uid = pod.metadata.name, pod.metadata.uid
    assert put(sidecar, "Alpha/before.txt") == 201
    sidecar.signal("TERM", uid, process="overlay keep")
    runs_again(sidecar, name, "overlay", 1)
    sidecar.until(lambda: silence(sidecar), equals="")
    before = sidecar.core.read_namespaced_pod_log(name, sidecar.namespace, container="overlay", previous=True)
    assert before.splitlines()[-1] == "overlay: unmounted"
    # The server goes on with the overlay that it has, where the next write is the first to a document of the store.
    assert put(sidecar, "Alpha/Reports/2026-01.txt") == 204
    sidecar.signal("KILL", uid, process="zddc-server")
    runs_again(sidecar, name, "zddc-server", 1)
    sidecar.until(lambda: silence(sidecar), equals="")
    assert put(sidecar, "Alpha/before.txt") == 204


def test_pod_that_runs_out_of_its_grace_period(sidecar: Any) -> None:
    uid = sidecar.pod().metadata.uid
    sidecar.signal("STOP", uid, process="zddc-server")
    sidecar.core.delete_namespaced_pod(sidecar.pod().metadata.name, sidecar.namespace, grace_period_seconds=3)
    sidecar.until(lambda: sidecar.folders(uid), equals=[])
    assert sidecar.mounts(uid) == []


def test_what_is_mounted_below_the_store(site: Any) -> None:
    nested = f"/var/local/zddc/{site.namespace}-zddc-root/nested"
    site.on_node(f"nsenter -t 1 -m -- sh -c 'mkdir {nested} && mount -t tmpfs -o mode=1777 nested {nested}'")
    try:
        played = site.deploy(overlay_mounter="server", always_recreate=True)
        assert (played.returncode, played.message) == (0, "")
        pod = site.pod().metadata.name
        with pytest.raises(AssertionError, match="Read-only file system"):
            site.run(pod, "zddc-server", "setpriv", "--nnp", "su", "zddc", "-c", "echo evil > /zddc/lower/nested/evil.txt")
    finally:
        site.on_node(f"nsenter -t 1 -m -- sh -c 'umount {nested}; rmdir {nested}'")
