# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An instance in a namespace of the tests' own: deploys it, and looks at it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import kubernetes
import yaml
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL
from namespaces import REPOSITORY, git_answers
from waiting import until

FOLDERS = "/proc/1/root/var/local/zddc"
"""Folders of the node, as the observer sees them."""
TAKEN = "fetch: the cache has its binary: nothing to fetch"
"""What the log of a pod says that compiles nothing."""


class Stage:
    """The namespace: deploys to it, and looks at it."""

    name = "zddc-server-prod"

    def __init__(self, instance: Any, play: Callable[..., Any], node_port: int, **usual: Any) -> None:
        self.node_port, self._usual = node_port, usual
        self.namespace = instance.namespace
        self.core = kubernetes.client.CoreV1Api(instance.client)
        self.apps = kubernetes.client.AppsV1Api(instance.client)
        self.batch = kubernetes.client.BatchV1Api(instance.client)
        self.networking = kubernetes.client.NetworkingV1Api(instance.client)
        self.rbac = kubernetes.client.RbacAuthorizationV1Api(instance.client)
        self._variables: dict[str, Any] = instance.variables
        self.play = play
        self._objects = instance.objects

    @property
    def repository(self) -> str:
        """Give the URL of the repository in the cluster."""
        return str(self._variables["zddc_server_git_repo"])

    @property
    def kubeconfig(self) -> str:
        """Give the path of the cluster's kubeconfig."""
        return str(self._variables["zddc_server_kubeconfig"])

    @property
    def url(self) -> str:
        """Give where the instance serves."""
        return f"http://{urlsplit(self.repository).hostname}:{self.node_port}/"

    def variables(self, **variables: Any) -> dict[str, Any]:
        """Give the variables of the instance; those that differ are named without their prefix."""
        usual = {
            "name": self.name,
            "git_ref": "zddc-server-v0.0.6",
            "service_type": "NodePort",
            "service_node_port": self.node_port,
            # The tests ask at the node port.
            "guarded_elsewhere": True,
            # What failed is looked at as it is; test_history.py goes back.
            "rollback_on_failure": False,
            "failures_dir": "",
            **self._usual,
        }
        return self._variables | {f"zddc_server_{key}": value for key, value in (usual | variables).items()}

    def deploy(
        self, *arguments: str, playbook: str = "deploy", environment: dict[str, str] | None = None, **variables: Any
    ) -> Any:
        """Deploy the instance, or run another playbook on it, with variables that differ."""
        given = json.dumps(self.variables(**variables))
        return self.play(f"playbooks/{playbook}.yml", "-e", given, *arguments, **(environment or {}))

    def deploy_dev(self, **variables: Any) -> Any:
        """Deploy an instance in dev, at the newest main."""
        fixed: dict[str, Any] = {"mode": "dev", "name": "zddc-server-dev", "git_ref": "main"}
        return self.deploy(**fixed, service_type="ClusterIP", service_node_port=0, **variables)

    @contextmanager
    def restricted(self) -> Iterator[None]:
        """Let the namespace admit none but restricted pods."""
        label = "pod-security.kubernetes.io/enforce"
        self.core.patch_namespace(self.namespace, {"metadata": {"labels": {label: "restricted"}}})
        try:
            yield
        finally:
            self.core.patch_namespace(self.namespace, {"metadata": {"labels": {label: None}}})

    def push(self, *what: str) -> str:
        """Push a commit to main, and give its hash."""
        verb, *rest = what
        command = [str(REPOSITORY), verb, self.repository, *rest]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def git_answers(self) -> bool:
        """Tell whether the git server answers."""
        return git_answers(self.repository)

    def objects(self) -> dict[str, str]:
        """Give the objects of the namespace, with who wrote them and when; not dev's, whose pods may be failing."""
        found = self._objects().items()
        return {name: version for name, version in found if not name.startswith("Namespace ") and "-dev" not in name}

    @contextmanager
    def asked(self, interval: float, limit: float = 240) -> Iterator[list[str]]:
        """Ask for the page, each time anew, and note the commits and the failures."""
        answers: list[str] = []
        over, end = threading.Event(), time.monotonic() + limit

        def ask() -> None:
            while time.monotonic() < end and not over.wait(interval):
                try:
                    answers.append(self.served())
                except OSError as error:
                    answers.append(f"failed: {error}")

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield answers
        finally:
            over.set()
            thread.join()

    until = staticmethod(until)

    def deployment(self) -> Any:
        """Give the instance's Deployment."""
        return self.apps.read_namespaced_deployment(self.name, self.namespace)

    def pods(self, name: str = name) -> list[Any]:
        """Give the pods of an instance, the newest last."""
        found = self.core.list_namespaced_pod(self.namespace, label_selector=f"app.kubernetes.io/instance={name}")
        return sorted(found.items, key=lambda pod: pod.metadata.creation_timestamp)

    def alive(self, name: str = name) -> list[Any]:
        """Give the pods of an instance, but for those that end: the deploy waits for their containers alone."""
        return [pod for pod in self.pods(name) if not pod.metadata.deletion_timestamp]

    def pod_names(self, name: str = name) -> list[str]:
        """Give the names of the pods of an instance, but for those that end."""
        return [pod.metadata.name for pod in self.alive(name)]

    def served(self) -> str:
        """Ask for the page, and give the commit that answers."""
        try:
            with urlopen(self.url, timeout=2) as answer:
                return str(answer.headers["X-Zddc-Commit"])
        except HTTPError as error:
            # Who it was that answered.
            error.add_note(f"{error.headers}{error.read(500).decode(errors='replace')}")
            raise

    def answer(self) -> str:
        """Give the commit that answers, or nothing where nobody does."""
        try:
            return self.served()
        except OSError:
            return ""

    def on_node(self, script: str) -> str:
        """Run a script on the node, in the folder of its volumes, and give what it prints."""
        return self.run("observer", "observer", "sh", "-ec", f"cd {FOLDERS}; {script}")

    def run(self, pod: str, container: str, *command: str) -> str:
        """Run a command in a container, and give what it prints."""
        # The client that streams changes how its API asks.
        api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(self.core.api_client.configuration))
        session = stream(
            api.connect_get_namespaced_pod_exec, pod, self.namespace, container=container, command=list(command),
            stdout=True, stderr=True, _preload_content=False,
        )  # fmt: skip
        session.run_forever(timeout=120)
        # Without a word on how the command ended, the connection is what has.
        end = yaml.safe_load(session.read_channel(ERROR_CHANNEL)) or {}
        said = str(session.read_all())
        assert end.get("status") == "Success", f"{command} ended with {end}: {said}"
        return said

    def volume(self, claim: str, mode: str) -> str:
        """Make a volume for a claim, in an empty folder of the node with that mode, and give its name."""
        name = f"{self.namespace}-{claim}"
        self.remove_volume(name)
        self.on_node(f"mkdir -p {name}; chmod {mode} {name}")
        terms = [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]
        self.core.create_persistent_volume({
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "5Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "tests",
                "claimRef": {"namespace": self.namespace, "name": claim},
                "local": {"path": f"/var/local/zddc/{name}"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            },
        })  # fmt: skip
        return name

    def remove_volume(self, name: str) -> None:
        """Remove a volume, which a run that was cut off may have left, and its folder."""
        with suppress(kubernetes.client.ApiException):
            self.core.delete_persistent_volume(name)
        self.until(lambda: [one.metadata.name for one in self.core.list_persistent_volume().items], lambda left: name not in left)
        self.on_node(f"rm -rf {name}")

    @contextmanager
    def claimed(self, name: str, volume: str, mode: str) -> Iterator[None]:
        """Make a claim on a volume, and remove it in the end."""
        spec = {
            "accessModes": [mode],
            "storageClassName": "tests",
            "volumeName": volume,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        self.core.create_namespaced_persistent_volume_claim(self.namespace, {"metadata": {"name": name}, "spec": spec})
        claims = self.core.read_namespaced_persistent_volume_claim
        self.until(lambda: claims(name, self.namespace).status.phase, equals="Bound")
        yield
        self.core.delete_namespaced_persistent_volume_claim(name, self.namespace)

    def log(self, pod: str, container: str = "build") -> list[str]:
        """Give the lines of a container."""
        text = self.core.read_namespaced_pod_log(pod, self.namespace, container=container)
        return str(text).splitlines()


class Site(Stage):
    """The same, for an instance with a cache that the role makes: its builds, and the volume of the cache."""

    claim = f"{Stage.name}-build-cache"

    def cached(self, script: str) -> str:
        """Run a script in the cache."""
        return self.on_node(f"cd {self.namespace}-{self.claim}/prod; {script}")

    def jobs(self) -> dict[str, Any]:
        """Give the builds by name."""
        selector = "app.kubernetes.io/name=zddc-server-build"
        found = self.batch.list_namespaced_job(self.namespace, label_selector=selector)
        return {job.metadata.name: job for job in found.items}

    def servers(self) -> list[str]:
        """Give the names of the pods that serve, or are about to."""
        return [
            pod.metadata.name
            for pod in self.pods()
            if pod.metadata.labels["app.kubernetes.io/name"] == "zddc-server" and not pod.metadata.deletion_timestamp
        ]

    @contextmanager
    def without_git(self) -> Iterator[None]:
        """Let nobody reach the git server."""
        self.select_git("nowhere")
        try:
            yield
        finally:
            self.select_git("git-server")

    def select_git(self, name: str) -> None:
        """Let the Service of the git server lead elsewhere, and wait until it does."""
        patch = {"spec": {"selector": {"app.kubernetes.io/name": name}}}
        self.core.patch_namespaced_service("git-server", self.namespace, patch)
        self.until(self.git_answers, equals=name == "git-server")
