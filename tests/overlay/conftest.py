# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One namespace for these tests, and an instance of dev in it, with a cache; a test deploys it with the mounter that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import kubernetes
import pytest
from stage import Stage

PODS = "/var/lib/kubelet/pods"


class Dev(Stage):
    """The namespace, the pods of dev and those made like them, and the node below."""

    name = "zddc-server-dev"
    claim = f"{name}-build-cache"

    def pod(self) -> Any:
        """Give the one pod of the instance."""
        served = [pod for pod in self.pods(self.name) if pod.metadata.labels["app.kubernetes.io/name"] == "zddc-server"]
        (pod,) = [pod for pod in served if not pod.metadata.deletion_timestamp]
        return pod

    def copies(self, count: int) -> list[Any]:
        """Make pods like that of the instance, which belong to no Deployment, and wait until they are ready."""
        template = self.core.api_client.sanitize_for_serialization(self.deployment().spec.template)
        kept = {"varasys.zddc/build-cache"}
        labels = {key: value for key, value in template["metadata"]["labels"].items() if key in kept}
        for number in range(count):
            metadata = {
                "name": f"copy-{number}",
                "labels": labels | {"app": "copy"},
                "annotations": template["metadata"]["annotations"],
            }
            self.core.create_namespaced_pod(self.namespace, {"metadata": metadata, "spec": template["spec"]})

        def ready() -> list[str]:
            return [one.status for pod in self.listed() for one in pod.status.conditions or [] if one.type == "Ready"]

        self.until(ready, equals=["True"] * count, seconds=240)
        return self.listed()

    def remove_copies(self) -> None:
        """Remove what a test left of them when it failed: they would hold the claim of the cache."""
        self.core.delete_collection_namespaced_pod(self.namespace, label_selector="app=copy", grace_period_seconds=0)
        self.until(lambda: [pod.metadata.name for pod in self.listed()], equals=[])

    def listed(self) -> list[Any]:
        """Give the copies that the cluster knows."""
        return list(self.core.list_namespaced_pod(self.namespace, label_selector="app=copy").items)

    def mounts(self, *uids: str) -> list[str]:
        """Give the overlays on the node that belong to pods."""
        found = self.on_node(f"grep -E ' {PODS}/[^ ]+ overlay ' /proc/1/mounts || true").splitlines()
        return [line for line in found if any(uid in line for uid in uids)]

    def folders(self, *uids: str) -> list[str]:
        """Give the pods of which the node still has a folder."""
        # Not ls, which fails on a folder that goes while it looks.
        found = self.on_node(f"cd /proc/1/root{PODS}; echo *").split()
        return sorted(set(found) & set(uids))

    def signal(self, name: str, *uids: str, process: str = "") -> None:
        """Send a signal to the processes of pods on the node whose command line holds a text."""
        pattern = "|".join(uid.replace("-", "[-_]") for uid in uids)
        self.on_node(
            "for one in /proc/[0-9]*; do"
            f" grep -qsE 'pod({pattern})' $one/cgroup && tr '\\0' ' ' < $one/cmdline | grep -qF -- '{process}' || continue;"
            f" kill -{name} ${{one#/proc/}} || true; done"
        )

    def restart(self, service: str) -> None:
        """Start a service of the node anew, and wait until the node is reached again."""
        with suppress(AssertionError, kubernetes.client.ApiException):
            self.on_node(f"nsenter -t 1 -m -- systemctl restart {service}")

        def state() -> str:
            try:
                return self.on_node(f"nsenter -t 1 -m -- systemctl is-active {service}")
            except (AssertionError, kubernetes.client.ApiException) as error:
                return str(error)

        self.until(state, equals="active\n")

    def store(self) -> str:
        """Give a checksum over all documents, with their names, modes, owners and times."""
        look = "cd /store; find . -exec stat -c '%n %a %u:%g %s %Y' {} + | sort; find . -type f -exec sha256sum {} + | sort"
        return self.on_node(f"{{ {look}; }} | sha256sum")


@pytest.fixture(scope="package", name="site")
def site_fixture(prepare: Callable[..., Any], play: Callable[..., Any]) -> Iterator[Dev]:
    """Make the namespace and the volume of the cache."""
    site = Dev(
        prepare("overlay", 30461), play, 30462,
        mode="dev", git_ref="main", log_level="info", build_cache="own", build_cache_storage_class="tests",
    )  # fmt: skip
    volume = site.volume(Dev.claim, "0755")
    try:
        yield site
        site.deploy(playbook="remove")
    finally:
        site.remove_volume(volume)
