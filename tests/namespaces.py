# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespaces of the tests' own, with what molecule/default/create.yml makes, but at once and without a play for each."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import kubernetes
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from kubernetes.stream import stream
from waiting import until

# A pod of the dev chart leaves its overlay mounted on the node, and does not go before that is undone.
WIPE = """
for pod in {pods}; do
  for mount in $(grep -o "/var/lib/kubelet/pods/$pod/volumes/kubernetes.io~empty-dir/[^ ]*" /proc/1/mounts); do
    nsenter --mount=/proc/1/ns/mnt -- umount -l "$mount"
  done
done
rm -rf /proc/1/root/var/local/zddc/{store}
"""
ROOT = Path(__file__).resolve().parent.parent
ROLE = ROOT / "roles/kind_cluster"
REPOSITORY = ROOT / "tests/fixtures/repository.sh"


def git_answers(repository: str) -> bool:
    """Tell whether a git server answers; a connection to a pod that has just gone would not end."""
    command = ["timeout", "3", "git", "ls-remote", "--quiet", repository]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Namespaces:
    """Makes them, and takes away at the end what it made."""

    def __init__(self, cluster: dict[str, Any]) -> None:
        self._cluster = cluster
        self._client = kubernetes.config.new_client_from_config(cluster["zddc_server_kubeconfig"])
        self._core = kubernetes.client.CoreV1Api(self._client)
        self._made: list[str] = []

    def make(self, namespace: str, git_port: int) -> str:
        """Make one with a git server, a store of documents and an observer, and give the URL of the repository."""
        if namespace in self._there():
            # A run that was cut off has left it.
            self._remove(namespace)
            self._see_gone(namespace)
        repository = f"git://{self._cluster['kind_cluster_node_address']}:{git_port}/zddc.git"
        self._made.append(namespace)
        volume, job, *others = self._templates(namespace, git_port)
        self._core.create_namespace({"metadata": {"name": namespace}})
        self._create(volume)
        claims = self._core.list_namespaced_persistent_volume_claim
        # Kubernetes may forget a pod for 5 minutes where its claim is bound while it is scheduled.
        until(lambda: [claim.status.phase for claim in claims(namespace).items], equals=["Bound"])
        self._create(job)
        for other in others:
            self._create(other)
        until(lambda: self._running(namespace), equals={"job": 1, "git-server": 1, "observer": "Running"}, seconds=120)
        until(lambda: git_answers(repository))
        subprocess.run([REPOSITORY, "reset", repository], check=True, capture_output=True)
        return repository

    def remove(self) -> None:
        """Remove all that were made, and see that they go."""
        for namespace in self._made:
            self._remove(namespace)
        for namespace in self._made:
            self._see_gone(namespace)

    def _there(self) -> list[str]:
        return [item.metadata.name for item in self._core.list_namespace().items]

    def _templates(self, namespace: str, git_port: int) -> list[list[dict[str, Any]]]:
        """Give the objects of the volume, of the job that lays out the documents, of the git server, and of the observer."""
        loader = DataLoader()
        (node,) = [item.metadata.name for item in self._core.list_node().items]
        scripts = [(ROLE / "files/store" / name).read_text() for name in ("wipe.sh", "seed.sh")]
        variables = {
            **loader.load_from_file(str(ROLE / "defaults/main.yml"), trusted_as_template=True),
            **loader.load_from_file(str(ROLE / "vars/main.yml"), trusted_as_template=True),
            **self._cluster,
            "ansible_managed": "",
            "ansible_search_path": [str(ROLE)],
            "cluster": self._cluster,
            "scenario_namespace": namespace,
            "kind_cluster_store_namespace": namespace,
            "kind_cluster_git_server_namespace": namespace,
            "kind_cluster_git_server_node_port": git_port,
            "__kind_cluster_store_node": node,
            "__kind_cluster_store_job": "documents",
            # As it is left when they were in use until a run was cut off, too.
            "__kind_cluster_store_script": "\n".join(scripts),
        }
        templar = Templar(loader, variables)
        files = [ROLE / "templates" / f"{name}.yml.j2" for name in ("store_volume", "store_job", "git_server")]
        files.append(ROOT / "molecule/default/templates/observer.yml.j2")
        return [[*yaml.safe_load_all(str(templar.template(trust_as_template(file.read_text()))))] for file in files]

    def _create(self, objects: list[dict[str, Any]]) -> None:
        for item in objects:
            kubernetes.utils.create_from_dict(self._client, item)

    def _running(self, namespace: str) -> dict[str, Any]:
        batch, apps = kubernetes.client.BatchV1Api(self._client), kubernetes.client.AppsV1Api(self._client)
        return {
            "job": batch.read_namespaced_job_status("documents", namespace).status.succeeded,
            "git-server": apps.read_namespaced_deployment_status("git-server", namespace).status.available_replicas,
            "observer": self._core.read_namespaced_pod("observer", namespace).status.phase,
        }

    def _volumes(self, namespace: str) -> list[str]:
        every = self._core.list_persistent_volume().items
        return [one.metadata.name for one in every if one.spec.claim_ref and one.spec.claim_ref.namespace == namespace]

    def _remove(self, namespace: str) -> None:
        """Empty the store, and let the namespace and its volumes go."""
        gone = kubernetes.client.ApiException
        with suppress(gone):
            pods = [pod.metadata.uid for pod in self._core.list_namespaced_pod(namespace).items]
            wipe = WIPE.format(pods=" ".join(pods), store=f"{namespace}-zddc-root")
            api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(self._client.configuration))
            stream(api.connect_get_namespaced_pod_exec, "observer", namespace, command=["sh", "-c", wipe], stdout=True)
        with suppress(gone):
            self._core.delete_namespace(namespace)
            # Nobody is served there any more. Where a claim is left, Kubernetes looks again after 5 s.
            self._core.delete_collection_namespaced_pod(namespace, grace_period_seconds=1)
            self._core.delete_collection_namespaced_persistent_volume_claim(namespace)
        for volume in self._volumes(namespace):
            with suppress(gone):
                self._core.delete_persistent_volume(volume)

    def _see_gone(self, namespace: str) -> None:
        """Wait until nothing is left of it."""

        def left() -> list[str]:
            pods = [pod.metadata.name for pod in self._core.list_namespaced_pod(namespace).items]
            return [*pods, *self._volumes(namespace), *(name for name in self._there() if name == namespace)]

        until(left, equals=[], seconds=150)
