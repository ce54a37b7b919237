# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a cluster can give pods users of their own."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.compare import user_namespaces

CLAIM = "/api/v1/namespaces/docs/persistentvolumeclaims/zddc-root"
VOLUME = "/api/v1/persistentvolumes/pv-1"
NODES = "/api/v1/nodes"
ABLE = {
    "nodeInfo": {"kernelVersion": "6.18.44", "containerRuntimeVersion": "containerd://2.2.1"},
    "runtimeHandlers": [{"name": "", "features": {"userNamespaces": True}}],
}
DEPLOYMENT = {
    "kind": "Deployment",
    "spec": {
        "template": {
            "spec": {
                "hostUsers": False,
                "volumes": [{"emptyDir": {}}, {"persistentVolumeClaim": {"claimName": "zddc-root"}}],
            }
        }
    },
}


class Api:
    """Answers by path; an error for what is not there, or may not be read."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            CLAIM: {"spec": {"volumeName": "pv-1"}},
            VOLUME: {"spec": {"local": {}}},
            NODES: {"items": [{"status": ABLE}]},
            **answers,
        }

    def get(self, path: str) -> Any:
        if isinstance(self.answers[path], int):
            raise ApiError("refuses", status=self.answers[path])
        return self.answers[path]

    def find(self, path: str) -> Any:
        return self.get(path)


def found(**answers: Any) -> list[str]:
    return user_namespaces.problems(Api(**answers), "docs", DEPLOYMENT)


def test_all_is_well() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"nfs": {"server": "nfs.example.org"}}, "NFS"),
        ({"csi": {"driver": "nfs.csi.k8s.io"}}, "NFS"),
        ({"csi": {"driver": "file.csi.azure.com"}}, "SMB"),
    ],
)
def test_volume_that_maps_no_users(source: dict[str, Any], kind: str) -> None:
    assert found(**{VOLUME: {"spec": source}}) == [
        f"zddc_server_host_users is false, and the volume 'pv-1' of the claim 'zddc-root' in namespace 'docs' is on {kind}, "
        "which Linux cannot map to a pod's own users. Use a claim on another kind of storage, or set "
        "zddc_server_host_users to true."
    ]


@pytest.mark.parametrize("answers", [{VOLUME: {"spec": {"csi": {"driver": "ebs.csi.aws.com"}}}}, {CLAIM: {"spec": {}}}])
def test_volume_that_may_do(answers: dict[str, Any]) -> None:
    assert found(**answers) == []


@pytest.mark.parametrize("path", [CLAIM, VOLUME, NODES])
def test_what_may_not_be_read_is_left_to_the_rollout(path: str) -> None:
    assert found(**{path: 403}) == []


def test_no_node_that_can() -> None:
    old = {**ABLE, "nodeInfo": {"kernelVersion": "5.15.0-generic"}}
    plain = {"nodeInfo": {**ABLE["nodeInfo"], "containerRuntimeVersion": "containerd://1.7.1"}}
    nodes = [{"status": old}, {"status": plain}, {"status": ABLE, "spec": {"unschedulable": True}}]
    assert found(**{NODES: {"items": nodes}}) == [
        "zddc_server_host_users is false, and no node of the cluster can give pods their own users: Linux 5.15.0-generic "
        "cannot map the users of all volumes (6.3 can), the container runtime containerd://1.7.1 does not support it. Update "
        "the nodes, or set zddc_server_host_users to true."
    ]
    assert found(**{NODES: {"items": [*nodes, {"status": ABLE}]}}) == []


def test_what_is_wanted_and_what_is_dropped() -> None:
    assert user_namespaces.wanted(DEPLOYMENT)
    assert not user_namespaces.wanted({"kind": "Deployment", "spec": {"template": {"spec": {"hostUsers": True}}}})
    assert not user_namespaces.wanted({"kind": "Service", "spec": {}})
    assert user_namespaces.dropped(DEPLOYMENT, "https://a") == []
    (problem,) = user_namespaces.dropped({"spec": {"template": {"spec": {}}}}, "https://a")
    assert problem.startswith(
        "zddc_server_host_users is false, and the cluster at https://a silently ignores that: its feature gate "
    )
