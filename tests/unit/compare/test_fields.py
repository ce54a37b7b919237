# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who owns which field, as a cluster wrote it into managedFields."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.compare import fields

MINE = "varasys.zddc"
# A Deployment with one container, applied by us; then kubectl changed env A, added env B, container d, a node selector
# and an annotation, scaled it and restarted it.
EDITED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "recorded/edited.json").read_text(encoding="utf-8"))


@pytest.fixture
def live() -> dict[str, Any]:
    return copy.deepcopy(EDITED)


def added(live: dict[str, Any]) -> list[fields.Path]:
    own = fields.owned_by(live, MINE)
    return [one.path for one in fields.owned_by_others(live, MINE) if one.path not in own]


def test_what_we_own(live: dict[str, Any]) -> None:
    assert {fields.shown(path) for path in fields.owned_by(live, MINE)} == {
        "metadata.labels.a",
        "spec.selector",
        "spec.template.metadata.labels.a",
        "spec.template.spec.containers[c]",
        "spec.template.spec.containers[c].env[A]",
        "spec.template.spec.containers[c].env[A].name",
        "spec.template.spec.containers[c].image",
        "spec.template.spec.containers[c].name",
    }


def test_what_others_own(live: dict[str, Any]) -> None:
    found = {(one.manager, fields.shown(one.path)) for one in fields.owned_by_others(live, MINE)}
    assert ("kubectl-scale", "spec.replicas") in found
    assert ("kubectl-set", "spec.template.spec.containers[c].env[A].value") in found
    assert ("kubectl-patch", "spec.template.spec.nodeSelector") in found
    # The status, and what a restart writes, are nobody's change.
    assert not any("status" in path or "restartedAt" in path for _manager, path in found)


@pytest.mark.parametrize("field", ["finalizers", "ownerReferences"])
def test_what_another_needs_for_the_end_of_an_object(live: dict[str, Any], field: str) -> None:
    owned = {"f:metadata": {f"f:{field}": {".": {}, 'v:"ingress.k8s.aws/resources"': {}}}}
    entry = {"manager": "controller", "operation": "Update", "fieldsV1": owned}
    before = fields.owned_by_others(live, MINE)
    live["metadata"]["managedFields"].append(entry)
    assert fields.owned_by_others(live, MINE) == before


def test_an_item_is_shown_and_not_its_fields(live: dict[str, Any]) -> None:
    assert {fields.shown(path) for path in fields.collapsed(added(live))} == {
        "spec.replicas",
        "spec.template.spec.containers[c].env[A].value",
        "spec.template.spec.containers[c].env[B]",
        "metadata.annotations[example.org/hand]",
        "spec.template.spec.containers[d]",
        "spec.template.spec.nodeSelector",
    }


def test_values(live: dict[str, Any]) -> None:
    found = {fields.shown(path): fields.value(live, path) for path in fields.collapsed(added(live))}
    assert found["spec.template.spec.containers[c].env[B]"] == {"name": "B", "value": "2"}
    assert found["spec.template.spec.nodeSelector"] == {"disk": "fast"}
    assert fields.value(live, ("f:spec", "f:none", "f:below")) is fields.MISSING
    assert fields.value(live, ("f:spec", 'k:{"name":"c"}')) is fields.MISSING


def test_removal_leaves_nothing_behind(live: dict[str, Any]) -> None:
    for path in added(live):
        fields.remove(live, path)
    spec = live["spec"]["template"]["spec"]
    assert [item["name"] for item in spec["containers"]] == ["c"]
    assert spec["containers"][0]["env"] == [{"name": "A"}]
    assert "nodeSelector" not in spec and "replicas" not in live["spec"]
    assert list(live["metadata"]["annotations"]) == ["deployment.kubernetes.io/revision"]


def test_items_of_sets_and_by_place() -> None:
    item = {"metadata": {"finalizers": ["a", "b"]}, "list": [1, 2]}
    path = ("f:metadata", "f:finalizers", 'v:"b"')
    assert fields.value(item, path) == "b" and fields.shown(path) == "metadata.finalizers[b]"
    fields.remove(item, path)
    assert item["metadata"] == {"finalizers": ["a"]}
    assert fields.value(item, ("f:list", "i:1")) == 2
    assert fields.value(item, ("f:list", "i:2")) is fields.MISSING


def test_adoption(live: dict[str, Any]) -> None:
    everything = {one.path for one in fields.owned_by_others(live, MINE)} | fields.owned_by(live, MINE)
    live["metadata"]["managedFields"] = fields.adopted(live, MINE, [])
    assert fields.owned_by(live, MINE) == everything
    assert fields.owned_by_others(live, MINE) == []
    # The status keeps its manager, and so does the restart.
    left = {(entry["manager"], entry.get("subresource")) for entry in live["metadata"]["managedFields"]}
    assert left == {(MINE, None), ("kube-controller-manager", "status"), ("kubectl-rollout", None)}


def test_allowed_managers_keep_theirs(live: dict[str, Any]) -> None:
    live["metadata"]["managedFields"] = fields.adopted(live, MINE, ["kubectl-scale"])
    assert [(one.manager, one.path) for one in fields.owned_by_others(live, MINE)] == [
        ("kubectl-scale", ("f:spec", "f:replicas"))
    ]


def test_adoption_of_what_was_never_applied(live: dict[str, Any]) -> None:
    everything = {one.path for one in fields.owned_by_others(live, "new")}
    live["metadata"]["managedFields"] = fields.adopted(live, "new", [])
    assert fields.owned_by(live, "new") == everything
    nobody = {"apiVersion": "v1", "metadata": {}}
    assert fields.adopted(nobody, "new", []) == []
