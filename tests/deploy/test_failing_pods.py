# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that fail: the deploy says why, prod serves on, and a good deploy fixes it. How soon: tests/rollout/test_failing.py."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from kubernetes.dynamic import DynamicClient

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import NO_LOG, evidence
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure

NAMES = (
    (re.compile(r"zddc-server-(?:prod|dev)-[a-z0-9]{6,10}-[a-z0-9]{5}\b"), "POD"),
    (re.compile(r"zddc-server-(?:prod|dev)-[a-z0-9]{6,10}\b"), "REPLICASET"),
)


def first_line(message: str) -> str:
    """Give a message's first line, without the names that the cluster makes up."""
    line = message.splitlines()[0]
    for pattern, name in NAMES:
        line = pattern.sub(name, line)
    return line


def told(stage: Any, reason: str, kind: str, begin: datetime) -> datetime:
    """Give when the cluster first told of something, since the play began."""
    chosen = f"reason={reason},involvedObject.kind={kind}"
    events = stage.core.list_namespaced_event(stage.namespace, field_selector=chosen).items
    times = [event.event_time or event.first_timestamp for event in events]
    return min(time for time in times if time >= begin)


@pytest.fixture(scope="module", name="dev")
def dev_fixture(deployed: Any) -> Iterator[Any]:
    """Give the function that deploys an instance of dev, which is removed in the end."""
    yield deployed.deploy_dev
    played = deployed.deploy(playbook="remove", mode="dev", name="zddc-server-dev", git_ref="main")
    assert (played.returncode, played.message) == (0, "")


@pytest.fixture(name="begin")
def begin_fixture() -> datetime:
    """Give when the test began, with the precision of the cluster's times."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(name="pending_claim")
def pending_claim_fixture(stage: Any) -> Iterator[str]:
    """Give a claim that no volume fits."""
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "resources": {"requests": {"storage": "1Pi"}}}
    stage.core.create_namespaced_persistent_volume_claim(stage.namespace, {"metadata": {"name": "pending"}, "spec": spec})
    yield "pending"
    stage.core.delete_namespaced_persistent_volume_claim("pending", stage.namespace)


@pytest.fixture(name="hidden_repository")
def hidden_repository_fixture(tmp_path: Path) -> Iterator[str]:
    """Give the URL of a repository that answers on this machine, and not where a pod asks."""
    author = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", tmp_path / "hidden.git"], check=True)
    commit = ["git", *author, "commit", "--quiet", "--allow-empty", "--message=one"]
    subprocess.run(commit, cwd=tmp_path / "hidden.git", check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    daemon = ["git", "daemon", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={tmp_path}"]
    with subprocess.Popen(daemon) as server:
        yield f"git://127.0.0.1:{port}/hidden.git"
        server.terminate()


@pytest.fixture(name="serves_on")
def serves_on_fixture(stage: Any) -> Iterator[None]:
    """See that prod still serves after the test, and that a good deploy goes back to the pod that does."""
    pods = stage.pod_names()
    yield
    assert stage.served()
    played = stage.deploy()
    assert (played.returncode, played.message) == (0, "")
    assert stage.pod_names() == pods
    assert stage.served()


@pytest.mark.usefixtures("serves_on")
def test_an_image_that_cannot_be_pulled(stage: Any) -> None:
    played = stage.deploy(fetch_image="localhost/nowhere:1")
    assert played.returncode == 2
    # What follows is the engine's own message.
    begins = "pod POD: container fetch: the image localhost/nowhere:1 cannot be pulled: "
    assert first_line(played.message).startswith(begins)
    assert "connection refused" in first_line(played.message)


@pytest.mark.usefixtures("pending_claim", "serves_on")
def test_a_claim_without_a_volume(stage: Any, pending_claim: str) -> None:
    played = stage.deploy(data_claim=pending_claim)
    assert played.returncode == 2
    assert first_line(played.message) == (
        "pod POD: the claim pending is not bound: no persistent volumes available for this claim and no storage class is set"
    )
    assert played.message.endswith(" describe persistentvolumeclaim pending")


@pytest.fixture(name="label")
def label_fixture(stage: Any) -> Iterator[Callable[[str | None], None]]:
    """Give the function that labels the cluster's node; the label goes at the end."""
    (node,) = [item.metadata.name for item in stage.core.list_node().items]

    def label(value: str | None) -> None:
        stage.core.patch_node(node, {"metadata": {"labels": {"example.org/late": value}}})

    yield label
    label(None)


@pytest.mark.usefixtures("label", "serves_on")
def test_a_node_that_comes_late(stage: Any, begin: datetime, label: Callable[[str | None], None]) -> None:
    def come() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with suppress(ValueError):
                told(stage, "FailedScheduling", "Pod", begin)
                # Longer than the default.
                time.sleep(13)
                break
            time.sleep(1)
        label("now")

    coming = threading.Thread(target=come)
    coming.start()
    late = {"node_selector": {"example.org/late": "now"}, "fetch_image": "localhost/nowhere:1"}
    played = stage.deploy(**late, unschedulable_timeout=120)
    coming.join()
    # It got as far as its image.
    assert first_line(played.message).startswith("pod POD: container fetch: the image localhost/nowhere:1 cannot be")


@pytest.mark.parametrize(
    ("mounter", "container", "why"),
    [
        (
            "server",
            "zddc-server",
            'forbidden AppArmor profile (container "zddc-server" must not set AppArmor profile type to "Unconfined"), '
            'allowPrivilegeEscalation != false (container "zddc-server" must set '
            "securityContext.allowPrivilegeEscalation=false), "
            'unrestricted capabilities (container "zddc-server" must not include "CHOWN", "DAC_OVERRIDE", "FOWNER", '
            '"SETGID", "SETUID", "SYS_ADMIN" in securityContext.capabilities.add), runAsNonRoot != true (pod or container '
            '"zddc-server" must set securityContext.runAsNonRoot=true), runAsUser=0 (container "zddc-server" must not set '
            "runAsUser=0)",
        ),
        (
            "sidecar",
            "overlay",
            'privileged (container "overlay" must not set securityContext.privileged=true), allowPrivilegeEscalation != false '
            '(container "overlay" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
            '(container "overlay" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
            '"overlay" must set securityContext.runAsNonRoot=true), runAsUser=0 (container "overlay" must not set runAsUser=0)',
        ),
    ],
)
def test_a_namespace_that_does_not_admit_it(stage: Any, mounter: str, container: str, why: str) -> None:
    with stage.restricted():
        before = stage.objects()
        played = stage.deploy_dev(overlay_mounter=mounter)
        assert stage.objects() == before
    assert (played.returncode, played.message) == (
        2,
        f"zddc_server_namespace: the namespace '{stage.namespace}' enforces Pod Security 'restricted:latest', and the pods need "
        f"'privileged', since their container {container} mounts the overlay (zddc_server_overlay_mounter): {why}. Name another "
        f"namespace, or allow it in this one: kubectl label namespace {stage.namespace} "
        "pod-security.kubernetes.io/enforce=privileged --overwrite\nNothing was changed.",
    )


@pytest.fixture(name="full")
def full_fixture(stage: Any) -> Iterator[int]:
    """Give how many pods the namespace has, which takes no more."""
    stage.core.create_namespaced_resource_quota(stage.namespace, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}})

    def used() -> int:
        status = stage.core.read_namespaced_resource_quota("few", stage.namespace).status
        return int((status.used or {}).get("pods", 0))

    yield stage.until(used)
    stage.core.delete_namespaced_resource_quota("few", stage.namespace)


# The good deploy comes while the quota is there.
@pytest.mark.usefixtures("full", "serves_on")
def test_a_namespace_that_is_full(stage: Any, full: int) -> None:
    played = stage.deploy(always_recreate=True)
    assert played.returncode == 2
    assert first_line(played.message) == (
        'ReplicaSet REPLICASET: its pods cannot be created: pods "POD" is forbidden: exceeded quota: few, requested: pods=1, '
        f"used: pods={full}, limited: pods=0"
    )


@pytest.mark.usefixtures("serves_on")
def test_a_repository_that_pods_do_not_reach(stage: Any, hidden_repository: str) -> None:
    played = stage.deploy(git_repo=hidden_repository, git_ref="main", allow_mutable_ref=True)
    assert played.returncode == 2
    commit = re.search("commit ([0-9a-f]{40})", played.message)[1]
    assert first_line(played.message) == (
        f"pod POD: container build failed: fetch: commit {commit} could not be fetched from {hidden_repository}, "
        "tried 3 times: 127.0.0.1[0: 127.0.0.1]: errno=Connection refused"
    )
    assert "\n  fatal: unable to connect to 127.0.0.1:\n" in played.message
    # That a pod was refused a connection says nothing of the cluster.
    assert "The cluster no longer answers" not in played.output


@pytest.mark.parametrize(
    ("what", "container", "line"),
    [
        (
            "compile",
            "build",
            'cmd/zddc-server/broken.go:3:18: cannot use "this commit does not compile" (untyped string constant) '
            "as int value in variable declaration",
        ),
        ("start", "zddc-server", "panic: this commit does not start"),
    ],
)
def test_a_commit_that_fails(stage: Any, dev: Callable[..., Any], tmp_path: Path, what: str, container: str, line: str) -> None:
    stage.push("break", what)
    played = dev(failures_dir=str(tmp_path))
    assert played.returncode == 2
    assert first_line(played.message) == f"pod POD: container {container} failed: {line}", played.message
    (kept,) = tmp_path.iterdir()
    assert f"\nlogs and events are stored in {kept}\n" in played.message
    (pod,) = stage.pod_names("zddc-server-dev")
    assert line in "".join(log.read_text() for log in kept.glob(f"{pod}-{container}*.log"))
    assert f"Pod {pod}\n" in (kept / "events.txt").read_text()


@pytest.fixture(name="failing")
def failing_fixture(stage: Any) -> Iterator[str]:
    """Give a pod whose init container fails time and again."""
    image = stage.deployment().spec.template.spec.containers[0].image
    run = {"image": image, "command": ["sh", "-c", "echo it fails; exit 1"]}
    spec = {"initContainers": [{"name": "build", **run}], "containers": [{"name": "never", **run}]}
    pod = {"metadata": {"name": "failing"}, "spec": {**spec, "terminationGracePeriodSeconds": 0}}
    stage.core.create_namespaced_pod(stage.namespace, pod)
    yield "failing"
    stage.core.delete_namespaced_pod("failing", stage.namespace)


def test_the_log_of_an_instance_that_is_gone(stage: Any, failing: str) -> None:
    def previous() -> str:
        # The kubelet has removed that instance. While it still tells of it, it answers 200, with words of its own.
        try:
            return stage.core.read_namespaced_pod_log(failing, stage.namespace, container="build", previous=True) or ""
        except kubernetes.client.ApiException as error:
            return str(error)

    stage.until(previous, NO_LOG.fullmatch, 90)
    api = Api(DynamicClient(stage.core.api_client, discoverer=lambda *_unused: None), 10)
    failure = Failure("", "Pod", failing, container="build", init=True, exit_code=1, previous=True)
    assert evidence(api, stage.namespace, failure, 40).log == ["it fails"]


def test_a_good_deploy_mends_it(stage: Any, dev: Callable[..., Any]) -> None:
    commit = stage.push("commit", "0.1.0")
    played = dev(environment={"ANSIBLE_STDOUT_CALLBACK": "default"})
    assert played.returncode == 0
    stages = re.findall(r"^zddc-server-dev: +\d+ s  ([^:\n]+)$", played.output, re.MULTILINE)
    (node,) = [item.metadata.name for item in stage.core.list_node().items]
    assert stages[-6:] == [f"scheduled on {node}", "fetching", "building", "mounting", "starting", "ready"]
    (pod,) = stage.alive("zddc-server-dev")
    assert pod.metadata.annotations["varasys.zddc/git-commit"] == commit
