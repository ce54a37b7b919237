# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of placement, access, volumes and metadata at work, and what each of them changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import kubernetes
import pytest

OPTIONS: dict[str, Any] = {
    "node_selector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]
            }
        }
    },
    "topology_spread_constraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priority_class_name": "zddc-tests",
    "image_pull_secrets": ["registry"],
    "service_account_create": True,
    "service_account_annotations": {"example.org/role": "reader"},
    "pod_security_context": {"supplementalGroupsPolicy": "Strict"},
    "security_context": {"procMount": "Default"},
    "extra_env": {"ZDDC_ONE": "variable"},
    "extra_env_from": [{"configMapRef": {"name": "settings"}, "prefix": "ZDDC_"}],
    "extra_volumes": [{"name": "policies", "configMap": {"name": "settings"}}],
    "extra_volume_mounts": [{"name": "policies", "mountPath": "/etc/policies", "readOnly": True}],
    "termination_grace_period": 65,
    "revision_history_limit": 3,
    "replicas": 2,
    "service_port": 8080,
    "labels": {"example.org/team": "archive"},
    "pod_labels": {"example.org/of": "server"},
    "build_pod_labels": {"example.org/of": "build"},
    "deployment_patch": {
        "spec": {
            "template": {
                "spec": {
                    "hostAliases": [{"ip": "192.0.2.7", "hostnames": ["opa.example.org"]}],
                    "containers": [{"name": "zddc-server", "env": [{"name": "TZ", "value": "Europe/Vienna"}]}],
                }
            }
        }
    },
    "build_job_patch": {"spec": {"ttlSecondsAfterFinished": 7200}},
    "http_route_enabled": True,
    "http_route_parent_refs": [{"name": "traefik", "namespace": "traefik"}],
    "http_route_hosts": ["options.example.org"],
    "supplemental_groups": [3000],
}


@pytest.fixture(name="surroundings")
def surroundings_fixture(site: Any) -> Iterator[None]:
    """Make what the options name, and deploy without them in the end."""
    api = kubernetes.client.SchedulingV1Api(site.core.api_client)
    api.create_priority_class({"metadata": {"name": "zddc-tests"}, "value": 1})
    settings = {"metadata": {"name": "settings"}, "data": {"ONE": "configured", "TWO": "configured"}}
    site.core.create_namespaced_config_map(site.namespace, settings)
    yield
    with site.restricted():
        played = site.deploy()
    site.core.delete_namespaced_config_map("settings", site.namespace)
    api.delete_priority_class("zddc-tests")
    assert (played.returncode, played.message) == (0, "")


def through_gateway(site: Any, path: str = "/") -> str:
    """Ask for a page at Traefik's node port, and give the commit that answers."""
    node = site.url.rpartition(":")[0]
    with urlopen(Request(f"{node}:30082{path}", headers={"Host": "options.example.org"}), timeout=5) as answer:
        return str(answer.headers["X-Zddc-Commit"])


def answers(site: Any) -> str:
    """Give the commit that answers through the Gateway, or what says that it does not know of the route yet."""
    try:
        return through_gateway(site)
    except OSError as error:
        return str(error)


@pytest.mark.usefixtures("surroundings")
def test_options(site: Any) -> None:
    usual, jobs = site.objects(), site.jobs()
    with site.restricted():
        played = site.deploy(**OPTIONS)
    assert played.message == ""
    assert site.objects().keys() - usual.keys() >= {f"ServiceAccount {site.name}", f"PodDisruptionBudget {site.name}"}

    (job,) = (job for name, job in site.jobs().items() if name not in jobs)
    assert job.spec.ttl_seconds_after_finished == 7200
    assert job.spec.template.metadata.labels["example.org/of"] == "build"
    servers = [pod for pod in site.pods() if pod.metadata.name in site.servers()]
    assert len(servers) == 2
    for spec in (job.spec.template.spec, *(pod.spec for pod in servers)):
        assert spec.node_selector == OPTIONS["node_selector"]
        assert "dedicated" in [one.key for one in spec.tolerations]
        assert spec.affinity.node_affinity and spec.affinity.pod_affinity
        assert spec.priority_class_name == "zddc-tests"
        assert [one.name for one in spec.image_pull_secrets] == ["registry"]
        assert spec.service_account_name == site.name
        assert spec.automount_service_account_token is False
        assert spec.security_context.supplemental_groups_policy == "Strict"
    for pod in servers:
        assert pod.metadata.labels["example.org/of"] == "server" and "example.org/team" not in pod.metadata.labels
        assert pod.spec.termination_grace_period_seconds == 65
        assert pod.spec.topology_spread_constraints[0].label_selector.match_labels["app.kubernetes.io/instance"] == site.name

    seen = site.run(
        servers[0].metadata.name,
        "zddc-server",
        "sh",
        "-c",
        "env; echo policy=$(cat /etc/policies/TWO); grep opa.example.org /etc/hosts; ls /var/run/secrets; true",
    )
    lines = set(seen.replace("\t", " ").splitlines())
    assert {"ZDDC_ONE=variable", "ZDDC_TWO=configured", "ZDDC_TLS_CERT=none", "TZ=Europe/Vienna"} <= lines
    assert {"policy=configured", "192.0.2.7 opa.example.org"} <= lines
    assert "kubernetes.io" not in seen.rpartition("opa.example.org")[2]

    site.until(lambda: answers(site), equals=site.served())
    policy = kubernetes.client.PolicyV1Api(site.core.api_client)
    budget = policy.read_namespaced_pod_disruption_budget(site.name, site.namespace)
    assert (budget.spec.max_unavailable, budget.spec.unhealthy_pod_eviction_policy) == (1, "AlwaysAllow")
    assert budget.status.disruptions_allowed == 1

    before = site.objects()
    again = site.deploy(**OPTIONS)
    assert (again.returncode, again.message, again.changed, site.objects()) == (0, "", 0, before)

    def changed(**options: Any) -> set[str]:
        """Give the objects that options change."""
        earlier = site.objects()
        played = site.deploy(**{**OPTIONS, **options})
        assert (played.returncode, played.message) == (0, "")
        return {name for name, version in site.objects().items() if earlier.get(name) != version}

    pods = site.pod_names()
    assert changed(service_annotations={"example.org/note": "hello"}) == {f"Service {site.name}"}
    assert changed(service_account_labels={"example.org/note": "hello"}, service_annotations={}) == {
        f"Service {site.name}",
        f"ServiceAccount {site.name}",
    }
    assert changed(disruption_budget={"minAvailable": 1}) == {f"PodDisruptionBudget {site.name}", f"ServiceAccount {site.name}"}
    assert changed(deployment_annotations={"example.org/note": "hello"}, disruption_budget={}) == {f"Deployment {site.name}"}
    assert f"PodDisruptionBudget {site.name}" not in site.objects()
    assert site.pod_names() == pods


def test_what_is_turned_off_is_removed(site: Any) -> None:
    """The test before has turned it on."""
    assert not {f"ServiceAccount {site.name}", f"PodDisruptionBudget {site.name}"} & site.objects().keys()
    routes = kubernetes.client.CustomObjectsApi(site.core.api_client)
    # The API server keeps its name in two fields.
    pod = site.deployment().spec.template.spec
    assert (pod.service_account_name, pod.service_account) == ("default", "default")
    found = routes.list_namespaced_custom_object("gateway.networking.k8s.io", "v1", site.namespace, "httproutes")
    assert found["items"] == []
