# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the pods of a Deployment can have the claim of the documents."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.compare import claim_access

VOLUME, NODES = "/api/v1/persistentvolumes/pv-1", "/api/v1/nodes"
IS = "the claim 'zddc-root' in namespace 'docs' is"


def node(name: str, taints: list[dict[str, str]] | None = None, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"host": name, "zone": name[0]}}, "spec": {"taints": taints or [], **more}}


CONTROL_PLANE = node("c1", [{"key": "control-plane", "effect": "NoSchedule"}])
THREE = [node("a1"), node("a2"), node("b1"), CONTROL_PLANE, node("b2", unschedulable=True)]


class Api:
    """Answers by path; an error for what may not be read."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def find(self, path: str) -> Any:
        if path not in self.answers:
            raise ApiError("refuses (403)", status=403)
        return self.answers[path]

    get = find


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    """What of a pod says where it must run."""
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}}


def found(mode: str, nodes: list[Any] | None = THREE, volume: Any = None, written: bool = True, **spec: Any) -> list[str]:
    """What stands in the way of pods that roll, of which there is one."""
    pod = {"volumes": [{"persistentVolumeClaim": {"claimName": "zddc-root", "readOnly": not written}}], **spec.pop("pod", {})}
    definition = {"spec": {"replicas": 1, "strategy": {"type": "RollingUpdate"}, "template": {"spec": pod}, **spec}}
    answers = ({NODES: {"items": nodes}} if nodes is not None else {}) | {VOLUME: {"spec": volume or {}}}
    claim = {"access_modes": mode.split(), "volume": "pv-1"}
    return claim_access.problems(Api(answers), "docs", "zddc-root", claim, definition)


@pytest.mark.parametrize("mode", ["ReadWriteMany", "ReadOnlyMany ReadWriteMany", ""])
def test_a_claim_for_all_nodes(mode: str) -> None:
    assert found(mode, replicas=3) == []


def test_a_claim_that_cannot_be_written_to() -> None:
    assert found("ReadOnlyMany") == [
        f"zddc_server_data_claim: {IS} ReadOnlyMany, and in prod the server writes to it: its logs and tokens are next to "
        "the documents. Name a claim that is writable."
    ]
    assert found("ReadOnlyMany", written=False, replicas=2) == []


def test_pods_at_a_time_on_a_claim_of_one_node() -> None:
    assert found("ReadWriteOnce", replicas=2, strategy={"type": "Recreate"}) == [
        f"zddc_server_replicas is 2, and {IS} ReadWriteOnce: pods on other nodes cannot mount it. Set it to 1, or name a claim "
        "that is ReadWriteMany."
    ]
    assert found("ReadWriteOnce", strategy={"type": "Recreate"}) == []
    # What is stopped needs none.
    assert found("ReadWriteOnce", replicas=0) == found("ReadOnlyMany", replicas=0) == []


def test_a_claim_of_one_pod() -> None:
    assert found("ReadWriteOncePod", [node("a1")]) == [
        f"zddc_server_strategy is RollingUpdate, and {IS} ReadWriteOncePod: the new pod would wait until the old one ends, "
        "which waits for the new one. Set zddc_server_strategy to Recreate."
    ]


def test_rolling_across_nodes() -> None:
    problem = (
        f"zddc_server_strategy is RollingUpdate, and {IS} ReadWriteOnce: the new pod may run on another of 3 nodes, where it "
        "cannot mount the claim while the old one runs. Set zddc_server_strategy to Recreate, select one node with "
        "zddc_server_node_selector, or name a claim that is ReadWriteMany."
    )
    assert found("ReadWriteOnce") == [problem]
    assert found("ReadWriteOnce", written=False) == [problem]
    everywhere = {"tolerations": [{"operator": "Exists"}]}
    assert found("ReadWriteOnce", pod=everywhere) == [problem.replace("of 3", "of 4")]


@pytest.mark.parametrize(
    "pod",
    [
        {"nodeSelector": {"host": "a1"}},
        required({"matchExpressions": [{"key": "host", "operator": "In", "values": ["a1"]}]}),
        required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a1"]}]}),
        {
            "affinity": {
                "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]}
            }
        },
    ],
)
def test_rolling_on_one_node_by_the_pods(pod: dict[str, Any]) -> None:
    assert found("ReadWriteOnce", pod=pod) == []


def test_rolling_where_the_pods_must_run() -> None:
    (problem,) = found("ReadWriteOnce", pod=required({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}))
    assert "another of 2 nodes" in problem


@pytest.mark.parametrize(
    ("expression", "nodes"),
    [
        ({"key": "host", "operator": "In", "values": ["a1"]}, 1),
        ({"key": "zone", "operator": "In", "values": ["a"]}, 2),
        ({"key": "zone", "operator": "NotIn", "values": ["a"]}, 1),
        ({"key": "zone", "operator": "Exists"}, 3),
        ({"key": "disk", "operator": "Exists"}, 0),
        ({"key": "disk", "operator": "DoesNotExist"}, 3),
    ],
)
def test_rolling_where_the_volume_is(expression: dict[str, Any], nodes: int) -> None:
    volume = {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}
    problems = found("ReadWriteOnce", volume=volume)
    assert len(problems) == (nodes > 1)
    assert all(f"another of {nodes} nodes" in problem for problem in problems)


def test_what_may_not_be_read_is_left_to_the_rollout() -> None:
    assert found("ReadWriteOnce", nodes=None) == []


@pytest.mark.parametrize(
    ("toleration", "does"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "value": "v", "effect": "NoExecute"}, False),
        ({"key": "k", "value": "w"}, False),
        ({"key": "j", "operator": "Exists"}, False),
    ],
)
def test_a_toleration(toleration: dict[str, str], does: bool) -> None:
    assert claim_access.stands(toleration, {"key": "k", "value": "v", "effect": "NoSchedule"}) == does
