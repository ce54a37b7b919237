# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One namespace for these tests, with a release of each chart that a real Helm has installed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helm import CHARTS, HelmProgram, helm_program
from stage import Stage


class Releases(Stage):
    """The namespace, and Helm."""

    def __init__(self, instance: Any, play: Callable[..., Any], node_port: int, cluster: dict[str, Any], home: Path) -> None:
        # What is taken over is deployed as its release has it.
        super().__init__(instance, play, node_port, probes={})
        self._images, self._home = cluster, home
        self.helm = HelmProgram(helm_program(), self.kubeconfig, self.namespace, home).run

    def install(self, release: str, mode: str, chart: Path | None = None, **values: Any) -> None:
        """Install a release of a mode's chart, or of another, with values as a user of the cluster has them."""
        usual = {
            "zddc": {"gitRepo": self.repository, "gitRef": "main" if mode == "dev" else "zddc-server-v0.0.6"},
            "build": {
                "image": self._images["zddc_server_build_image"],
                "pullPolicy": "IfNotPresent",
                # The standard library as the image has it.
                "prepare": "export GODEBUG=installgoroot=all GOFLAGS=-trimpath",
            },
            "image": self._images["zddc_server_image"],
            "service": {"type": "NodePort", "nodePort": self.node_port},
        }
        file = self._home / f"{release}.json"
        file.write_text(json.dumps(usual | values))
        self.helm("upgrade", "--install", release, str(chart or CHARTS / f"zddc-server-{mode}"), "--values", str(file), "--wait")

    def migrate(self, *arguments: str, **variables: Any) -> Any:
        """Run the playbook, as a user would beside the variables of the cluster."""
        given = {
            "zddc_server_namespace": self.namespace, "zddc_server_kubeconfig": self.kubeconfig, "zddc_server_failures_dir": "",
            "zddc_server_build_env": self._variables["zddc_server_build_env"],
        } | variables  # fmt: skip
        return self.play("playbooks/migrate.yml", "-e", json.dumps(given), *arguments)

    @contextmanager
    def without_jobs(self) -> Iterator[None]:
        """Let nobody make a Job."""
        quota = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
        self.core.create_namespaced_resource_quota(self.namespace, quota)
        # A quota holds once its controller has counted.
        self.until(lambda: self.core.read_namespaced_resource_quota("no-jobs", self.namespace).status.used)
        try:
            yield
        finally:
            self.core.delete_namespaced_resource_quota("no-jobs", self.namespace)

    def unmount(self, pod: Any, mount: str) -> None:
        """Do on the node, once a pod has ended and somebody has had time to read, what the play asks for."""

        def states() -> list[Any]:
            status = self.core.read_namespaced_pod(pod.metadata.name, self.namespace).status
            return [one.state for one in status.container_statuses]

        self.until(states, lambda seen: all(state.terminated for state in seen), 120)
        time.sleep(10)
        self.on_node(f"nsenter --mount=/proc/1/ns/mnt -- umount {mount}")


@pytest.fixture(scope="package", name="releases")
def releases_fixture(
    prepare: Callable[..., Any], play: Callable[..., Any], zddc: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Releases:
    """Give the namespace, with documents that the role's server may write beside that of a chart, which is root."""
    found = Releases(prepare("migrate", 30472), play, 30473, zddc, tmp_path_factory.mktemp("helm"))
    found.on_node(f"cd {found.namespace}-zddc-root; mkdir -p .zddc.d/logs; chown -R 65532:65532 .zddc.d")
    return found
