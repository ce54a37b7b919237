# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two sides on one cluster: instances of the role, releases of the charts, and who asks them all the time."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import kubernetes

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from cache import VARS_FILE  # noqa: E402
from conftest import Instance, ansible_playbook, evidence  # noqa: E402
from helm import CHARTS, HelmProgram, helm_program  # noqa: E402
from stage import Stage  # noqa: E402

# Here Ansible and its modules start as they do for users.
for name in ("ANSIBLE_CONNECTION_PLUGINS", "ANSIBLE_PIPELINING"):
    del os.environ[name]

INTERVAL = 0.05
"""Seconds between two requests."""
PATIENCE = 120
"""Seconds without service after which a chart is not watched any longer."""
SCENARIO, GIT_PORT = "benchmark", 30599
PORTS = {"prod": 30600, "dev": 30601, "chart-prod": 30602, "chart-dev": 30603}


def prepare(verb: str) -> None:
    """Create or destroy the namespace with a git server and a store, as the scenarios do."""
    inventory, playbook = ROOT / "molecule/default/inventory", ROOT / f"molecule/default/{verb}.yml"
    given = ("-e", f"scenario={SCENARIO}", "-e", f"git_port={GIT_PORT}")
    played = ansible_playbook("-i", inventory, playbook, *given, MOLECULE_PROJECT_DIRECTORY=str(ROOT))
    assert played.returncode == 0, played.message or played.output


def instance(cluster: dict[str, Any]) -> Instance:
    """Give that namespace, with the variables that fit the cluster."""
    variables = {key: value for key, value in cluster.items() if key.startswith("zddc_server_")}
    variables["zddc_server_namespace"] = f"molecule-{SCENARIO}"
    variables["zddc_server_git_repo"] = f"git://{cluster['kind_cluster_node_address']}:{GIT_PORT}/zddc.git"
    return Instance(variables["zddc_server_namespace"], variables)


class Watch:
    """Asks for a page every 50 ms, each time anew, and adds up the time without service."""

    def __init__(self, url: str) -> None:
        self._url, self._over, self._thread = url, threading.Event(), threading.Thread(target=self._run)
        self._down, self._good, self._failing = 0.0, 0.0, False
        self.commit = ""
        """That answered last."""

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            now = time.monotonic()
            try:
                with urlopen(self._url, timeout=0.5) as answer:
                    self.commit = str(answer.headers["X-Zddc-Commit"])
                if self._failing:
                    self._down += now - self._good
                self._good, self._failing = now, False
            except OSError:
                self._failing = True
            due = max(due + INTERVAL, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0)

    @property
    def down(self) -> float:
        """Give the seconds from the last good answer before each gap to the first after it, or to now."""
        return self._down + (time.monotonic() - self._good if self._failing else 0.0)

    def __enter__(self) -> Watch:
        self._good = time.monotonic()
        self._thread.start()
        end = self._good + 10
        while not self.commit:
            assert time.monotonic() < end, f"{self._url} does not answer"
            time.sleep(INTERVAL)
        return self

    def __exit__(self, *_unused: object) -> None:
        # What goes away right after a play has ended counts too.
        time.sleep(1)
        self._over.set()
        self._thread.join()


class Bench(Stage):
    """The namespace: an instance and a release of each mode."""

    def __init__(self, cluster: dict[str, Any]) -> None:
        super().__init__(instance(cluster), ansible_playbook, PORTS["prod"], build_cache_storage_class="tests")
        self.image, self.build_image = cluster["zddc_server_image"], cluster["zddc_server_build_image"]

    def share_documents(self) -> None:
        """Let both sides write: a chart's server is root, and would keep the folder of the logs to itself."""
        self.on_node(f"cd {self.namespace}-zddc-root; mkdir -p .zddc.d/logs; chown -R 65532:65532 .zddc.d")

    def address(self, who: str) -> str:
        """Give where an instance or a release answers."""
        return f"http://{urlsplit(self.repository).hostname}:{PORTS[who]}/"

    def play_ours(self, mode: str, playbook: str = "deploy", **more: Any) -> Any:
        """Run a playbook on the instance of a mode, with a build cache of its own unless told otherwise."""
        usual: dict[str, Any] = {
            "mode": mode, "name": f"zddc-server-{mode}", "service_node_port": PORTS[mode], "build_cache": "own",
            "git_ref": "main" if mode == "dev" else "zddc-server-v0.0.7", "allow_mutable_ref": True,
        }  # fmt: skip
        return self.deploy(playbook=playbook, **usual | more)

    def ours(self, mode: str, playbook: str = "deploy", **more: Any) -> Any:
        """Run a playbook on the instance of a mode, and see that it worked."""
        played = self.play_ours(mode, playbook, **more)
        assert played.returncode == 0, played.end or played.output
        return played

    def fresh(self, mode: str) -> None:
        """Remove the instance of a mode, and give it an empty volume for its cache."""
        self.ours(mode, "remove")
        self.volume(f"zddc-server-{mode}-build-cache", "0755")

    def serving(self, name: str) -> list[Any]:
        """Give the pods of an instance or a release that serve, or are about to."""
        labels = f"app.kubernetes.io/instance={name},app.kubernetes.io/name=zddc-server"
        found = self.core.list_namespaced_pod(self.namespace, label_selector=labels).items
        return [pod for pod in found if not pod.metadata.deletion_timestamp]

    def replaced(self, name: str) -> float:
        """Delete a pod, and give the seconds until the one that takes its place is Ready."""
        (old,) = self.serving(name)
        begin = time.monotonic()
        self.core.delete_namespaced_pod(old.metadata.name, self.namespace)

        def ready() -> bool:
            new = [pod for pod in self.serving(name) if pod.metadata.uid != old.metadata.uid]
            conditions = [one for pod in new for one in pod.status.conditions or []]
            return any((one.type, one.status) == ("Ready", "True") for one in conditions)

        while not ready():
            assert time.monotonic() - begin < 300, f"no new pod of {name} is Ready"
            time.sleep(INTERVAL)
        return time.monotonic() - begin

    def last_build(self, name: str) -> Any:
        """Give the pod of an instance's newest Job."""
        labels = f"app.kubernetes.io/instance={name},app.kubernetes.io/name=zddc-server-build"
        found = self.core.list_namespaced_pod(self.namespace, label_selector=labels).items
        return max(found, key=lambda pod: pod.metadata.creation_timestamp)

    def last_line(self, pod: Any) -> datetime:
        """Give when the build said its last line."""
        log = self.core.read_namespaced_pod_log(pod.metadata.name, self.namespace, container="build", timestamps=True)
        return datetime.fromisoformat(str(log).splitlines()[-1].split()[0][:26] + "+00:00")

    def quiet(self) -> dict[str, str]:
        """Wait until nothing moves any more, and give the version of every object."""
        found = [self.versions()]

        def still() -> bool:
            time.sleep(3)
            found.append(self.versions())
            return found[-1] == found[-2]

        self.until(still, seconds=120)
        return found[-1]

    def touched(self, before: dict[str, str]) -> int:
        """Give how many objects were made, removed or written since."""
        after = self.versions()
        return sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())

    def versions(self) -> dict[str, str]:
        """Give the version of every object in the namespace; events are not counted."""
        found = []
        for api, kinds in {
            self.core: ("pod", "service", "persistent_volume_claim", "config_map", "secret", "service_account"),
            self.apps: ("deployment", "replica_set", "controller_revision", "stateful_set", "daemon_set"),
            self.batch: ("job",),
            self.networking: ("ingress", "network_policy"),
            kubernetes.client.CoordinationV1Api(self.core.api_client): ("lease",),
            self.rbac: ("role", "role_binding"),
        }.items():
            for kind in kinds:
                found += [(kind, one.metadata) for one in getattr(api, f"list_namespaced_{kind}")(self.namespace).items]
        return {f"{kind} {metadata.name} {metadata.uid}": metadata.resource_version for kind, metadata in found}


def build_seconds(pod: Any) -> float:
    """Give how long the container `build` ran; the kubelet notes whole seconds."""
    status = pod.status
    every = [*(status.init_container_statuses or []), *(status.container_statuses or [])]
    (ended,) = [one.state.terminated for one in every if one.name == "build"]
    return float((ended.finished_at - ended.started_at).total_seconds())


class Helm:
    """Helm, with a release of each chart: their own names, where the collection's instances have theirs."""

    def __init__(self, program: str, bench: Bench, home: Path) -> None:
        self._bench, self._home = bench, home
        self._run = HelmProgram(program, bench.kubeconfig, bench.namespace, home).run
        self.version = self._run("version", "--template", "{{.Version}}")

    def timed(self, *arguments: str) -> float:
        """Run it, and give the seconds that it took."""
        begin = time.monotonic()
        self._run(*arguments)
        return time.monotonic() - begin

    def release(self, verb: str, mode: str, *arguments: str, ref: str = "zddc-server-v0.0.7") -> float:
        """Install or upgrade the release of a mode, and give the seconds that it took."""
        values = {
            "zddc": {"gitRepo": self._bench.repository, "gitRef": "main" if mode == "dev" else ref},
            # Images of the local cluster are in no registry.
            "build": {"image": self._bench.build_image, "pullPolicy": "IfNotPresent"},
            "image": self._bench.image,
            "service": {"type": "NodePort", "nodePort": PORTS[f"chart-{mode}"]},
        }
        file = self._home / f"{mode}.json"
        file.write_text(json.dumps(values))
        return self.timed(verb, f"chart-{mode}", str(CHARTS / f"zddc-server-{mode}"), "--values", str(file), *arguments)

    def installed(self, mode: str) -> bool:
        """Tell whether there is a release of a mode."""
        return f"chart-{mode}" in self._run("list", "--short").splitlines()

    def uninstall(self, mode: str) -> None:
        """Remove the release of a mode, its pods, and the mounts that dev's pods leave on the node."""
        self.timed("uninstall", f"chart-{mode}", "--ignore-not-found")
        labels = f"app.kubernetes.io/instance=chart-{mode}"

        def gone() -> bool:
            left = self._bench.core.list_namespaced_pod(self._bench.namespace, label_selector=labels).items
            for pod in left:
                place = f"/var/lib/kubelet/pods/{pod.metadata.uid}/volumes/kubernetes.io~empty-dir/data"
                with suppress(kubernetes.client.ApiException):
                    self._bench.on_node(f"nsenter --mount=/proc/1/ns/mnt -- umount {place} 2> /dev/null || true")
            return not left

        self._bench.until(gone, seconds=120)


__all__ = [
    "PATIENCE", "ROOT", "VARS_FILE", "Bench", "Helm", "Watch", "ansible_playbook", "build_seconds", "evidence", "helm_program",
    "prepare",
]  # fmt: skip
