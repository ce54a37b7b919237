# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A namespace with Deployments of one small container, and the modules that wait in this process."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import kubernetes
import pytest
from ansible.module_utils.testing import patch_module_args
from kubernetes.dynamic import DynamicClient

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import LONG_AGO
from ansible_collections.varasys.zddc.plugins.modules import rollout

# Serves on port 8080; ends some seconds after it is asked to, and serves until then.
STUBBORN = "trap 'sleep 3; exit 0' TERM; mkdir /www; echo on > /www/index.html; httpd -f -p 8080 -h /www & wait; wait"


class Shop:
    """The namespace: makes and changes Deployments there, and looks at them."""

    def __init__(self, variables: dict[str, Any], namespace: str) -> None:
        self.namespace = namespace
        self.kubeconfig = str(variables["zddc_server_kubeconfig"])
        self.image = str(variables["zddc_server_image"])
        self.address = str(variables["kind_cluster_node_address"])
        client = kubernetes.config.new_client_from_config(self.kubeconfig)
        self.core = kubernetes.client.CoreV1Api(client)
        self.apps = kubernetes.client.AppsV1Api(client)
        self.api = Api(DynamicClient(client, discoverer=lambda *_unused: None), 10)
        self.releases: dict[str, int] = {}
        self.count = 0

    def definition(self, name: str, command: str = STUBBORN, spec: dict[str, Any] | None = None, **more: Any) -> Any:
        """Give a Deployment at its next release, with what differs in its container, its pods or in itself."""
        self.releases[name] = self.releases.get(name, 0) + 1
        labels = {"app": name, "release": str(self.releases[name])}
        probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
        container = {"name": "web", "image": self.image, "command": ["sh", "-c", command], "readinessProbe": probe}
        pod = {"containers": [container | more.pop("container", {})], **(more.pop("pod", None) or {})}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": labels}, "spec": pod},
                **(spec or {}),
            },
        }

    def deploy(self, name: str, **what: Any) -> None:
        """Make a Deployment, or give it its next release."""
        definition = self.definition(name, **what)
        try:
            self.apps.replace_namespaced_deployment(name, self.namespace, definition)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
            self.apps.create_namespaced_deployment(self.namespace, definition)

    def pods(self, name: str) -> list[Any]:
        """Give the pods of a Deployment, the newest last."""
        found = self.core.list_namespaced_pod(self.namespace, label_selector=f"app={name}").items
        return sorted(found, key=lambda pod: pod.metadata.creation_timestamp)

    def told(self, reason: str, name: str, since: datetime = LONG_AGO) -> datetime:
        """Give when the cluster first told of something about a claim, or about a pod of a Deployment.

        What it told before that is old news: of that, when it last told it again.
        """
        events = self.core.list_namespaced_event(self.namespace, field_selector=f"reason={reason}").items
        found = [one for one in events if f"{one.involved_object.name}-".startswith(f"{name}-")]
        first: datetime = min(one.event_time or one.first_timestamp for one in found)
        last: datetime = max(one.last_timestamp or first for one in found)
        return first if first >= since else last

    def old_containers(self, name: str) -> int:
        """Tell how many containers of pods of an earlier release run."""
        old = [pod for pod in self.pods(name) if pod.metadata.labels["release"] != str(self.releases[name])]
        return sum(bool(one.state.running) for pod in old for one in pod.status.container_statuses or [])


@dataclass(frozen=True)
class Waited:
    """What the module gave, with its progress, and when it began and ended."""

    result: dict[str, Any]
    lines: list[str]
    begun: datetime
    ended: datetime

    @property
    def first_line(self) -> str:
        """Give the first line of its message."""
        return str(self.result.get("msg", "")).partition("\n")[0]

    @property
    def plain(self) -> str:
        """Give the same without the names that the cluster makes up."""
        text = re.sub(r"\d+\.\d+\.\d+\.\d+", "ADDRESS", self.first_line)
        return re.sub(r"\bweb[0-9]+-[a-z0-9]{6,10}-[a-z0-9]{5}\b", "POD", text)


@pytest.fixture(scope="module", name="shop")
def shop_fixture(zddc: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give a namespace for each file, without what a run that was cut off left there."""
    shop = Shop(zddc, f"rollout-{request.path.stem.removeprefix('test_').replace('_', '-')}")
    deadline = time.monotonic() + 60
    while shop.namespace in [item.metadata.name for item in shop.core.list_namespace().items]:
        assert time.monotonic() < deadline, f"the namespace {shop.namespace} of an earlier run does not go"
        with suppress(kubernetes.client.ApiException):
            shop.core.delete_namespace(shop.namespace)
        time.sleep(1)
    shop.core.create_namespace({"metadata": {"name": shop.namespace}})
    yield shop
    shop.core.delete_namespace(shop.namespace)


@pytest.fixture(name="name")
def name_fixture(shop: Shop) -> Iterator[str]:
    """Give a name for a Deployment, which is removed after the test."""
    shop.count += 1
    name = f"web{shop.count}"
    yield name
    shop.apps.delete_collection_namespaced_deployment(shop.namespace)
    shop.core.delete_collection_namespaced_pod(shop.namespace, grace_period_seconds=0)


@pytest.fixture(name="claim")
def claim_fixture(shop: Shop) -> Any:
    """Give the function that makes a claim of a storage class, and the pod's volume of it; it goes after the test."""

    def claim(storage_class: str) -> dict[str, Any]:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        body = {"metadata": {"name": "docs"}, "spec": {**spec, "storageClassName": storage_class}}
        shop.core.create_namespaced_persistent_volume_claim(shop.namespace, body)
        return {"volumes": [{"name": "docs", "persistentVolumeClaim": {"claimName": "docs"}}]}

    yield claim
    shop.core.delete_namespaced_persistent_volume_claim("docs", shop.namespace)


@pytest.fixture(name="run")
def run_fixture(shop: Shop, name: str, capsys: pytest.CaptureFixture[str], tmp_path: Any) -> Callable[..., Waited]:
    """Give the function that runs a module which waits."""

    def run(module: Any, **options: Any) -> Waited:
        lines = tmp_path / "lines"
        lines.write_text("")
        given = {"kubeconfig": shop.kubeconfig, "name": name, "progress": str(lines), "timeout": 90, **options}
        capsys.readouterr()
        begun = datetime.now(UTC)
        with patch_module_args(given), pytest.raises(SystemExit):
            module.main()
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        return Waited(result, lines.read_text().splitlines(), begun, datetime.now(UTC))

    return run


@pytest.fixture(name="wait")
def wait_fixture(shop: Shop, run: Callable[..., Waited]) -> Callable[..., Waited]:
    """Give the function that waits for the Deployment of the test's name."""
    return partial(run, rollout, namespace=shop.namespace)
