# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One object in the cluster against its definition, with the dry run's answer given."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.compare.objects import Compared, compare, plain
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import as_yaml

EDITED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "recorded/edited.json").read_text(encoding="utf-8"))
DEFINITION: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "x", "namespace": "docs"},
    "spec": {
        "replicas": 1,
        "template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}},
    },
}


class Cluster:
    """Answers a dry run as the cluster does: what was added stays, what was changed is as applied."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, _verb: str, _path: str, body: str, _type: str, **query: str) -> dict[str, Any]:
        assert query == {"dryRun": "All", "fieldManager": "mine", "force": "true"}
        definition = json.loads(body)
        self.sent.append(definition)
        answer = copy.deepcopy(EDITED)
        own = next(entry for entry in answer["metadata"]["managedFields"] if entry["operation"] == "Apply")
        own["manager"] = "mine"
        containers = own["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
        containers['k:{"name":"c"}']["f:env"]['k:{"name":"A"}']["f:value"] = {}
        (container,) = (one for one in answer["spec"]["template"]["spec"]["containers"] if one["name"] == "c")
        container["env"][0]["value"] = "1"
        if "replicas" in definition["spec"]:
            own["fieldsV1"]["f:spec"]["f:replicas"] = {}
            answer["spec"]["replicas"] = definition["spec"]["replicas"]
        return answer


@pytest.fixture
def live() -> dict[str, Any]:
    found = copy.deepcopy(EDITED)
    for entry in found["metadata"]["managedFields"]:
        if entry["operation"] == "Apply":
            entry["manager"] = "mine"
    return found


def test_what_others_have_set(live: dict[str, Any]) -> None:
    found = compare(Cluster(), "/x", live, DEFINITION, "mine", [])
    assert (found.change, found.adopt, found.definition) == ("change", True, DEFINITION)
    assert sorted(re.sub(r" at [\dT:-]+Z", "", line) for line in found.drift) == [
        'Deployment x: metadata.annotations[example.org/hand] is "made", set by kubectl-annotate. The role does not set it.',
        "Deployment x: spec.replicas is 2, set by kubectl-scale. The role sets 1.",
        'Deployment x: spec.template.spec.containers[c].env[A].value is "9", set by kubectl-set. The role sets "1".',
        'Deployment x: spec.template.spec.containers[c].env[B] is {"name": "B", "value": "2"}, set by kubectl-set. '
        "The role does not set it.",
        'Deployment x: spec.template.spec.containers[d] is {"name": "d", "image": "nowhere:2", "resources": {}, '
        '"terminationMessagePath"..., set by kubectl-patch. The role does not set it.',
        'Deployment x: spec.template.spec.nodeSelector is {"disk": "fast"}, set by kubectl-patch. The role does not set it.',
    ]
    spec = found.after["spec"]
    assert (spec["replicas"], "nodeSelector" in spec["template"]["spec"]) == (1, False)
    assert [item["name"] for item in spec["template"]["spec"]["containers"]] == ["c"]


def test_what_is_left_to_a_manager_is_not_sent(live: dict[str, Any]) -> None:
    cluster = Cluster()
    found = compare(cluster, "/x", live, DEFINITION, "mine", ["kubectl-scale"])
    assert "replicas" not in found.definition["spec"] and "replicas" not in cluster.sent[-1]["spec"]
    assert DEFINITION["spec"]["replicas"] == 1
    assert not any("replicas" in line for line in found.drift)
    assert found.after["spec"]["replicas"] == 2


def test_a_stop_is_not_left_to_an_autoscaler(live: dict[str, Any]) -> None:
    stopped = {**DEFINITION, "spec": {**DEFINITION["spec"], "replicas": 0}}
    found = compare(Cluster(), "/x", live, stopped, "mine", ["kubectl-scale"])
    assert (found.definition, found.after["spec"]["replicas"], found.change) == (stopped, 0, "change")
    assert not any("replicas" in line for line in found.drift)


def test_nothing_but_bookkeeping_differs(live: dict[str, Any]) -> None:
    class Same(Cluster):
        def send(self, *_args: Any, **_query: str) -> dict[str, Any]:
            answer = copy.deepcopy(live)
            answer["metadata"] |= {"generation": 99, "resourceVersion": "99"}
            answer["status"] = {}
            return answer

    everybody = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    found = compare(Same(), "/x", live, DEFINITION, "mine", everybody)
    assert (found.change, found.drift, found.adopt) == ("none", [], False)


def test_what_is_not_there_is_created() -> None:
    found = compare(Cluster(), "/x", None, DEFINITION, "mine", [])
    assert (found.change, found.before, found.drift) == ("create", {}, [])
    assert found.diff()["before_header"] == "Deployment x, not in the cluster"
    assert (found.diff()["before"], found.diff()["after"][:8]) == ("", "apiVersi")


def test_shown_without_bookkeeping() -> None:
    shown = plain(EDITED)
    assert "status" not in shown
    assert set(shown["metadata"]) == {"name", "namespace", "labels", "annotations"}
    assert list(shown["metadata"]["annotations"]) == ["example.org/hand"]
    assert as_yaml({"script": "one\ntwo\n", "empty": ""}) == "empty: ''\nscript: |\n  one\n  two\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"spec": {"template": {}}}, True),
        ({}, {"spec": {"type": "ClusterIP"}}, False),
        ({"spec": {"template": {"a": 1}}}, {"spec": {"template": {"a": 1}}}, False),
        ({"spec": {"template": {"a": 1}}}, {"spec": {"template": {"a": 2}}}, True),
        ({"spec": {"replicas": 0}}, {"spec": {}}, True),
        ({"spec": {"replicas": 2}}, {"spec": {"replicas": 1}}, False),
        ({"spec": {"replicas": 2}}, {}, False),
    ],
)
def test_whether_an_apply_makes_pods(before: dict[str, Any], after: dict[str, Any], expected: bool) -> None:
    assert Compared(before, after, after).new_pods == expected
