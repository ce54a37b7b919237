# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods with users of their own: what cannot give them that is told before anything is applied, or by the rollout."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import urllib3
import yaml
from cache import CACHE

PIECES = CACHE / "pieces"


def program(piece: str, name: str) -> Path:
    """Give a program that was built for the cluster."""
    found = sorted(PIECES.glob(f"{piece}-*/{name}"), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.skip(f"{name} was not built here: where a registry answers, the cluster's images come from it")
    return found[-1]


def free_port() -> int:
    """Give a port of the loopback that nothing uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(name="old_cluster")
def old_cluster_fixture(tmp_path: Path, site: Any) -> Iterator[str]:
    """Give the kubeconfig of an API server without user namespaces, in which the namespace and the claim are."""
    etcd, peers, port = free_port(), free_port(), free_port()
    key, log = tmp_path / "key", (tmp_path / "log").open("w")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (tmp_path / "tokens").write_text("token,admin,1,system:masters\n")
    commands = [
        [
            program("etcd", "etcd"), "--data-dir", tmp_path / "etcd",
            "--listen-client-urls", f"http://127.0.0.1:{etcd}", "--advertise-client-urls", f"http://127.0.0.1:{etcd}",
            "--listen-peer-urls", f"http://127.0.0.1:{peers}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peers}",
            "--initial-cluster", f"default=http://127.0.0.1:{peers}",
        ],
        [
            program("kubernetes", "kube-apiserver"), "--etcd-servers", f"http://127.0.0.1:{etcd}",
            "--bind-address", "127.0.0.1", "--secure-port", str(port), "--cert-dir", tmp_path / "certificates",
            "--service-account-issuer", "https://tests.example.org", "--service-account-key-file", key,
            "--service-account-signing-key-file", key, "--disable-admission-plugins", "ServiceAccount",
            "--token-auth-file", tmp_path / "tokens", "--service-cluster-ip-range", "10.97.0.0/24",
            "--feature-gates", "UserNamespacesSupport=false",
        ],
    ]  # fmt: skip
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "old",
        "contexts": [{"name": "old", "context": {"cluster": "old", "user": "admin"}}],
        "clusters": [
            {
                "name": "old",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority": str(tmp_path / "certificates/apiserver.crt"),
                },
            }
        ],
        "users": [{"name": "admin", "user": {"token": "token"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    started = []
    try:
        started += [subprocess.Popen(list(map(str, one)), stdout=log, stderr=log) for one in commands]
        # It makes its certificate before it listens.
        site.until((tmp_path / "certificates/apiserver.crt").exists)
        core = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(tmp_path / "kubeconfig")))

        def made() -> str:
            try:
                return str(core.create_namespace({"metadata": {"name": site.namespace}}, _request_timeout=5).metadata.name)
            except (kubernetes.client.ApiException, urllib3.exceptions.HTTPError) as error:
                return str(error)

        site.until(made, equals=site.namespace)
        spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        core.create_namespaced_persistent_volume_claim(site.namespace, {"metadata": {"name": "zddc-root"}, "spec": spec})
        yield str(tmp_path / "kubeconfig")
    finally:
        for one in reversed(started):
            one.terminate()
            one.wait(30)
        log.close()


@pytest.mark.parametrize("mode", ["prod", "dev"])
def test_cluster_that_drops_it(site: Any, old_cluster: str, mode: str) -> None:
    api = kubernetes.client.AppsV1Api(kubernetes.config.new_client_from_config(old_cluster))
    given = {"kubeconfig": old_cluster, "mode": mode, "git_ref": "zddc-server-v0.0.7", "build_cache": "none"}
    played = site.deploy(**given, host_users=False)
    address = yaml.safe_load(Path(old_cluster).read_text())["clusters"][0]["cluster"]["server"]
    assert (played.returncode, played.message) == (
        2,
        f"zddc_server_host_users is false, and the cluster at {address} silently ignores that: its feature gate "
        "UserNamespacesSupport is off. Turn it on (it is on by default since Kubernetes 1.33), or set "
        "zddc_server_host_users to true.\nNothing was changed.",
    )
    assert api.list_namespaced_deployment(site.namespace).items == []
    # It takes the rest of it.
    assert site.deploy("--check", **given).message == ""


@pytest.fixture(name="claim")
def claim_fixture(site: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a claim on a volume of some kind, and give its name."""
    name, source = request.param
    volume = f"{site.namespace}-{name}"
    terms = [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]
    site.core.create_persistent_volume({
        "metadata": {"name": volume},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "tests",
            "claimRef": {"namespace": site.namespace, "name": name},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            **source,
        },
    })  # fmt: skip
    with site.claimed(name, volume, "ReadWriteMany"):
        yield name
    site.core.delete_persistent_volume(volume)


@pytest.mark.parametrize("claim", [("on-nfs", {"nfs": {"server": "127.0.0.1", "path": "/"}})], indirect=True)
def test_volume_that_is_known_to_map_no_users(site: Any, claim: str) -> None:
    before = site.objects()
    for mode in ("prod", "dev"):
        played = site.deploy(mode=mode, git_ref="zddc-server-v0.0.7", host_users=False, data_claim=claim)
        assert (played.returncode, played.message) == (
            2,
            f"zddc_server_host_users is false, and the volume '{site.namespace}-on-nfs' of the claim 'on-nfs' in namespace "
            f"'{site.namespace}' is on NFS, which Linux cannot map to a pod's own users. Use a claim on another kind of "
            "storage, or set zddc_server_host_users to true.\nNothing was changed.",
        )
    assert site.objects() == before


@pytest.mark.parametrize("claim", [("on-overlay", {"local": {"path": "/opt/on-overlay"}})], indirect=True)
def test_volume_that_maps_no_users_as_the_rollout_tells(site: Any, claim: str) -> None:
    site.on_node("mkdir -p /proc/1/root/opt/on-overlay")
    played = site.deploy(host_users=False, data_claim=claim)
    first, *rest = played.message.splitlines()
    assert played.returncode == 2
    assert "zddc-server cannot be started: a volume cannot be mapped to the pod's own users: failed to create " in first
    assert "maybe the filesystem used doesn't support idmap mounts on this kernel?" in first
    (decided,) = [line for line in rest if line.startswith("decided by: ")]
    assert "zddc_server_host_users" in decided.split(", ")
    assert site.deploy(playbook="remove").returncode == 0
    site.on_node("rmdir /proc/1/root/opt/on-overlay")
