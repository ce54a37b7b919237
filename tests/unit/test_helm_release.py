# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a release has set, as variables. tests/migrate has real ones."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.helm_release import merged, stays, variables
from ansible_collections.varasys.zddc.plugins.modules import helm_release_info

LABELS = {"app.kubernetes.io/name": "zddc-server", "app.kubernetes.io/instance": "web"}
VALUES = {"zddc": {"gitRepo": "https://git.example.org/zddc", "gitRef": "zddc-server-v0.0.7"}}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "namespace": "docs",
        "labels": {**LABELS, "app.kubernetes.io/managed-by": "Helm", "team": "archive"},
        "annotations": {"deployment.kubernetes.io/revision": "3", "meta.helm.sh/release-name": "web"},
    },
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": LABELS},
        "strategy": {"type": "RollingUpdate"},
        "template": {
            "metadata": {"labels": LABELS, "annotations": {"zddc/build-time": "now", "prometheus.io/scrape": "true"}},
            "spec": {
                "securityContext": {"fsGroup": 3000},
                "serviceAccountName": "archive",
                "nodeSelector": {"disk": "fast"},
                "imagePullSecrets": [{"name": "registry"}],
                "initContainers": [
                    {
                        "name": "build",
                        "image": "mirror.example.org/golang:1.24-alpine3.22",
                        "imagePullPolicy": "IfNotPresent",
                        "volumeMounts": [{"name": "bin", "mountPath": "/out"}],
                        "resources": {"limits": {"memory": "2Gi"}},
                    }
                ],
                "containers": [
                    {"name": "proxy", "image": "proxy"},
                    {
                        "name": "server",
                        "image": "alpine:3.22",
                        "imagePullPolicy": "Always",
                        "env": [
                            {"name": "ZDDC_CORS_ORIGIN", "value": "https://a.example.org,https://b.example.org"},
                            {"name": "ZDDC_ROOT", "value": "/data"},
                            {"name": "ZDDC_TLS_CERT", "value": "none"},
                            {"name": "ZDDC_OPA_URL", "value": "http://opa:8181"},
                            {"name": "ZDDC_API_TOKEN", "value": "hunter2"},
                            {"name": "ZDDC_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "one"}}},
                        ],
                        "livenessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 30, "timeoutSeconds": 1},
                        "readinessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 10},
                        "securityContext": {"runAsUser": 1000},
                        "volumeMounts": [
                            {"name": "bin", "mountPath": "/opt/zddc"},
                            {"name": "store", "mountPath": "/data"},
                            {"name": "policies", "mountPath": "/etc/policies"},
                        ],
                    },
                ],
                "volumes": [
                    {"name": "bin", "emptyDir": {}},
                    {"name": "policies", "configMap": {"name": "policies"}},
                    {"name": "other", "persistentVolumeClaim": {"claimName": "other"}},
                    {"name": "store", "persistentVolumeClaim": {"claimName": "documents"}},
                ],
            },
        },
    },
}
SERVICE = {
    "metadata": {"name": "web", "annotations": {"lb.example.org/scheme": "internal", "meta.helm.sh/release-name": "web"}},
    "spec": {"type": "ClusterIP", "ports": [{"port": 8000}]},
}
INGRESS = {
    "metadata": {"name": "web"},
    "spec": {
        "tls": [{"hosts": ["a.example.org"], "secretName": "a-tls"}],
        "rules": [
            {"host": "a.example.org", "http": {"paths": [{"path": "/", "pathType": "Exact"}]}},
            {"host": "b.example.org", "http": {"paths": [{"path": "/docs", "pathType": "Exact"}]}},
            {"http": {"paths": [{"pathType": "Exact"}]}},
        ],
    },
}


def test_variables() -> None:
    found = variables(DEPLOYMENT, SERVICE, INGRESS, VALUES)
    assert {name.removeprefix("zddc_server_"): value for name, value in found.variables.items()} == {
        "mode": "prod",
        "name": "web",
        "namespace": "docs",
        "git_repo": "https://git.example.org/zddc",
        "git_ref": "zddc-server-v0.0.7",
        "build_image": "mirror.example.org/golang:1.24-bookworm",
        "build_image_pull_policy": "IfNotPresent",
        "build_resources": {"limits": {"memory": "2Gi"}},
        "image": "alpine:3.22",
        "image_pull_policy": "Always",
        "root": "/data",
        "cors_origins": ["https://a.example.org", "https://b.example.org"],
        "extra_env": {
            "ZDDC_OPA_URL": "http://opa:8181",
            "ZDDC_KEY": {"secretKeyRef": {"name": "keys", "key": "one"}},
        },
        "probes": {"liveness": {"periodSeconds": 30}},
        "data_claim": "documents",
        "extra_volumes": [{"name": "policies", "configMap": {"name": "policies"}}],
        "extra_volume_mounts": [{"name": "policies", "mountPath": "/etc/policies"}],
        "run_as_user": 1000,
        "fs_group": 3000,
        "replicas": 2,
        "strategy": "RollingUpdate",
        "node_selector": {"disk": "fast"},
        "image_pull_secrets": ["registry"],
        "service_account_name": "archive",
        "pod_annotations": {"prometheus.io/scrape": "true"},
        "deployment_labels": {"team": "archive"},
        "service_type": "ClusterIP",
        "service_port": 8000,
        "service_annotations": {"lb.example.org/scheme": "internal"},
        "ingress_enabled": True,
        "ingress_hosts": [
            {"host": "a.example.org", "tls_secret": "a-tls"},
            {"host": "b.example.org", "paths": ["/docs"]},
        ],
        "ingress_path_type": "Exact",
    }
    assert [note.partition(":")[0] for note in found.notes] == [
        "zddc_server_build_image",
        "zddc_server_extra_env",
        "zddc_server_deployment_patch",
        "zddc_server_ingress_hosts",
        "zddc_server_allowed_clients or zddc_server_guarded_elsewhere",
    ]
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize(
    ("owner", "user", "note"),
    [
        ("1000:100", {"zddc_server_run_as_user": 1000, "zddc_server_run_as_group": 100}, ""),
        ("0:0", {}, "the documents belong to root"),
        ("1000:0", {}, "the documents belong to the group root"),
        ("stat: not found", {}, "the owner of the documents could not be determined"),
    ],
)
def test_the_owner_of_the_documents(
    read: Callable[..., dict[str, Any]], cluster: Any, owner: str, user: dict[str, int], note: str
) -> None:
    assert "zddc_server_run_as_group" not in read(documents_owner=owner)["variables"], "the release sets a user"
    deployment = copy.deepcopy(DEPLOYMENT)
    del deployment["spec"]["template"]["spec"]["containers"][1]["securityContext"]
    cluster.answers["/apis/apps/v1/namespaces/docs/deployments/web"] = deployment
    before, found = read(), read(documents_owner=owner)
    assert found["variables"] == before["variables"] | user
    assert found["notes"] == before["notes"] + [
        f"zddc_server_run_as_user: {said}, and the server is never root here. What to do before the takeover: "
        'docs/from-helm.md, "The owner of the documents".'
        for said in filter(None, [note])
    ]


def test_values_of_another_chart() -> None:
    found = variables(DEPLOYMENT, None, None, {"zddc": "x"})
    assert (
        "zddc_server_git_repo: the release has no value zddc.gitRepo. Set it to what the release was built from." in found.notes
    )
    assert "zddc_server_git_repo" not in found.variables and "zddc_server_service_type" not in found.variables


def test_a_selector_that_stays() -> None:
    assert stays(DEPLOYMENT) == ""
    other = copy.deepcopy(DEPLOYMENT)
    other["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    assert stays(other) == (
        "Deployment 'web' selects its pods by app=web, which cannot be changed; the role's would select them by "
        "app.kubernetes.io/name=zddc-server, app.kubernetes.io/instance=web."
    )


def test_values_are_merged_as_helm_merges_them() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4, "c": None}, "d": {}}) == {"a": {"b": 4}, "d": {}}


def test_origins_that_are_not_set_and_those_that_are_empty() -> None:
    deployment = copy.deepcopy(DEPLOYMENT)
    server = next(one for one in deployment["spec"]["template"]["spec"]["containers"] if "env" in one)
    for env, wanted in (({}, None), ({"ZDDC_CORS_ORIGIN": ""}, [])):
        server["env"] = [{"name": name, "value": value} for name, value in {"ZDDC_ROOT": "/data", **env}.items()]
        assert variables(deployment, SERVICE, None, VALUES).variables["zddc_server_cors_origins"] == wanted


def test_secrets_of_a_release_are_left_out() -> None:
    deployment = copy.deepcopy(DEPLOYMENT)
    server = next(one for one in deployment["spec"]["template"]["spec"]["containers"] if "env" in one)
    server["env"] += [
        {"name": "ZDDC_TOKEN_FILE", "value": "/etc/token"},
        {"name": "ZDDC_PROXY", "value": "http://ada:hunter2@proxy"},
    ]
    values = {"zddc": {"gitRepo": "https://oauth2:hunter2@git.example.org/zddc", "gitRef": "main"}}
    found = variables(deployment, SERVICE, None, values)
    assert "hunter2" not in str(found)
    assert found.variables["zddc_server_extra_env"]["ZDDC_TOKEN_FILE"] == "/etc/token"
    assert "zddc_server_git_repo" not in found.variables
    assert [note.partition(":")[0] for note in found.notes].count("zddc_server_git_repo") == 1


def secret(version: int, name: str = "web") -> dict[str, Any]:
    record = {
        "version": version,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "zddc-server-prod", "version": "0.1.0"}, "values": VALUES},
        "manifest": "---\n" + "\n---\n".join(
            json.dumps({"apiVersion": api, "kind": kind, "metadata": {"name": one}})
            for api, kind, one in (("apps/v1", "Deployment", "web"), ("v1", "ConfigMap", "policies"))
        ),
    }  # fmt: skip
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    labels = {"owner": "helm", "name": name, "version": str(version)}
    return {"metadata": {"name": f"sh.helm.release.v1.{name}.v{version}", "labels": labels}, "data": {"release": data}}


@pytest.fixture
def read(run: Callable[..., dict[str, Any]], cluster: Any, kubeconfig_for: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    cluster.answers["/api/v1/namespaces/docs/secrets"] = {"items": [secret(2), secret(10)]}
    cluster.answers["/api/v1/namespaces/docs/pods"] = {"items": []}
    cluster.answers["/apis/apps/v1"] = {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
    cluster.answers["/apis/apps/v1/namespaces/docs/deployments/web"] = DEPLOYMENT
    return lambda **options: run(
        helm_release_info, kubeconfig=kubeconfig_for(cluster.address), name="web", namespace="docs", **options
    )


def test_a_release(read: Callable[..., dict[str, Any]], cluster: Any) -> None:
    found = read()
    assert (found["chart"], found["deployment"], found["mode"], found["taken_over"]) == (
        "zddc-server-prod 0.1.0",
        "web",
        "prod",
        False,
    )
    assert [(one["kind"], one["metadata"]) for one in found["records"]] == [
        ("Secret", {"name": f"sh.helm.release.v1.web.{version}", "namespace": "docs"}) for version in ("v10", "v2")
    ]
    assert (found["objects"], found["others"]) == (["Deployment web"], ["ConfigMap policies"])
    assert read(managed_by="Helm")["taken_over"] and cluster.writes == []


def test_none_of_zddc_server(read: Callable[..., dict[str, Any]], cluster: Any) -> None:
    cluster.answers["/apis/apps/v1/namespaces/docs/deployments/web"] = 404
    assert read()["msg"] == (
        "The release 'web' in namespace 'docs', of the chart zddc-server-prod 0.1.0, has no Deployment in the cluster with a "
        "container that has ZDDC_ROOT: it is not a release of zddc-server. Name another: -e release=NAME"
    )


def test_no_right_to_read_secrets(read: Callable[..., dict[str, Any]], cluster: Any) -> None:
    cluster.answers["/api/v1/namespaces/docs/secrets"] = 403
    said = read()["msg"]
    assert said.startswith(f"The release 'web' in namespace 'docs': the cluster at {cluster.address} denies access (403): ")
