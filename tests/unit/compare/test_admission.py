# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a cluster admits a Deployment's pods."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.compare import admission

NAMESPACE = "/api/v1/namespaces/docs"
MOUNTERS = {
    "server": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN", "SYS_ADMIN"]}},
    "sidecar": {"privileged": True},
}
LABEL = "kubectl label namespace docs pod-security.kubernetes.io/enforce=privileged --overwrite"
NO_RIGHT = 'pods is forbidden: User "ann" cannot create resource "pods" in API group "" in the namespace "docs"'


class Api:
    """A cluster that answers the dry run of a pod with an error, if there is one, and has labels at the namespace."""

    def __init__(self, said: str = "", status: int = 403, labels: dict[str, str] | None = None) -> None:
        self.said, self.status, self.labels = said, status, labels
        self.sent: list[Any] = []

    def send(self, verb: str, path: str, body: Any, **query: Any) -> Any:
        self.sent.append((verb, path, query, body))
        if self.said:
            raise ApiError("refuses", status=self.status, said=self.said)
        return body

    def find(self, path: str) -> Any:
        assert path == NAMESPACE
        if self.labels is None:
            raise ApiError("refuses", status=403)
        return {"metadata": {"labels": self.labels}}


def enforces(level: str) -> dict[str, str]:
    return {"pod-security.kubernetes.io/enforce": level}


def deployment(mounter: str = "", replicas: int = 1) -> dict[str, Any]:
    init = [{"name": "overlay", "securityContext": MOUNTERS[mounter]}] if mounter == "sidecar" else []
    server = {"name": "zddc-server", "securityContext": MOUNTERS[mounter] if mounter == "server" else {}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"initContainers": init, "containers": [server]}}
    return {"metadata": {"name": "web"}, "spec": {"replicas": replicas, "template": template}}


def found(api: Api, mounter: str = "", replicas: int = 1) -> list[str]:
    return admission.problems(api, "docs", deployment(mounter, replicas))


def test_a_pod_is_asked_for_and_not_made() -> None:
    api = Api()
    assert found(api) == []
    [(verb, path, query, pod)] = api.sent
    assert (verb, path, query) == ("post", f"{NAMESPACE}/pods", {"dryRun": "All"})
    assert pod["metadata"] == {"labels": {"a": "b"}, "generateName": "web-"}
    assert pod["spec"] == deployment()["spec"]["template"]["spec"]


def test_a_service_account_that_comes_with_the_instance_may_be_missing() -> None:
    with_account = deployment()
    with_account["spec"]["template"]["spec"]["serviceAccountName"] = "archive"
    asked = []
    for accounts in ([], ["archive"]):
        api = Api()
        admission.problems(api, "docs", with_account, accounts)
        [(_verb, _path, _query, pod)] = api.sent
        asked.append(pod["spec"].get("serviceAccountName"))
    assert asked == ["archive", None]
    assert with_account["spec"]["template"]["spec"]["serviceAccountName"] == "archive"


def test_where_there_are_to_be_no_pods_nothing_is_asked() -> None:
    api = Api("denied")
    assert found(api, replicas=0) == [] and api.sent == []


@pytest.mark.parametrize(("mounter", "container"), [("server", "zddc-server"), ("sidecar", "overlay")])
def test_a_level_that_is_too_strict(mounter: str, container: str) -> None:
    api = Api('pods "web-" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not)')
    assert found(api, mounter) == [
        "zddc_server_namespace: the namespace 'docs' enforces Pod Security 'baseline:latest', and the pods need 'privileged', "
        f'since their container {container} mounts the overlay (zddc_server_overlay_mounter): privileged (container "c" must '
        f"not). Name another namespace, or allow it in this one: {LABEL}"
    ]


def test_a_pod_that_needs_nothing_and_is_changed_on_its_way() -> None:
    assert found(Api('pods "web-" is forbidden: violates PodSecurity "restricted:v1.34": host namespaces')) == [
        "zddc_server_namespace: the namespace 'docs' enforces Pod Security 'restricted:v1.34', and does not admit the pods: "
        "host namespaces. Name another namespace, or lower its level."
    ]


def test_anything_else_that_refuses_pods() -> None:
    said = 'admission webhook "policy.example.org" denied the request: images come from registry.example.org'
    assert found(Api(said)) == [
        f"zddc_server_namespace: the cluster admits no pod of this instance in namespace 'docs': {said}. Fix that, or name "
        "another namespace."
    ]


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_user_who_may_make_no_pods(level: str) -> None:
    assert found(Api(NO_RIGHT, labels=enforces(level)), "server") == [
        f"zddc_server_namespace: the namespace 'docs' enforces Pod Security '{level}', and the pods need 'privileged', "
        "since their container zddc-server mounts the overlay (zddc_server_overlay_mounter). Name another namespace, or allow "
        f"it in this one: {LABEL}"
    ]
    # Prod does with any level.
    assert found(Api(NO_RIGHT, labels=enforces(level))) == []


@pytest.mark.parametrize("labels", [None, {}, enforces("privileged")])
def test_a_user_who_may_make_no_pods_where_nothing_is_known(labels: dict[str, str] | None) -> None:
    assert found(Api(NO_RIGHT, labels=labels), "server") == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ('pods "web-" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1', 403),
        ('pods "web-" is forbidden: error looking up service account d/default: serviceaccount "default" not found', 403),
        ('admission webhook "policy.example.org" does not support dry run', 400),
    ],
)
def test_what_is_no_verdict(said: str, status: int) -> None:
    assert found(Api(said, status, {}), "server") == []
