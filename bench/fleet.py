# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many instances in which there is nothing to change. A node takes 110 pods, so they are scaled to none, as an autoscaler
does it: it owns `spec.replicas`, and the role leaves that to it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from kubernetes.dynamic import DynamicClient
from side import ROOT, Bench

MODEL: dict[str, Any] = {
    "name": "many-000",
    "git_ref": "zddc-server-v0.0.7",
    "service_type": "ClusterIP",
    "service_node_port": 0,
}
KEPT = ("zddc-server-prod", "zddc-server-dev")
AUTOSCALER = "kube-controller-manager"


def tree(root: int) -> list[int]:
    """Give a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # A program's name may hold blanks.
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found = [root]
    for one in found:
        found += children.get(one, [])
    return found


def memory(root: int) -> float:
    """Give the MiB that a process and its descendants hold; what they share counts once."""
    total = 0
    for one in tree(root):
        with suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


class Fleet:
    """The role makes one instance; the others are copies of what it applied and recorded."""

    def __init__(self, bench: Bench, home: Path) -> None:
        self._bench, self._home, self._made = bench, home, 0

    def make(self, count: int) -> int:
        """Make the instances that are missing, and give how many those were."""
        bench, missing = self._bench, range(self._made + 1, count + 1)
        with self._without_pods():
            if not self._made:
                self.remove()
                played = bench.deploy("--skip-tags", "rollout", **MODEL)
                assert played.returncode == 0, played.end or played.output
                self._scale(MODEL["name"])
            client, record = DynamicClient(bench.core.api_client), self._record()
            for number in missing:
                self._copy(client, record, f"many-{number:03}")
        self._made = max(self._made, count)
        return len(missing)

    @contextmanager
    def _without_pods(self) -> Iterator[None]:
        """Keep pods from being made until all that is there is scaled to none, and the cluster has seen to that."""
        core, apps, namespace = self._bench.core, self._bench.apps, self._bench.namespace
        core.create_namespaced_resource_quota(namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
        try:
            self._bench.until(lambda: bool(core.read_namespaced_resource_quota("none", namespace).status.hard))
            yield

            def seen() -> bool:
                every = apps.list_namespaced_deployment(namespace).items
                sets = apps.list_namespaced_replica_set(namespace).items
                return all(one.metadata.generation == one.status.observed_generation for one in every) and not any(
                    one.spec.replicas for one in sets if one.metadata.name.startswith("many-")
                )

            self._bench.until(seen, seconds=120)
        finally:
            core.delete_namespaced_resource_quota("none", namespace)

    def _record(self) -> dict[str, Any]:
        """Give what the role recorded of the model, as that of a revision that served."""
        labels = f"app.kubernetes.io/instance={MODEL['name']}"
        found = self._bench.apps.list_namespaced_controller_revision(self._bench.namespace, label_selector=labels)
        (record,) = self._bench.core.api_client.sanitize_for_serialization(found)["items"]
        metadata = {key: record["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
        metadata["annotations"]["varasys.zddc/result"] = "served"
        return {"apiVersion": "apps/v1", "kind": "ControllerRevision", **record, "metadata": metadata}

    def _copy(self, client: DynamicClient, record: dict[str, Any], name: str) -> None:
        """Apply the objects of the record under another name, and record them."""
        copied = json.loads(json.dumps(record).replace(MODEL["name"], name))
        copied["data"]["host"] = name
        for item in copied["data"]["objects"]:
            kind = client.resources.get(api_version=item["apiVersion"], kind=item["kind"])
            client.server_side_apply(kind, item, name, self._bench.namespace, field_manager="varasys.zddc")
        self._bench.apps.create_namespaced_controller_revision(self._bench.namespace, copied)
        self._scale(name)

    def _scale(self, name: str) -> None:
        """Scale an instance to none. By way of the subresource, nobody would own a 0."""
        scaled = {"spec": {"replicas": 0}}
        self._bench.apps.patch_namespaced_deployment(name, self._bench.namespace, scaled, field_manager=AUTOSCALER)

    def deploy(self, count: int) -> tuple[float, float]:
        """Deploy the instances in one play, and give its seconds and the most MiB that it held."""
        names = [f"many-{number:03}" for number in range(1, count + 1)]
        shared = {key: value for key, value in self._bench.variables(**MODEL).items() if key != "zddc_server_name"}
        group = {"hosts": {name: {"zddc_server_name": name} for name in names}, "vars": shared}
        inventory = self._home / "many.yml"
        inventory.write_text(yaml.safe_dump({"zddc_server": group}))
        command = ["ansible-playbook", "-i", str(inventory), "playbooks/deploy.yml"]
        begin, peak = time.monotonic(), 0.0
        with (self._home / "many.log").open("w+") as log:
            with subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=dict(os.environ)) as process:
                while process.poll() is None:
                    peak = max(peak, memory(process.pid))
                    time.sleep(0.5)
            seconds = time.monotonic() - begin
            log.seek(0)
            said = log.read()
        assert process.returncode == 0 and said.count("changed=0 ") == count, said[-3000:]
        return seconds, peak

    def remove(self) -> None:
        """Take all of them away."""
        labels = {
            "label_selector": f"app.kubernetes.io/managed-by=varasys.zddc,app.kubernetes.io/instance notin ({', '.join(KEPT)})"
        }
        self._bench.apps.delete_collection_namespaced_deployment(self._bench.namespace, **labels)
        self._bench.apps.delete_collection_namespaced_controller_revision(self._bench.namespace, **labels)
        self._bench.core.delete_collection_namespaced_service(self._bench.namespace, **labels)
